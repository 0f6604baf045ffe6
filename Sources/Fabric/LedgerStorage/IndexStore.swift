import LedgerBook
import LedgerJournal
import Storage
import Vocabulary

/// The index in SQL: which transfer has an id, which an account has, and so on. Built behind the
/// journal from sorted runs; whatever it does not cover yet is in the book's memory.
enum IndexStore {
  struct Segment: Hashable, Sendable {
    let id: Int64
    let level: Int64
    let first: Int64
    let last: Int64
  }

  /// In the order of history.
  static func segments(_ snapshot: Snapshot) throws -> [Segment] {
    try snapshot.rows("SELECT id, level, first, last FROM index_segments ORDER BY first").map {
      Segment(
        id: try $0.integer("id"), level: try $0.integer("level"), first: try $0.integer("first"),
        last: try $0.integer("last"))
    }
  }

  /// The last transfer that is indexed; 0 where none is.
  static func projected(_ snapshot: Snapshot) throws -> Int64 {
    try snapshot.row("SELECT max(last) AS last FROM index_segments")?.optionalInteger("last") ?? 0
  }

  // MARK: reading

  /// Where transfers with these keys stand: at most one for each, in any order.
  /// - Parameters:
  ///   - keys: ascending.
  ///   - kind: one whose keys are unique: `id`, `ended` or `token`.
  static func find(
    _ keys: [UInt128], _ kind: IndexKind, _ snapshot: Snapshot
  ) throws -> [IndexEntry] {
    var missing = keys
    var found: [IndexEntry] = []
    for segment in try segments(snapshot).reversed() where !missing.isEmpty {
      var chunk: IndexChunk?
      var still: [UInt128] = []
      for key in missing {
        if let held = chunk, held.count > 0, key <= held[held.count - 1].key {
          // The keys ascend, so the chunk at hand is the right one.
        } else {
          chunk = try self.chunk(of: segment, kind, at: key, snapshot)
        }
        guard let chunk else {
          still.append(key)
          continue
        }
        let index = chunk.lowerBound(key)
        if index < chunk.count, chunk[index].key == key {
          found.append(chunk[index])
        } else {
          still.append(key)
        }
      }
      missing = still
    }
    return found
  }

  /// Sequences of one key, ascending, or descending from the newest.
  /// - Parameter range: of sequences.
  static func sequences(
    account number: UInt32, in range: ClosedRange<Int64>, newestFirst: Bool, limit: Int,
    _ snapshot: Snapshot
  ) throws -> [Int64] {
    let low = IndexEntry.key(account: number, sequence: range.lowerBound)
    let high = IndexEntry.key(account: number, sequence: range.upperBound)
    var found: [Int64] = []
    let segments = try segments(snapshot)
    for segment in newestFirst ? segments.reversed() : segments {
      guard found.count < limit else { break }
      guard segment.last >= range.lowerBound, segment.first <= range.upperBound else { continue }
      found += try entries(
        of: segment, .account, in: low...high, newestFirst: newestFirst,
        limit: limit - found.count, snapshot
      ).map(\.sequence)
    }
    return found
  }

  /// Sequences of the transfers with this payment or correlation id, ascending.
  static func sequences(
    _ kind: IndexKind, _ key: UInt128, after: Int64, limit: Int, _ snapshot: Snapshot
  ) throws -> [Int64] {
    var found: [Int64] = []
    for segment in try segments(snapshot) where segment.last > after && found.count < limit {
      found += try entries(
        of: segment, kind, in: key...key, newestFirst: false, limit: .max, snapshot
      ).map(\.sequence).filter { $0 > after }
    }
    return Array(found.prefix(limit))
  }

  /// Sequences of an account's holds whose time runs out at these moments, in any order.
  /// - Parameter moments: nanoseconds since 1970.
  static func lapses(
    account number: UInt32, in moments: ClosedRange<Int64>, limit: Int, _ snapshot: Snapshot
  ) throws -> [Int64] {
    let low = IndexEntry.key(account: number, moment: moments.lowerBound)
    let high = IndexEntry.key(account: number, moment: moments.upperBound)
    var found: [Int64] = []
    for segment in try segments(snapshot) where found.count < limit {
      found += try entries(
        of: segment, .lapse, in: low...high, newestFirst: false, limit: limit - found.count,
        snapshot
      ).map(\.sequence)
    }
    return found
  }

  private static func entries(
    of segment: Segment, _ kind: IndexKind, in keys: ClosedRange<UInt128>, newestFirst: Bool,
    limit: Int, _ snapshot: Snapshot
  ) throws -> [IndexEntry] {
    // The chunk in which the range begins has a first key below it, or at it.
    let start = try snapshot.row(
      """
      SELECT first_key AS key FROM index_chunks WHERE segment = ? AND kind = ? AND first_key < ?
      ORDER BY first_key DESC LIMIT 1
      """, [.integer(segment.id), .count(kind.rawValue), .blob(bytes(keys.lowerBound))]
    )?.blob("key")
    var found: [IndexEntry] = []
    let direction = newestFirst ? "DESC" : "ASC"
    var from = newestFirst ? end(of: keys.upperBound) : start ?? bytes(keys.lowerBound)
    var includes = true
    while found.count < limit {
      let comparison = newestFirst ? (includes ? "<=" : "<") : (includes ? ">=" : ">")
      guard
        let row = try snapshot.row(
          """
          SELECT first_key, body FROM index_chunks WHERE segment = ? AND kind = ?
          AND first_key \(comparison) ? ORDER BY first_key \(direction) LIMIT 1
          """, [.integer(segment.id), .count(kind.rawValue), .blob(from)])
      else { break }
      from = try row.blob("first_key")
      includes = false
      let chunk = IndexChunk(kind, try row.blob("body"))
      let matching = (chunk.lowerBound(keys.lowerBound)..<chunk.count).lazy.map { chunk[$0] }
        .prefix { $0.key <= keys.upperBound }
      found += newestFirst ? Array(matching).reversed() : Array(matching)
      guard let edge = chunk.count == 0 ? nil : newestFirst ? chunk[0] : chunk[chunk.count - 1]
      else { break }
      if newestFirst ? edge.key < keys.lowerBound : edge.key > keys.upperBound { break }
    }
    return Array(found.prefix(limit))
  }

  private static func chunk(
    of segment: Segment, _ kind: IndexKind, at key: UInt128, _ snapshot: Snapshot
  ) throws -> IndexChunk? {
    try snapshot.row(
      """
      SELECT body FROM index_chunks WHERE segment = ? AND kind = ? AND first_key <= ?
      ORDER BY first_key DESC LIMIT 1
      """, [.integer(segment.id), .count(kind.rawValue), .blob(end(of: key))]
    ).map { IndexChunk(kind, try $0.blob("body")) }
  }

  /// The next chunk of a segment in the order of keys, with its first key.
  static func chunk(
    of segment: Int64, _ kind: IndexKind, after key: [UInt8]?, _ snapshot: Snapshot
  ) throws -> (key: [UInt8], chunk: IndexChunk)? {
    try snapshot.row(
      """
      SELECT first_key, body FROM index_chunks WHERE segment = ? AND kind = ? AND first_key > ?
      ORDER BY first_key LIMIT 1
      """, [.integer(segment), .count(kind.rawValue), .blob(key ?? [])]
    ).map { (try $0.blob("first_key"), IndexChunk(kind, try $0.blob("body"))) }
  }

  /// The key under which a chunk is found: the key and the sequence of its first entry, most
  /// significant byte first, so that bytes sort as numbers do.
  static func bytes(_ entry: IndexEntry) -> [UInt8] {
    bytes(entry.key) + withUnsafeBytes(of: entry.sequence.bigEndian) { Array($0) }
  }
  /// Sorts before all chunks that begin with the key.
  private static func bytes(_ key: UInt128) -> [UInt8] {
    withUnsafeBytes(of: key.bigEndian) { Array($0) }
  }
  /// Sorts behind all chunks that begin with the key.
  private static func end(of key: UInt128) -> [UInt8] {
    bytes(key) + Array(repeating: 0xff, count: 8)
  }
}
