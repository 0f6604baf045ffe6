/// The newest accepted transfers, found by id, by the hold they ended and by the token they used:
/// those that history may not know yet. The oldest are forgotten a block at a time, so that memory
/// does not grow with history.
struct RecentTransfers: Sendable {
  /// Rows of a block.
  private let blockRows: Int

  private var blocks: [[TransferRow]] = []
  private var ids: IDTable
  private var ends: IDTable
  private var tokens: IDTable
  /// The sequence of the oldest row here, or of the next one where there is none.
  private(set) var first: Int64
  private(set) var count = 0

  init(after sequence: Int64, block: Int, key: UInt64) {
    blockRows = block
    first = sequence + 1
    ids = IDTable(key: key)
    ends = IDTable(key: key &+ 1)
    tokens = IDTable(key: key &+ 2)
  }

  var next: Int64 { first + Int64(count) }

  subscript(sequence: Int64) -> TransferRow {
    let place = Int(sequence - first)
    return blocks[place / blockRows][place % blockRows]
  }

  func transfer(_ id: UInt128) -> KnownTransfer? { ids.find(id).map(known) }
  func touch(_ id: UInt128) -> UInt32 { ids.touch(id) }
  /// The transfer that posted or voided this hold.
  func end(of hold: UInt128) -> KnownTransfer? { ends.find(hold).map(known) }
  func isUsed(_ token: UInt128) -> Bool { tokens.find(token) != nil }

  mutating func append(_ row: TransferRow) {
    let sequence = next
    if count % blockRows == 0 {
      blocks.append([])
      blocks[blocks.count - 1].reserveCapacity(blockRows)
    }
    blocks[blocks.count - 1].append(row)
    count += 1
    let mark = Self.mark(sequence)
    ids.insert(row.id, at: mark)
    if row.does(.resolving) { ends.insert(row.pendingID, at: mark) }
    if row.token != 0 { tokens.insert(row.token, at: mark) }
  }

  mutating func removeLast() {
    guard let row = blocks[blocks.count - 1].popLast() else { return }
    count -= 1
    if blocks[blocks.count - 1].isEmpty { blocks.removeLast() }
    remove(row)
  }

  /// Forgets whole blocks that lie at or before a sequence, which history must know by now.
  mutating func forget(through sequence: Int64) {
    while let oldest = blocks.first, oldest.count == blockRows,
      first + Int64(blockRows) - 1 <= sequence
    {
      for row in oldest { remove(row) }
      blocks.removeFirst()
      first += Int64(blockRows)
      count -= blockRows
    }
  }

  /// The rows of these sequences, all of which must be here.
  func rows(_ range: Range<Int64>) -> [TransferRow] {
    var rows: [TransferRow] = []
    rows.reserveCapacity(range.count)
    var place = Int(range.lowerBound - first)
    let end = Int(range.upperBound - first)
    while place < end {
      let block = place / blockRows
      let upTo = min(end, (block + 1) * blockRows)
      rows += blocks[block][(place % blockRows)..<(upTo - block * blockRows)]
      place = upTo
    }
    return rows
  }

  private mutating func remove(_ row: TransferRow) {
    ids.remove(row.id)
    if row.does(.resolving) { ends.remove(row.pendingID) }
    if row.token != 0 { tokens.remove(row.token) }
  }

  /// A sequence in 31 bits: fewer than 2^31 are here at a time, so the rest follows from `first`.
  private static func mark(_ sequence: Int64) -> Int { Int(sequence & 0x7fff_ffff) }
  private func known(_ mark: Int) -> KnownTransfer {
    let sequence = first + Int64((mark - Self.mark(first)) & 0x7fff_ffff)
    return KnownTransfer(row: self[sequence], sequence: sequence)
  }
}
