package import Vocabulary

/// A batch in fixed width, and the answer to one: the same meaning as the JSON, for services that send many. `BINARY.md`
/// says it byte by byte. Pure, and strict: whatever this program would not have written is refused, by record and field.
package enum BinaryBatch {
  /// The content type of both; `createTransfers` and `createAccounts` answer in the type in which they were asked.
  package static let contentType = "application/vnd.strongroom.ledger-batch"
  package static let version: UInt16 = 1
  /// Bytes before the first record or code.
  package static let headBytes = 16
  static let magic: UInt32 = 0x424c_5253  // "SRLB" as it lies in the file.

  /// What the records, or codes, are.
  enum Kind: UInt16 {
    case transfers = 1
    case accounts = 2
    case transferResults = 0x8001
    case accountResults = 0x8002
  }

  // MARK: requests

  /// - Throws: `malformed-request` for a batch that is empty or too long, and for a day that is none.
  package static func encode(_ batch: NewTransfers) throws(Problem) -> [UInt8] {
    try requireSize(batch.transfers.count, field: "/transfers")
    var records: [TransferRecord] = []
    for (place, transfer) in batch.transfers.enumerated() {
      records.append(try TransferRecord(transfer, at: "/transfers/\(place)"))
    }
    return encode(records)
  }

  /// Records that are a batch: 1 to `LedgerLimits.batchMax`.
  package static func encode(_ records: [TransferRecord]) -> [UInt8] { encode(.transfers, records) }

  /// - Throws: `malformed-request` for a batch that is empty or too long.
  package static func encode(_ batch: NewAccounts) throws(Problem) -> [UInt8] {
    try requireSize(batch.accounts.count, field: "/accounts")
    return encode(.accounts, batch.accounts.map(AccountRecord.init))
  }

  /// - Throws: `malformed-request` with the field, as `/transfers/3/flags`.
  package static func transfers(_ bytes: [UInt8]) throws(Problem) -> [TransferRecord] {
    let records = try decode(bytes, .transfers, TransferRecord.self, max: LedgerLimits.batchMax)
    for (place, record) in records.enumerated() {
      if let field = record.malformed { throw field.problem(at: "/transfers/\(place)") }
    }
    return records
  }

  /// - Throws: `malformed-request` with the field, as `/accounts/3/flags`.
  package static func accounts(_ bytes: [UInt8]) throws(Problem) -> [NewAccount] {
    let records = try decode(bytes, .accounts, AccountRecord.self, max: LedgerLimits.batchMax)
    var accounts: [NewAccount] = []
    accounts.reserveCapacity(records.count)
    for (place, record) in records.enumerated() {
      if let field = record.malformed { throw field.problem(at: "/accounts/\(place)") }
      accounts.append(NewAccount(record))
    }
    return accounts
  }

  // MARK: answers

  /// One code for each transfer, in the batch's order; see `ResultCodes.transfers`.
  package static func encode(transferResults codes: [UInt16]) -> [UInt8] {
    encode(.transferResults, codes)
  }
  /// One code for each account, in the batch's order; see `ResultCodes.accounts`.
  package static func encode(accountResults codes: [UInt16]) -> [UInt8] {
    encode(.accountResults, codes)
  }

  /// The names of the results, in the batch's order.
  /// - Throws: `malformed-request` where it is no answer to a batch of transfers.
  package static func transferResults(_ bytes: [UInt8]) throws(Problem) -> [String] {
    try names(try decode(bytes, .transferResults, UInt16.self), ResultCodes.transfers)
  }
  /// The same for accounts.
  package static func accountResults(_ bytes: [UInt8]) throws(Problem) -> [String] {
    try names(try decode(bytes, .accountResults, UInt16.self), ResultCodes.accounts)
  }

  private static func names(_ codes: [UInt16], _ table: [String]) throws(Problem) -> [String] {
    var names: [String] = []
    for (place, code) in codes.enumerated() {
      guard table.indices.contains(Int(code)) else {
        throw .malformed("a result code of another version", field: "/results/\(place)")
      }
      names.append(table[Int(code)])
    }
    return names
  }

  // MARK: the frame

  private static func requireSize(_ count: Int, field: String) throws(Problem) {
    guard (1...LedgerLimits.batchMax).contains(count) else {
      throw .malformed("expected 1 to \(LedgerLimits.batchMax) events", field: field)
    }
  }

  private static func encode<Record: BitwiseCopyable>(
    _ kind: Kind, _ records: [Record]
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headBytes + records.count * MemoryLayout<Record>.stride)
    func append(_ number: some FixedWidthInteger & BitwiseCopyable) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(magic)
    append(version)
    append(kind.rawValue)
    append(UInt32(truncatingIfNeeded: records.count))
    append(UInt32(0))
    records.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  private static func decode<Record: BitwiseCopyable>(
    _ bytes: [UInt8], _ kind: Kind, _ type: Record.Type, max: Int = .max
  ) throws(Problem) -> [Record] {
    func number<Number: FixedWidthInteger & BitwiseCopyable>(
      _ offset: Int, _ type: Number.Type
    ) -> Number {
      Number(
        littleEndian: bytes.withUnsafeBytes {
          $0.loadUnaligned(fromByteOffset: offset, as: Number.self)
        })
    }
    guard bytes.count >= headBytes, number(0, UInt32.self) == magic else {
      throw .malformed("not a binary batch of the ledger", field: "/head/magic")
    }
    guard number(4, UInt16.self) == version else {
      throw .malformed("expected version \(version)", field: "/head/version")
    }
    guard number(6, UInt16.self) == kind.rawValue else {
      throw .malformed("expected kind \(kind.rawValue)", field: "/head/kind")
    }
    let count = Int(number(8, UInt32.self))
    guard count >= 1, count <= max else {
      throw .malformed("expected 1 to \(max) records", field: "/head/count")
    }
    guard number(12, UInt32.self) == 0 else {
      throw .malformed("expected zeros", field: "/head/reserved")
    }
    let width = MemoryLayout<Record>.stride
    guard bytes.count - headBytes == count * width else {
      throw .malformed("expected \(count) records of \(width) bytes", field: "/head/count")
    }
    return [Record](unsafeUninitializedCapacity: count) { buffer, filled in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes[headBytes...])
      filled = count
    }
  }
}

/// Why a record is not to be read.
struct MalformedField {
  let name: String
  let reason: String

  func problem(at pointer: String) -> Problem {
    .malformed(reason, field: "\(pointer)/\(name)")
  }
}
