import LedgerJournal
import Storage

/// Entries on their way into chunks.
struct ChunkWriter {
  private let writer: IndexWriter
  private let segment: Int64
  private var kind = IndexKind.id
  private var entries: [IndexEntry] = []
  private var full: [(kind: IndexKind, first: [UInt8], body: [UInt8])] = []

  init(_ writer: IndexWriter, _ segment: Int64) {
    self.writer = writer
    self.segment = segment
    entries.reserveCapacity(IndexChunk.entriesMax)
  }

  /// Entries of one kind come in ascending order, kind after kind.
  mutating func append(_ entry: IndexEntry, _ kind: IndexKind) throws {
    if kind != self.kind || entries.count == IndexChunk.entriesMax { try close() }
    self.kind = kind
    entries.append(entry)
  }

  mutating func finish() throws {
    try close()
    try flush()
  }

  private mutating func close() throws {
    guard let first = entries.first else { return }
    full.append((kind, IndexStore.bytes(first), IndexChunk.encode(entries, kind)))
    entries.removeAll(keepingCapacity: true)
    if full.count == IndexWriter.chunksPerWrite { try flush() }
  }

  private mutating func flush() throws {
    guard !full.isEmpty else { return }
    let (segment, chunks) = (segment, full)
    full = []
    try writer.write { transaction in
      for chunk in chunks {
        try transaction.execute(
          "INSERT INTO index_chunks (segment, kind, first_key, body) VALUES (?, ?, ?, ?)",
          [
            .integer(segment), .count(chunk.kind.rawValue), .blob(chunk.first), .blob(chunk.body),
          ])
      }
    }
  }
}
