import Dispatch
package import MerkleLog
import Storage
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
  private let shut = Atomic(false)
  package init() {}
  /// Nil before the first checkpoint.
  package var statement: Statement? { current.withLock { $0 } }
  func replace(_ statement: Statement) { current.withLock { $0 = statement } }
  /// Whether the log's past was found altered: what our key signs must follow from what is stored, so nothing more is.
  package var isShut: Bool { shut.load(ordering: .acquiring) }
  func close() { shut.store(true, ordering: .releasing) }
}

/// Turns stored records into files of the log and signs what they add up to. The store is the
/// truth; the order is always: files durable, then the checkpoint, then the store remembers it.
package actor LogWriter {
  /// Most records that one checkpoint adds; bounds the memory and the time of a step.
  package static let recordsPerCheckpointMax = AuditStore.rowsMax
  /// Records that a start compares with the files, at least, where there are so many.
  package static let recordsComparedAtStart: UInt64 = 16_384
  /// Records that `comparePast` compares in a step; the pause leaves the disk and the cores to those who wait for them.
  static let recordsPerStep = 1_024
  /// Stands in the folder of a log that was shut, and says why.
  static let shutPath = "shut"
  static let pauseBetweenSteps: Duration = .milliseconds(100)

  private let store: AuditStore
  private let folder: LogFolder
  private let signer: NoteSigner
  private let published: PublishedLog
  private let executor = DiskExecutor()
  private var growth = LogGrowth()
  private var isPublishing = false
  /// The checkpoint that the store remembered at the start.
  private var remembered: Checkpoint?
  /// Records from here on were compared with the files at the start, those before were not yet.
  private var comparedFrom: UInt64 = 0
  /// The root of those before, as it follows from the checkpoint.
  private var rootBefore = LogGrowth().root
  /// How far `comparePast` has come.
  private var past = LogGrowth()

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

  /// Takes the state up from the checkpoint: what our key signed must follow from the store's newest records and, before
  /// them, from the files. After a crash the store may be ahead; `publish` follows. Takes the same time however long the
  /// log is; `comparePast` looks at all the rest.
  /// - Throws: `LogFault` with the place of the first disagreement.
  package func recover() async throws {
    guard try folder.lock() else { throw LogFault.locked }
    if let mark = folder.read(Self.shutPath) {
      throw LogFault.shut(String(decoding: mark, as: UTF8.self))
    }
    try keepVerifierKey()
    let noted = try await store.publishedNote()
    guard let note = folder.read(LogFiles.checkpointPath) else {
      guard let noted else { return }
      throw LogFault.checkpointMissing(published: try verified(noted).size)
    }
    let signed = try verified(note)
    remembered = try noted.map { try verified($0) }
    if let remembered, remembered.size > signed.size {
      throw LogFault.folderOlder(files: signed.size, published: remembered.size)
    }
    let records = try await store.count()
    guard records >= signed.size else {
      throw LogFault.storeOlder(records: records, files: signed.size)
    }
    let newest = signed.size - min(signed.size, Self.recordsComparedAtStart)
    comparedFrom = newest - newest % UInt64(TileAddress.widthMax)
    let before = try start(at: comparedFrom, of: signed.size)
    rootBefore = before.root
    growth = try await replay(before, to: signed.size)
    for file in growth.partialFiles { try compare(file) }
    guard growth.root == signed.root else { throw LogFault.rootDiffers(size: signed.size) }
    published.replace(.init(checkpoint: signed, note: String(decoding: note, as: UTF8.self)))
  }

  /// Compares the records that `recover` passed over with every file, and what they come to with the checkpoint. Lets
  /// others in after each step; ends early when cancelled, and goes on where it was when it is called again.
  /// - Throws: `LogFault` with the place of the first disagreement. The log is shut then, and no start opens it again
  ///   before folder and store are restored. Other errors say that the store could not be read just now.
  package func comparePast() async throws {
    do {
      while past.size < comparedFrom, !Task.isCancelled {
        let end = min(comparedFrom, past.size + UInt64(Self.recordsPerStep))
        past = try await replay(past, to: end)
        await executor.pause(Self.pauseBetweenSteps)
      }
      guard past.size < comparedFrom || past.root == rootBefore else {
        throw LogFault.rootDiffers(size: comparedFrom)
      }
    } catch let fault as LogFault {
      published.close()
      try? folder.write([(Self.shutPath, Array(fault.description.utf8))])
      throw fault
    }
  }

  /// Publishes checkpoints until all stored records are covered; the first one also for an empty
  /// log.
  /// - Returns: how many records were added to the log.
  @discardableResult
  package func publish() async throws -> UInt64 {
    // The store is awaited in between, so a second call must not come in.
    guard !isPublishing, !published.isShut else { return 0 }
    isPublishing = true
    defer { isPublishing = false }
    let before = growth.size
    while true {
      let page = try await store.entries(from: growth.size, limit: Self.recordsPerCheckpointMax)
      guard !published.isShut, !page.isEmpty || published.statement == nil else { break }
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

  private func start(at size: UInt64, of total: UInt64) throws(LogFault) -> LogGrowth {
    do { return try LogGrowth(size: size, of: total, files: folder.files) } catch {
      throw error.isMissing ? .fileMissing(path: error.path) : .fileDiffers(path: error.path)
    }
  }

  /// Goes on with stored records, and compares the files that they complete.
  private func replay(_ begun: LogGrowth, to size: UInt64) async throws -> LogGrowth {
    var replayed = begun
    while replayed.size < size {
      let left = min(size - replayed.size, UInt64(Self.recordsPerCheckpointMax))
      let page = try await entries(from: replayed.size, limit: Int(left))
      guard !page.isEmpty else { throw LogFault.storeGap(index: replayed.size) }
      for entry in page {
        guard entry.sequence == replayed.size else {
          throw LogFault.storeGap(index: replayed.size)
        }
        guard let files = try? replayed.append(entry.bytes) else {
          throw LogFault.entryDiffers(index: entry.sequence)
        }
        for file in files { try compare(file) }
        if let remembered, remembered.size == replayed.size, remembered.root != replayed.root {
          throw LogFault.rootDiffers(size: remembered.size)
        }
      }
    }
    return replayed
  }

  /// Records that the store gives, but not as they were written, were altered too.
  private func entries(from first: UInt64, limit: Int) async throws -> [AuditStore.Entry] {
    do {
      return try await store.entries(from: first, limit: limit)
    } catch let error as StoreError {
      switch error {
      case .unexpectedColumn, .corrupt, .constraint: throw LogFault.storeUnreadable(from: first)
      default: throw error
      }
    }
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
