import LedgerBook
import LedgerJournal
import Storage
import Synchronization

/// Builds segments of the index and joins small ones into larger ones. What it writes counts only
/// when the segment's own row is there, so a crash leaves nothing but chunks without an owner.
/// Blocks; the caller gives it a thread of its own.
struct IndexWriter {
  /// Segments of one size that are joined into one of the next.
  static let fanOut = 8
  /// Transfers in a segment at most: larger ones are not joined further.
  static let transfersMax: Int64 = 16_777_216
  /// Chunks in one transaction, so that no commit of the journal waits long: about 1 MiB.
  static let chunksPerWrite = 48

  let store: Store
  let numbers: SegmentNumbers

  /// The last number given to a segment. A class: shared by those who build segments at a time.
  final class SegmentNumbers: Sendable {
    let last = Mutex<Int64>(0)
  }

  // MARK: new segments

  /// Indexes a stretch of history that follows what is indexed.
  func add(_ rows: [TransferRow], first: Int64) throws {
    let segment = try nextSegment()
    var chunks = ChunkWriter(self, segment)
    for kind in IndexKind.allCases {
      try chunks.append(IndexRun(kind, of: rows, first: first).entries, kind)
    }
    let written = try chunks.finish()
    let last = first + Int64(rows.count) - 1
    try write { transaction in
      guard try IndexStore.projected(transaction.snapshot) == first - 1 else {
        throw StoreError.constraint("index segments leave no gap")
      }
      try Self.keep(
        .init(id: segment, level: 0, first: first, last: last), of: written, transaction)
    }
  }

  /// - Parameter chunks: how many were written. A segment that lacks one would call a used id new, so it is not kept.
  private static func keep(
    _ segment: IndexStore.Segment, of chunks: Int64, _ transaction: Transaction
  ) throws {
    let there = try transaction.snapshot.row(
      "SELECT count(*) AS there FROM index_chunks WHERE segment = ?", [.integer(segment.id)])
    guard try there?.integer("there") == chunks else {
      throw StoreError.constraint("chunks of an index segment are gone")
    }
    try transaction.execute(
      "INSERT INTO index_segments (id, level, first, last) VALUES (?, ?, ?, ?)",
      [
        .integer(segment.id), .integer(segment.level), .integer(segment.first),
        .integer(segment.last),
      ])
  }

  /// A number that no chunk has: those of a writer that died may still be there, and another
  /// segment may be in the making.
  private func nextSegment() throws -> Int64 {
    try numbers.last.withLock { last in
      let begun = try store.readNow { snapshot in
        let kept = try snapshot.row("SELECT max(id) AS id FROM index_segments")
        let begun = try snapshot.row("SELECT max(segment) AS id FROM index_chunks")
        return max(
          try kept?.optionalInteger("id") ?? 0, try begun?.optionalInteger("id") ?? 0)
      }
      last = max(last, begun) + 1
      return last
    }
  }

  // MARK: joining

  /// Joins the oldest group of segments that is due. False where none is.
  func joinOnce() throws -> Bool {
    let segments = try store.readNow { try IndexStore.segments($0) }
    guard let group = Self.due(segments), let first = group.first, let last = group.last else {
      return false
    }
    let number = try nextSegment()
    var chunks = ChunkWriter(self, number)
    for kind in IndexKind.allCases {
      var cursors = group.map { SegmentCursor(store, $0.id, kind) }
      for index in cursors.indices { try cursors[index].advance() }
      while let least = Self.least(cursors), let entry = cursors[least].entry {
        try chunks.append(entry, kind)
        try cursors[least].advance()
      }
    }
    let written = try chunks.finish()
    let joined = IndexStore.Segment(
      id: number, level: first.level + 1, first: first.first, last: last.last)
    try write { transaction in
      for segment in group {
        // Somebody may have dropped the index meanwhile; then there is nothing to replace.
        guard
          try transaction.execute(
            "DELETE FROM index_segments WHERE id = ?", [.integer(segment.id)]) == 1
        else { throw StoreError.constraint("an index segment is gone") }
      }
      try Self.keep(joined, of: written, transaction)
    }
    for segment in group { try delete(unlessKept: segment.id) }
    return true
  }

  private static func least(_ cursors: [SegmentCursor]) -> Int? {
    var least: Int?
    for index in cursors.indices {
      guard let entry = cursors[index].entry else { continue }
      if let held = least, let other = cursors[held].entry, other < entry { continue }
      least = index
    }
    return least
  }

  /// `fanOut` neighbours of one level that together are not too large.
  private static func due(_ segments: [IndexStore.Segment]) -> [IndexStore.Segment]? {
    var start = 0
    while start + fanOut <= segments.count {
      let group = segments[start..<start + fanOut]
      let level = segments[start].level
      if group.allSatisfy({ $0.level == level }), let last = group.last,
        last.last - segments[start].first < transfersMax
      {
        return Array(group)
      }
      start += 1
    }
    return nil
  }

  /// Deletes the chunks of segments that are not, or no longer, part of the index. Only what is there when it begins:
  /// a segment that another writer has in the making then is not kept afterwards.
  func sweep() throws {
    let (living, newest) = try store.readNow { snapshot in
      let newest = try snapshot.row("SELECT max(segment) AS id FROM index_chunks")
      return (
        Set(try IndexStore.segments(snapshot).map(\.id)), try newest?.optionalInteger("id") ?? 0
      )
    }
    var last: Int64 = 0
    while let segment = try segmentWithChunks(after: last), segment <= newest {
      last = segment
      if !living.contains(segment) { try delete(unlessKept: segment) }
    }
  }

  private func segmentWithChunks(after last: Int64) throws -> Int64? {
    try store.readNow {
      try $0.row(
        "SELECT min(segment) AS segment FROM index_chunks WHERE segment > ?", [.integer(last)]
      )?.optionalInteger("segment")
    }
  }

  private func delete(unlessKept segment: Int64) throws {
    while true {
      let deleted = try write { transaction in
        // Index pages hold nothing that the journal does not hold as well; overwriting them would
        // double the cost of joining.
        try transaction.delete(
          withoutErasing: """
            DELETE FROM index_chunks WHERE id IN
            (SELECT id FROM index_chunks WHERE segment = ?
            AND segment NOT IN (SELECT id FROM index_segments) LIMIT \(Self.chunksPerWrite * 4))
            """, [.integer(segment)])
      }
      if deleted == 0 { return }
    }
  }

  // MARK: the store

  @discardableResult
  func write<Result: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Result
  ) throws -> Result {
    try store.writeNow(body)
  }
}
