import LedgerJournal
import Storage

/// Entries on their way into chunks.
struct ChunkWriter {
  private let writer: IndexWriter
  private let segment: Int64
  private var kind = IndexKind.id
  private var entries: [IndexEntry] = []
  private var full: [(kind: IndexKind, first: [UInt8], body: [UInt8])] = []
  private var written: Int64 = 0

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

  /// The same for a whole run.
  mutating func append(_ run: [IndexEntry], _ kind: IndexKind) throws {
    try close()
    self.kind = kind
    for start in stride(from: 0, to: run.count, by: IndexChunk.entriesMax) {
      try close(run[start..<min(run.count, start + IndexChunk.entriesMax)])
    }
  }

  /// Returns how many chunks were written in all.
  mutating func finish() throws -> Int64 {
    try close()
    try flush()
    return written
  }

  private mutating func close() throws {
    try close(entries[...])
    entries.removeAll(keepingCapacity: true)
  }

  private mutating func close(_ entries: ArraySlice<IndexEntry>) throws {
    guard let first = entries.first else { return }
    full.append((kind, IndexStore.bytes(first), IndexChunk.encode(entries, kind)))
    if full.count == IndexWriter.chunksPerWrite { try flush() }
  }

  private mutating func flush() throws {
    guard !full.isEmpty else { return }
    let (segment, chunks) = (segment, full)
    full = []
    written += Int64(chunks.count)
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
