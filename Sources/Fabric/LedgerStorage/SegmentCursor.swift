import LedgerJournal
import Storage

/// Walks one kind of one segment, a chunk at a time.
struct SegmentCursor {
  private let store: Store
  private let segment: Int64
  private let kind: IndexKind
  private var chunk: IndexChunk?
  private var key: [UInt8]?
  private var index = 0
  private(set) var entry: IndexEntry?

  init(_ store: Store, _ segment: Int64, _ kind: IndexKind) {
    self.store = store
    self.segment = segment
    self.kind = kind
  }

  mutating func advance() throws {
    if let chunk, index < chunk.count {
      entry = chunk[index]
      index += 1
      return
    }
    let (segment, kind, key) = (segment, kind, key)
    let next = try store.readNow {
      try IndexStore.chunk(of: segment, kind, after: key, $0)
    }
    self.key = next?.key
    chunk = next?.chunk
    entry = chunk.flatMap { $0.count > 0 ? $0[0] : nil }
    index = 1
  }
}
