import LedgerBook
import Vocabulary

// An entry byte by byte; numbers are little-endian.
//
//     offset  bytes
//          0      8  "SRJRNL01"
//          8      8  sequence, from 1
//         16      8  epoch
//         24      8  moment, nanoseconds since 1970 (signed)
//         32     32  hash of the entry before; zeros in the first
//         64      8  sequence of the first transfer
//         72      4  E: holds that expired
//         76      4  A: accounts that were opened
//         80      4  T: transfers that were accepted
//         84      4  C: changes of accounts; zero in books that are older than they
//         88      8  zeros
//         96    16E  ids of the holds
//              48A  accounts: id 16, owner 16, code 2, currency 2, flags 2, ten zeros
//              32C  changes: account 16, sequence of the transfer before it 8, change 2, six zeros
//             128T  transfers: `TransferRow`, field by field; the two bytes of `maker` are zero in books that are
//                   older than it
//
// The hash is SHA-256 of all of it. There is nothing behind the last transfer.

extension JournalEntry {
  static let magic = Array("SRJRNL01".utf8)
  /// Bytes before the ids of the expired holds.
  package static let headBytes = 96
  package static let expiredBytes = 16
  package static let openedBytes = 48
  package static let changedBytes = 32

  var encoded: [UInt8] {
    var writer = OctetWriter(
      capacity: Self.headBytes + expired.count * Self.expiredBytes
        + opened.count * Self.openedBytes + changed.count * Self.changedBytes
        + accepted.count * TransferRow.bytes)
    writer.append(Self.magic)
    writer.append(sequence)
    writer.append(epoch)
    writer.append(moment.nanoseconds)
    writer.append(previous.bytes)
    writer.append(firstTransfer)
    writer.append(UInt32(expired.count))
    writer.append(UInt32(opened.count))
    writer.append(UInt32(accepted.count))
    writer.append(UInt32(changed.count))
    writer.append(UInt64(0))
    writer.append(rows: expired)
    for account in opened {
      writer.append(account.id)
      writer.append(account.owner)
      writer.append(account.code)
      writer.append(account.currency)
      writer.append(account.flags)
      writer.append(UInt16(0))
      writer.append(UInt64(0))
    }
    for row in changed {
      writer.append(row.account)
      writer.append(row.after)
      writer.append(row.change.rawValue)
      writer.append(UInt16(0))
      writer.append(UInt32(0))
    }
    // Last, so that a transfer is found by its distance from the end.
    writer.append(rows: accepted)
    return writer.bytes
  }

  /// Nil for anything that this program would not have written.
  init?(encoded bytes: [UInt8]) {
    var reader = OctetReader(bytes[...])
    do throws(OctetReader.TooShort) {
      guard try Array(reader.part(8)) == Self.magic else { return nil }
      sequence = try reader.number(Int64.self)
      epoch = try reader.number(Int64.self)
      moment = Instant(nanoseconds: try reader.number(Int64.self))
      guard let previous = JournalHash(try reader.part(32)) else { return nil }
      self.previous = previous
      firstTransfer = try reader.number(Int64.self)
      let counts = [
        try reader.number(UInt32.self), try reader.number(UInt32.self),
        try reader.number(UInt32.self), try reader.number(UInt32.self),
      ].map { Int($0) }
      guard sequence > 0, epoch >= 0, firstTransfer > 0, try reader.number(UInt64.self) == 0
      else { return nil }
      expired = try reader.rows(UInt128.self, count: counts[0])
      opened = []
      for _ in 0..<counts[1] {
        guard let account = try AccountRow(&reader, openedAt: moment) else { return nil }
        opened.append(account)
      }
      changed = []
      for _ in 0..<counts[3] {
        guard let row = try AccountChangeRow(&reader) else { return nil }
        changed.append(row)
      }
      accepted = try reader.rows(TransferRow.self, count: counts[2])
      let written = moment.nanoseconds
      guard reader.rest == 0,
        accepted.allSatisfy({ $0.createdAt == written })
      else { return nil }
    } catch {
      return nil
    }
  }
}

extension AccountChangeRow {
  fileprivate init?(_ reader: inout OctetReader) throws(OctetReader.TooShort) {
    let account = try reader.number(UInt128.self)
    let after = try reader.number(Int64.self)
    let change = AccountChange(rawValue: try reader.number(UInt16.self))
    guard let change, try reader.number(UInt16.self) == 0, try reader.number(UInt32.self) == 0
    else { return nil }
    self.init(account: account, change: change, after: after)
  }
}

extension AccountRow {
  fileprivate init?(
    _ reader: inout OctetReader, openedAt moment: Instant
  ) throws(OctetReader.TooShort) {
    let id = try reader.number(UInt128.self)
    let owner = try reader.number(UInt128.self)
    let code = try reader.number(UInt16.self)
    let currency = try reader.number(UInt16.self)
    let flags = try reader.number(UInt16.self)
    guard try reader.number(UInt16.self) == 0, try reader.number(UInt64.self) == 0 else {
      return nil
    }
    self.init(
      id: id, owner: owner, createdAt: moment.nanoseconds, currency: currency, code: code,
      flags: flags, closed: AccountFlags(rawValue: flags).contains(.closed) ? 1 : 0)
  }
}
