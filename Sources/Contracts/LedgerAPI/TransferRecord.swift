package import Vocabulary

#if _endian(big)
  #error("records are copied as they lie in memory: little-endian")
#endif

/// A transfer to make in fixed width: 128 bytes, little-endian, in the order of these fields. Zero is "absent" for ids,
/// currency, code and timeout; the amount and the day, which may be zero, have a number of their own for it.
package struct TransferRecord: BitwiseCopyable, Hashable, Sendable {
  package static let bytes = 128
  package static let absentAmount = Int64.min
  package static let absentDay = Int32.min
  /// Days since 1970-01-01 that a record may name: the years 1970 to 9999.
  package static let days: ClosedRange<Int32> = 0...2_932_896

  package var id: UInt128 = 0
  package var debitAccount: UInt128 = 0
  package var creditAccount: UInt128 = 0
  package var pendingID: UInt128 = 0
  package var paymentID: UInt128 = 0
  package var correlationID: UInt128 = 0
  /// Minor units.
  package var amount = absentAmount
  package var timeoutSeconds: UInt32 = 0
  /// Days since 1970-01-01.
  package var bookedOn = absentDay
  package var code: UInt16 = 0
  /// ISO 4217, numeric.
  package var currency: UInt16 = 0
  /// Bit n is the flag in place n of `TransferFlag`.
  package var flags: UInt16 = 0
  /// Zero.
  package var reserved: UInt16 = 0
  /// Zero.
  package var reservedToo: UInt64 = 0

  package init() {}

  /// - Parameter pointer: where the transfer stands in the batch, for the refusal.
  /// - Throws: `malformed-request` for a day that is none.
  package init(_ new: NewTransfer, at pointer: String) throws(Problem) {
    id = new.id.bits
    debitAccount = new.debitAccount?.bits ?? 0
    creditAccount = new.creditAccount?.bits ?? 0
    pendingID = new.pendingID?.bits ?? 0
    paymentID = new.paymentID?.bits ?? 0
    correlationID = new.correlationID?.bits ?? 0
    // The smallest number means "absent"; its neighbour is out of range just as well.
    amount = new.amount.map { max($0, .min + 1) } ?? Self.absentAmount
    // What does not fit is out of range in any case, and stays so.
    timeoutSeconds = UInt32(exactly: new.timeoutSeconds ?? 0) ?? .max
    bookedOn = try new.bookedDay(at: pointer).map { Int32($0.daysSinceEpoch) } ?? Self.absentDay
    code = new.code ?? 0
    currency = new.currency?.numericCode ?? 0
    flags = new.flags?.bits ?? 0
  }

  /// The first field that this program would not have written.
  var malformed: MalformedField? {
    guard bookedOn == Self.absentDay || Self.days.contains(bookedOn) else {
      return MalformedField(name: "booked_on", reason: "expected a day of the years 1970 to 9999")
    }
    guard currency == 0 || Currency(numericCode: currency) != nil else {
      return MalformedField(name: "currency", reason: "expected a number of ISO 4217")
    }
    guard flags < 1 << TransferFlag.allCases.count else {
      return MalformedField(name: "flags", reason: "unknown flag")
    }
    guard reserved == 0, reservedToo == 0 else {
      return MalformedField(name: "reserved", reason: "expected zeros")
    }
    return nil
  }
}

/// An account to open in fixed width: 48 bytes, little-endian, in the order of these fields.
struct AccountRecord: BitwiseCopyable {
  var id: UInt128
  /// Zero: the bank's own.
  var owner: UInt128
  var code: UInt16
  /// ISO 4217, numeric.
  var currency: UInt16
  /// Bit n is the flag in place n of `AccountFlag`.
  var flags: UInt16
  /// Zero.
  var reserved: UInt16 = 0
  /// Zero.
  var reservedToo: UInt64 = 0

  init(_ new: NewAccount) {
    id = new.id.bits
    owner = new.owner?.bits ?? 0
    code = new.code
    currency = new.currency.numericCode
    flags = new.flags?.bits ?? 0
  }

  var malformed: MalformedField? {
    guard Currency(numericCode: currency) != nil else {
      return MalformedField(name: "currency", reason: "expected a number of ISO 4217")
    }
    guard flags < 1 << AccountFlag.allCases.count else {
      return MalformedField(name: "flags", reason: "unknown flag")
    }
    guard reserved == 0, reservedToo == 0 else {
      return MalformedField(name: "reserved", reason: "expected zeros")
    }
    return nil
  }
}

extension NewAccount {
  /// - Parameter record: one that is not malformed.
  init(_ record: AccountRecord) {
    guard let currency = Currency(numericCode: record.currency) else {
      preconditionFailure("a record is looked at before it is read")
    }
    self.init(
      id: AccountID(bits: record.id), currency: currency, code: record.code,
      owner: record.owner == 0 ? nil : PersonID(bits: record.owner),
      flags: Flags(bits: record.flags))
  }
}

extension NewTransfer {
  /// The day for which the books count it; nil where none is given.
  /// - Throws: `malformed-request` with the field below `pointer`, for what is no day of the years 1970 to 9999.
  package func bookedDay(at pointer: String) throws(Problem) -> CivilDate? {
    guard let bookedOn else { return nil }
    guard let date = CivilDate(bookedOn), date.components.year >= 1970 else {
      throw .malformed("expected a day, YYYY-MM-DD", field: "\(pointer)/booked_on")
    }
    return date
  }
}

extension Flags {
  /// One bit for each flag, the first of the declaration lowest.
  package var bits: UInt16 {
    var bits: UInt16 = 0
    for (place, flag) in Flag.allCases.enumerated() where raised.contains(flag) {
      bits |= 1 << UInt16(place)
    }
    return bits
  }

  /// Bits without a flag are left out.
  package init(bits: UInt16) {
    self.init(
      Set(Flag.allCases.enumerated().filter { bits & 1 << UInt16($0.offset) != 0 }.map(\.element)))
  }
}
