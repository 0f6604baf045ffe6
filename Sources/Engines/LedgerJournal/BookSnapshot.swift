package import LedgerBook
package import Vocabulary

/// The book as it stood after one journal entry, so that a start need not read all of history.
///
/// Byte by byte, little-endian: "SRSNAP01"; the entry's sequence 8 and hash 32; the sequence of the
/// last transfer 8; the book's moment 8; accounts 8; open holds 8; then each account (`AccountRow`,
/// 80 bytes) in the order of numbers and each hold (`TransferRow`, 128 bytes, then its sequence 8).
package struct BookSnapshot: Sendable {
  static let magic = Array("SRSNAP01".utf8)

  package let position: JournalPosition
  package let lastTransfer: Int64
  package let moment: Instant
  package let accounts: [AccountRow]
  package let holds: [KnownTransfer]

  /// - Parameter position: the last entry that `book` has applied.
  package init(of book: Book, at position: JournalPosition) {
    self.position = position
    lastTransfer = book.sequence
    moment = book.now
    accounts = book.accountRows
    holds = book.openHolds
  }

  package var encoded: [UInt8] {
    var writer = OctetWriter(capacity: 80 + accounts.count * 80 + holds.count * 136)
    writer.append(Self.magic)
    writer.append(position.sequence)
    writer.append(position.hash.bytes)
    writer.append(lastTransfer)
    writer.append(moment.nanoseconds)
    writer.append(Int64(accounts.count))
    writer.append(Int64(holds.count))
    writer.append(rows: accounts)
    for hold in holds {
      writer.append(rows: [hold.row])
      writer.append(hold.sequence)
    }
    return writer.bytes
  }

  /// - Throws: `JournalMismatch.snapshot` where the bytes are not those that were hashed.
  package init(
    encoded bytes: [UInt8], hash: JournalHash, at sequence: Int64
  ) throws(JournalMismatch) {
    guard Self.hash(of: bytes) == hash else {
      throw .snapshot(at: sequence, "it is not what was written: its hash differs")
    }
    guard let decoded = try? Self(decoding: bytes), decoded.position.sequence == sequence else {
      throw .snapshot(at: sequence, "it cannot be read")
    }
    self = decoded
  }

  package static func hash(of bytes: [UInt8]) -> JournalHash { JournalHash(of: bytes) }

  private init(decoding bytes: [UInt8]) throws(OctetReader.TooShort) {
    var reader = OctetReader(bytes[...])
    guard try Array(reader.part(8)) == Self.magic else { throw .init() }
    let sequence = try reader.number(Int64.self)
    guard let hash = JournalHash(try reader.part(32)) else { throw .init() }
    position = JournalPosition(sequence: sequence, hash: hash)
    lastTransfer = try reader.number(Int64.self)
    moment = Instant(nanoseconds: try reader.number(Int64.self))
    let accountCount = Int(try reader.number(Int64.self))
    let holdCount = Int(try reader.number(Int64.self))
    guard lastTransfer >= 0, accountCount >= 0, holdCount >= 0 else { throw .init() }
    accounts = try reader.rows(AccountRow.self, count: accountCount)
    var holds: [KnownTransfer] = []
    for _ in 0..<holdCount {
      let row = try reader.rows(TransferRow.self, count: 1)[0]
      holds.append(KnownTransfer(row: row, sequence: try reader.number(Int64.self)))
    }
    self.holds = holds
    guard reader.rest == 0 else { throw .init() }
  }

  /// The book again, checked sum by sum.
  /// - Parameter recent: the transfers up to `lastTransfer` that history does not know yet.
  package func book(
    limits: Book.Limits, key: UInt64, remembering recent: [TransferRow] = []
  ) throws(JournalMismatch) -> Book {
    do throws(BookMismatch) {
      return try Book(
        restoring: accounts, holds: holds, sequence: lastTransfer, now: moment, limits: limits,
        key: key, remembering: recent)
    } catch {
      throw .snapshot(at: position.sequence, error.description)
    }
  }
}
