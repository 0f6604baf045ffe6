import Vocabulary

/// A transfer that somebody wants made, in fixed width: what a binary batch is made of. 128 bytes,
/// little-endian, in the order of these fields. Zero is "absent" for ids, currency and code; for
/// what may be zero by itself `absentAmount` and `absentDay` are.
package struct RequestRow: BitwiseCopyable, Hashable, Sendable {
  package static let absentAmount = Int64.min
  package static let absentDay = Int32.min
  /// The operator, and whoever made what books hold that are older than this field.
  package static let operatorMaker: UInt16 = 0
  /// Payments. Holds with a token in those older books are its: nobody else could make one.
  package static let paymentsMaker: UInt16 = 1

  package var id: UInt128 = 0
  package var debitAccount: UInt128 = 0
  package var creditAccount: UInt128 = 0
  package var pendingID: UInt128 = 0
  package var paymentID: UInt128 = 0
  package var correlationID: UInt128 = 0
  /// Minor units.
  package var amount = absentAmount
  /// Seconds; anything above `Book.timeoutSecondsMax` is refused by name.
  package var timeoutSeconds: UInt32 = 0
  /// Days since 1970-01-01.
  package var bookedOn = absentDay
  package var code: UInt16 = 0
  /// ISO 4217, numeric.
  package var currency: UInt16 = 0
  package var flags: UInt16 = 0
  /// Who asks, as the ledger numbers its callers: a hold is ended by who made it. Never from a request's own bytes.
  package var maker = operatorMaker
  /// Zero.
  package var reservedToo: UInt64 = 0

  package init() {}

  package init(_ request: TransferRequest) {
    id = request.id.bits
    debitAccount = request.debitAccount?.bits ?? 0
    creditAccount = request.creditAccount?.bits ?? 0
    pendingID = request.pendingID?.bits ?? 0
    paymentID = request.paymentID?.bits ?? 0
    correlationID = request.correlationID?.bits ?? 0
    // The smallest number means "absent"; its neighbour is out of range just as well.
    amount = request.amount.map { max($0, .min + 1) } ?? Self.absentAmount
    // What does not fit is out of range in any case, and stays so.
    timeoutSeconds = UInt32(exactly: request.timeoutSeconds) ?? .max
    bookedOn = request.bookedOn.map { Int32(clamping: $0.daysSinceEpoch) } ?? Self.absentDay
    code = request.code
    currency = request.currency?.numericCode ?? 0
    flags = request.flags.rawValue
    maker = request.maker
  }

  /// The request that leads to an accepted transfer again; what it had left out is filled in.
  init(_ row: TransferRow, debit: UInt128, credit: UInt128) {
    id = row.id
    debitAccount = debit
    creditAccount = credit
    pendingID = row.pendingID
    paymentID = row.paymentID
    correlationID = row.correlationID
    amount = row.does(.balancing) ? row.amountLimit : row.amount
    timeoutSeconds = row.timeoutSeconds
    bookedOn = row.bookedOn
    code = row.code
    currency = row.currency
    flags = row.flags
    maker = row.maker
    // A hold of nothing closes an account; ending it names no amount.
    if row.does(.resolving), amount == 0 { amount = Self.absentAmount }
  }

  /// True where it has one of these flags.
  @inline(__always)
  func does(_ any: TransferFlags) -> Bool { flags & any.rawValue != 0 }
  /// The amount, where absent is zero.
  @inline(__always)
  var amountOrZero: Int64 { amount == Self.absentAmount ? 0 : amount }
}
