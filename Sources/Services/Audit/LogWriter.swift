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

/// Turns stored records into files of the log and signs what they add up to. The order is always: files durable, then the
/// checkpoint, then the store remembers it and lets go of the records whose bundles are full.
package actor LogWriter {
  /// Most records that one checkpoint adds; bounds the memory and the time of a step.
  package static let recordsPerCheckpointMax = AuditStore.rowsMax
  /// Full files that wait in memory to be written, at most, but for those of one record.
  static let filesHeldMax = 8
  /// Records that a start compares with the files, at least, where there are so many.
  package static let recordsComparedAtStart: UInt64 = 16_384
  /// Records that `comparePast` compares in a step; the pause leaves the disk and the cores to those who wait for them.
  static let recordsPerStep = 1_024
  /// Stands in the folder of a log that was shut, and says why.
  static let shutPath = "shut"
  /// Our signed word on what was compared.
  static let markPath = "compared"
  static let pauseBetweenSteps: Duration = .milliseconds(100)
  /// How long partial files stay that a full one has made superfluous: whoever copies the folder meanwhile has listed one
  /// and not yet the other.
  package static let partialsStay: Duration = .seconds(10)
  /// Full bundles beside which a start looks for partial files that were to go later; so many fill up in `partialsStay`.
  static let bundlesSwept: UInt64 = 512

  let store: AuditStore
  let folder: LogFolder
  let signer: NoteSigner
  let published: PublishedLog
  private let partialsStay: Duration
  private let executor = DiskExecutor()
  var growth = LogGrowth()
  private var isPublishing = false
  /// The checkpoint that the store remembered at the start.
  var remembered: Checkpoint?
  /// Records from here on were compared with the files at the start, those before were not yet.
  var comparedFrom: UInt64 = 0
  /// The root of those before, as it follows from the checkpoint.
  var rootBefore = LogGrowth().root
  /// How far the past was compared, in this life and those before.
  var past = LogGrowth()
  /// How far the round has come that compares all of it again, and the checkpoint at which it ends; nil between two rounds.
  var round = LogGrowth()
  var roundEnd: Checkpoint?
  /// Time until the round's next portion.
  var untilPortion = Duration.zero
  var lastMark: ComparisonMark?
  /// Whether all that the store still holds was compared with the files, so that it may let go of it.
  var mayLetGo = false

  /// Disk calls block, so they have a thread of their own.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  package init(
    store: AuditStore, folder: LogFolder, signer: NoteSigner, published: PublishedLog,
    partialsStay: Duration = LogWriter.partialsStay
  ) {
    self.store = store
    self.folder = folder
    self.signer = signer
    self.published = published
    self.partialsStay = partialsStay
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
      let page = try await store.waiting(from: growth.size, limit: Self.recordsPerCheckpointMax)
      guard let page else { throw LogFault.storeGap(index: growth.size) }
      guard !published.isShut, !page.isEmpty || published.statement == nil else { break }
      try await publish(page)
      guard page.count == Self.recordsPerCheckpointMax else { break }
    }
    return growth.size - before
  }

  private func publish(_ page: [AuditStore.Entry]) async throws {
    var next = growth
    var full: [LogFile] = []
    var completed: [TileAddress] = []
    for entry in page {
      guard entry.sequence == next.size else { throw LogFault.storeGap(index: next.size) }
      let files = try next.append(entry.bytes)
      full += files
      completed += files.map(\.address)
      guard full.count >= Self.filesHeldMax else { continue }
      try folder.write(full.map(Self.stored))
      full = []
    }
    let checkpoint = Checkpoint(
      origin: signer.verifierKey.name, size: next.size, root: next.root)
    // The origin is the signer's own name, which is a note's text.
    guard let note = checkpoint.signed(by: signer) else { throw LogFault.keyUnreadable }
    try folder.write((full + next.partialFiles).map(Self.stored))
    try folder.write([(LogFiles.checkpointPath, Array(note.utf8))])
    growth = next
    published.replace(.init(checkpoint: checkpoint, note: note))
    if !completed.isEmpty {
      executor.later(partialsStay) { [folder, completed] in
        for address in completed { folder.removePartials(of: address) }
      }
    }
    try await store.move(
      before: mayLetGo ? checkpoint.size : 0, noting: (Array(note.utf8), checkpoint.size))
  }

  /// Under which name a file lies, and its bytes there: full bundles are packed.
  private static func stored(_ file: LogFile) -> (path: String, bytes: [UInt8]) {
    let path = file.address.path
    guard let place = PackedBundle.path(of: path), let packed = PackedBundle.packed(file.bytes)
    else { return (path, file.bytes) }
    return (place, packed)
  }

  /// Lets time pass before the next checkpoint, so that one covers many records.
  package nonisolated func pause(_ span: Duration) async { await executor.pause(span) }
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

  /// Does something after a while, at once where that is none; not at all where the process ends before.
  func later(_ span: Duration, _ body: @escaping @Sendable () -> Void) {
    guard span > .zero else { return body() }
    queue.asyncAfter(
      deadline: .now() + .milliseconds(Int(span.milliseconds)), execute: body)
  }

  func pause(_ span: Duration) async {
    await withCheckedContinuation { continuation in
      queue.asyncAfter(deadline: .now() + .milliseconds(Int(span.milliseconds))) {
        continuation.resume()
      }
    }
  }
}
