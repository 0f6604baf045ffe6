import Dispatch
package import LedgerBook
package import LedgerJournal
package import Storage
import Synchronization
package import Vocabulary

/// Keeps the book in memory and the journal on disk the same. A group of batches is decided, sealed
/// and handed to the store; while the disk takes it, the next group is decided. Nobody is answered,
/// and nothing is read, before what it rests on is durable.
///
/// If an entry cannot be kept, everything decided since is forgotten, its callers hear that they may
/// ask again, and the book is read from the disk: what is there is the truth.
///
/// A class: it owns the one book, the queue that decides and the queue that builds the index.
package final class LedgerKeeper: Sendable {
  package struct Settings: Sendable {
    package var limits = Book.Limits()
    /// Bytes of memory for the filter of ids that history may know, at most; it begins smaller.
    package var filterBytes = 67_108_864
    /// Ids of the past that a start reads into the filter, at most. With more it is made behind the start; until then
    /// the index is asked for every id.
    package var filteredAtStartMax: Int64 = 16_777_216
    /// Transfers that may wait for the index; more make callers wait.
    package var lagMax: Int64 = 524_288
    /// Transfers from one snapshot to the next, at least.
    package var snapshotEvery: Int64 = 1_048_576
    /// Transfers of one account that a look at its past goes back over, at most: each may cost the
    /// reading of a journal entry, 1 MiB for a full batch.
    package var pastTransfersMax = 10_000
    /// Transfers, and journal entries, that a look at all accounts' past goes back over, at most.
    package var pastTotalsMax = 250_000
    /// False holds the index back for a measurement of the journal alone; memory then grows with
    /// what is accepted.
    package var buildsIndex = true
    package init() {}
  }

  /// Work that may wait; one more is refused with `StoreError.overloaded`.
  static let worksMax = 4_096
  /// Requests that are decided at one moment, unless a single batch has more.
  static let groupRowsMax = Book.batchMax

  /// The book; only `decisions` changes it.
  struct Kept {
    var journaled: JournaledBook
    var filter: IDFilter
    /// Counts how often the books were read.
    var generation: Int
  }

  /// What comes in, what is on its way, what is durable.
  struct Flow {
    var waiting: [LedgerWork] = []
    var isDeciding = false
    var commits: CommitFlow
    /// The last entry that is certainly kept, as it was sealed or read.
    var durable: JournalPosition
    var projected: Int64
    var isProjecting = false
    var isJoining = false
    var snapshotAt: Int64
    var waiters: [Waiter] = []
    /// What others may look at while a batch is being decided.
    var openHolds: Int
    var nextExpiry: Instant?
  }

  struct Waiter {
    let entry: Int64
    let resume: @Sendable ((any Error)?) -> Void
  }

  let store: Store
  let clock: Clock
  let settings: Settings
  let key: UInt64
  let epoch: Int64
  let tellExpired: @Sendable (Transfer, Instant) throws -> OutboxMessage?
  let tellShut: @Sendable (JournalMismatch?) -> Void
  /// Why the books stay shut, once that was told.
  let shut = Mutex<JournalMismatch?>(nil)
  let kept: Mutex<Kept>
  let flow: Mutex<Flow>
  let decisions = DispatchQueue(label: "strongroom.ledger.decide", qos: .userInitiated)
  let projections = DispatchQueue(label: "strongroom.ledger.project")
  let joins = DispatchQueue(label: "strongroom.ledger.join", qos: .utility)
  let index: IndexWriter

  /// Reads the books and checks them.
  /// - Parameters:
  ///   - store: with `Migration.journal`.
  ///   - randomness: for the keys of hash tables; changes no decision.
  ///   - tellExpired: what others must hear of a hold that expired.
  ///   - tellShut: called once when what is stored is not what was answered, so that nothing is answered any more; and
  ///     with nil when it is so again, and the books are open.
  /// - Throws: `JournalMismatch`, which says where, when book and journal disagree; `StoreError`.
  package init(
    store: Store, clock: Clock, randomness: Randomness, settings: Settings = Settings(),
    tellExpired: @escaping @Sendable (Transfer, Instant) throws -> OutboxMessage? = { _, _ in nil },
    tellShut: @escaping @Sendable (JournalMismatch?) -> Void = { _ in }
  ) async throws {
    self.store = store
    self.clock = clock
    self.settings = settings
    self.tellExpired = tellExpired
    self.tellShut = tellShut
    index = IndexWriter(store: store, numbers: .init())
    let key = randomness.next()
    self.key = key
    let epoch = try await store.write { try JournalStore.takeOver($0) }
    self.epoch = epoch
    let loaded = try await store.read {
      try LoadedBook($0, settings: settings, key: key, epoch: epoch)
    }
    kept = Mutex(Kept(journaled: loaded.journaled, filter: loaded.filter, generation: 0))
    flow = Mutex(loaded.flow(generation: 0))
    projections.async { [self] in
      // What a process that died has left.
      try? index.sweep()
      // What fails is tried again when the index next grows.
      try? growFilterIfDue()
      kick()
    }
  }

  // MARK: work

  /// Opens accounts; returns when that is durable.
  package func open(
    _ batch: [AccountRequest], tell: @escaping @Sendable (OpenedAccounts) throws -> [OutboxMessage]
  ) async throws -> OpenedAccounts {
    try await withCheckedThrowingContinuation { continuation in
      submit(LedgerWork(kind: .open(batch, tell: tell, answer: { continuation.resume(with: $0) })))
    }
  }

  /// Freezes, thaws or closes an account; returns when what was decided is durable.
  package func change(
    _ id: AccountID, _ change: AccountChange,
    tell: @escaping @Sendable (ChangedAccount) throws -> [OutboxMessage] = { _ in [] }
  ) async throws -> ChangedAccount {
    try await withCheckedThrowingContinuation { continuation in
      submit(
        LedgerWork(
          kind: .change(id, change, tell: tell, answer: { continuation.resume(with: $0) })))
    }
  }

  /// Applies transfers; returns when what was decided is durable.
  /// - Parameter following: applied at the same moment where all of the batch is new; its outcome comes last.
  package func apply(
    _ batch: [RequestRow], then following: RequestRow? = nil,
    authorizations: [Int: Authorization] = [:],
    tell: @escaping @Sendable (AppliedTransfers) throws -> [OutboxMessage] = { _ in [] }
  ) async throws -> AppliedTransfers {
    try await withCheckedThrowingContinuation { continuation in
      submit(
        LedgerWork(
          kind: .apply(
            batch, then: following, authorizations, tell: tell,
            answer: { continuation.resume(with: $0) })))
    }
  }

  /// The same for a caller that is no task.
  /// - Parameter answer: called once, on a thread of the store; must not wait for anything.
  package func apply(
    _ batch: [RequestRow], authorizations: [Int: Authorization] = [:],
    tell: @escaping @Sendable (AppliedTransfers) throws -> [OutboxMessage] = { _ in [] },
    then answer: @escaping @Sendable (Result<AppliedTransfers, any Error>) -> Void
  ) {
    submit(
      LedgerWork(kind: .apply(batch, then: nil, authorizations, tell: tell, answer: answer)))
  }

  /// What opening these accounts would come to; nothing is opened.
  package func rehearse(_ batch: [AccountRequest]) async throws -> [AccountOutcome] {
    try await withCheckedThrowingContinuation { continuation in
      submit(
        LedgerWork(kind: .rehearseOpening(batch, answer: { continuation.resume(with: $0) })))
    }
  }

  /// What these transfers would come to; nothing is done, and no authorisation is used.
  package func rehearse(
    _ batch: [RequestRow], authorizations: [Int: Authorization] = [:]
  ) async throws -> [TransferOutcome] {
    try await withCheckedThrowingContinuation { continuation in
      submit(
        LedgerWork(
          kind: .rehearse(batch, authorizations, answer: { continuation.resume(with: $0) })))
    }
  }

  /// Gives back the holds whose time has passed. Costs nothing where none is due.
  package func sweep() async throws {
    let now = clock.now()
    guard let next = flow.withLock({ $0.nextExpiry }), next <= now else { return }
    _ = try await apply([])
  }

  /// False from a group that could not be kept until the books were read again.
  package var isOpen: Bool { flow.withLock { !$0.commits.isLost } }
  package var openHoldCount: Int { flow.withLock { $0.openHolds } }
  /// Accepted transfers that the index does not have yet.
  package var projectionLag: Int64 {
    flow.withLock { max(0, $0.commits.durableTransfer - $0.projected) }
  }

  private func submit(_ work: LedgerWork) {
    let refusal = flow.withLock { flow -> (any Error)? in
      guard !flow.commits.isLost else { return LedgerFault.readingAgain }
      guard flow.waiting.count < Self.worksMax else { return StoreError.overloaded }
      flow.waiting.append(work)
      return nil
    }
    if let refusal { return work.fail(refusal) }
    kick()
  }

  /// Starts what can be started.
  func kick() {
    enum Next { case nothing, decide, read }
    let next = flow.withLock { flow -> Next in
      guard !flow.isDeciding else { return .nothing }
      if flow.commits.mustRead {
        flow.isDeciding = true
        return .read
      }
      guard Self.mayDecide(flow, settings) else { return .nothing }
      flow.isDeciding = true
      return .decide
    }
    switch next {
    case .nothing: break
    case .decide: decisions.async { self.decide() }
    case .read: decisions.async { self.readAgain() }
    }
  }

  static func mayDecide(_ flow: Flow, _ settings: Settings) -> Bool {
    !flow.waiting.isEmpty && flow.commits.mayDecide
      && (flow.commits.decidedTransfer - flow.projected < settings.lagMax || !settings.buildsIndex)
  }
}
