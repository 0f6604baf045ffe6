import Dispatch
package import MerkleLog
import Synchronization
import Vocabulary

/// What the log says of itself at this moment; read by every request, replaced by the writer.
package final class PublishedLog: Sendable {
  /// A checkpoint and its signed note.
  package struct Statement: Hashable, Sendable {
    package let checkpoint: Checkpoint
    package let note: String
  }
  // A class with a lock: one writer replaces what many readers hold.
  private let current = Mutex<Statement?>(nil)
  package init() {}
  /// Nil before the first checkpoint.
  package var statement: Statement? { current.withLock { $0 } }
  func replace(_ statement: Statement) { current.withLock { $0 = statement } }
}

/// Turns stored records into files of the log and signs what they add up to. The store is the
/// truth; the order is always: files durable, then the checkpoint, then the store remembers it.
package actor LogWriter {
  /// Most records that one checkpoint adds; bounds the memory and the time of a step.
  package static let recordsPerCheckpointMax = AuditStore.rowsMax

  private let store: AuditStore
  private let folder: LogFolder
  private let signer: NoteSigner
  private let published: PublishedLog
  private let executor = DiskExecutor()
  private var growth = LogGrowth()
  private var isPublishing = false

  /// Disk calls block, so they have a thread of their own.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  package init(
    store: AuditStore, folder: LogFolder, signer: NoteSigner, published: PublishedLog
  ) {
    self.store = store
    self.folder = folder
    self.signer = signer
    self.published = published
  }

  /// Compares the store with every file and the checkpoint, and takes the state up from there.
  /// After a crash the store may be ahead; `publish` follows. Reads the whole log.
  /// - Throws: `LogFault` with the place of the first disagreement.
  package func recover() async throws {
    guard try folder.lock() else { throw LogFault.locked }
    try keepVerifierKey()
    let noted = try await store.publishedNote()
    guard let note = folder.read(LogFiles.checkpointPath) else {
      guard let noted else { return }
      throw LogFault.checkpointMissing(published: try verified(noted).size)
    }
    let signed = try verified(note)
    let remembered = try noted.map { try verified($0) }
    if let remembered, remembered.size > signed.size {
      throw LogFault.folderOlder(files: signed.size, published: remembered.size)
    }
    growth = try await replay(to: signed, remembered: remembered)
    published.replace(.init(checkpoint: signed, note: String(decoding: note, as: UTF8.self)))
  }

  /// Publishes checkpoints until all stored records are covered; the first one also for an empty
  /// log.
  /// - Returns: how many records were added to the log.
  @discardableResult
  package func publish() async throws -> UInt64 {
    // The store is awaited in between, so a second call must not come in.
    guard !isPublishing else { return 0 }
    isPublishing = true
    defer { isPublishing = false }
    let before = growth.size
    while true {
      let page = try await store.entries(from: growth.size, limit: Self.recordsPerCheckpointMax)
      guard !page.isEmpty || published.statement == nil else { break }
      try await publish(page)
      guard page.count == Self.recordsPerCheckpointMax else { break }
    }
    return growth.size - before
  }

  private func publish(_ page: [AuditStore.Entry]) async throws {
    var next = growth
    var full: [LogFile] = []
    for entry in page {
      guard entry.sequence == next.size else { throw LogFault.storeGap(index: next.size) }
      full += try next.append(entry.bytes)
    }
    let checkpoint = Checkpoint(
      origin: signer.verifierKey.name, size: next.size, root: next.root)
    // The origin is the signer's own name, which is a note's text.
    guard let note = checkpoint.signed(by: signer) else { throw LogFault.keyUnreadable }
    try folder.write((full + next.partialFiles).map { ($0.address.path, $0.bytes) })
    try folder.write([(LogFiles.checkpointPath, Array(note.utf8))])
    growth = next
    published.replace(.init(checkpoint: checkpoint, note: note))
    for file in full { folder.removePartials(of: file.address) }
    try await store.remember(note: Array(note.utf8), size: checkpoint.size)
  }

  /// Lets time pass before the next checkpoint, so that one covers many records.
  package nonisolated func pause(_ span: Duration) async { await executor.pause(span) }

  // MARK: - Recovery

  private func keepVerifierKey() throws {
    let line = Array("\(signer.verifierKey)\n".utf8)
    switch folder.read(LogFiles.verifierKeyPath) {
    case nil: try folder.write([(LogFiles.verifierKeyPath, line)])
    case line: break
    default: throw LogFault.keyDiffers
    }
  }

  private func verified(_ note: [UInt8]) throws(LogFault) -> Checkpoint {
    do { return try Checkpoint.verified(note, by: signer.verifierKey) } catch {
      throw .checkpoint(error)
    }
  }

  private func replay(to signed: Checkpoint, remembered: Checkpoint?) async throws -> LogGrowth {
    var replayed = LogGrowth()
    while replayed.size < signed.size {
      let left = min(signed.size - replayed.size, UInt64(Self.recordsPerCheckpointMax))
      let page = try await store.entries(from: replayed.size, limit: Int(left))
      guard !page.isEmpty else {
        throw LogFault.storeOlder(records: replayed.size, files: signed.size)
      }
      for entry in page {
        guard entry.sequence == replayed.size else {
          throw LogFault.storeGap(index: replayed.size)
        }
        for file in try replayed.append(entry.bytes) { try compare(file) }
        if let remembered, remembered.size == replayed.size, remembered.root != replayed.root {
          throw LogFault.rootDiffers(size: remembered.size)
        }
      }
    }
    for file in replayed.partialFiles { try compare(file) }
    guard replayed.root == signed.root else { throw LogFault.rootDiffers(size: signed.size) }
    return replayed
  }

  /// The file must be, byte for byte, what follows from the store; where not, the first entry that
  /// differs is named.
  private func compare(_ file: LogFile) throws(LogFault) {
    let path = file.address.path
    guard let stored = folder.read(path) else { throw .fileMissing(path: path) }
    guard stored != file.bytes else { return }
    guard file.address.content == .entries, let ours = EntryBundle.parse(file.bytes),
      let theirs = EntryBundle.parse(stored)
    else { throw .fileDiffers(path: path) }
    let place = zip(ours, theirs).prefix { $0 == $1 }.count
    throw .entryDiffers(index: file.address.index * UInt64(TileAddress.widthMax) + UInt64(place))
  }
}

/// Runs the writer's jobs one after another on a queue of its own, because `fsync` blocks and the
/// shared threads must not.
private final class DiskExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "strongroom.audit.log")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  func pause(_ span: Duration) async {
    await withCheckedContinuation { continuation in
      queue.asyncAfter(deadline: .now() + .milliseconds(Int(span.milliseconds))) {
        continuation.resume()
      }
    }
  }
}
