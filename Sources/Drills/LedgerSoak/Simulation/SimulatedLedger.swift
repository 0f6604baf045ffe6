import LedgerBook
import LedgerJournal
import Vocabulary

/// One seed of the simulation: the real book, journal, snapshots and commit rule, driven by a runner
/// that does what `LedgerKeeper` does, over a disk that fails. Beside it the model, which is given
/// each group exactly once: when it is certain that the group is in history.
struct SimulatedLedger {
  /// One call of a client: the batch and what it was told.
  struct Call {
    var batch: [TransferRequest]
    var outcomes: [TransferOutcome]
    /// What was done to an account right after it.
    var change: Change?
  }
  struct Change {
    var account: AccountID
    var change: AccountChange
    var outcome: AccountChangeOutcome
  }
  /// A group on its way.
  struct Flight {
    var sealed: SealedEntry?
    var tip: Int64
    var lastTransfer: Int64
    var generation: Int
    var moment: Instant
    var opened: [(batch: [AccountRequest], outcomes: [AccountOutcome])] = []
    var calls: [Call] = []
  }

  let fault: PlantedFault?
  var random: RandomBatches
  var disk: SimulatedDisk
  var index: SimulatedIndex
  var model: BookModel
  var journaled: JournaledBook
  var filter: IDFilter
  var commits: CommitFlow
  var flights: [Flight] = []
  /// What a writer that was replaced still believes to be on its way.
  var ghosts: [SealedEntry] = []
  var now = Instant(seconds: 1_000_000)
  /// Batches that clients will send again, because nobody told them what became of them.
  var unanswered: [[TransferRequest]] = []
  var sent: [TransferRequest] = []
  /// What was answered: entry by entry, it must stay in history as it is.
  var acknowledged: [Int64: JournalHash] = [:]
  /// Decided groups without an answer yet, by the entry they may be in.
  var inDoubt: [Flight] = []
  private(set) var events = 0

  static let limits = Book.Limits(recentBlock: 3)

  init(seed: UInt64, fault: PlantedFault? = nil) {
    self.fault = fault
    random = RandomBatches(seed: seed)
    disk = SimulatedDisk(fault: fault)
    index = SimulatedIndex(fault: fault)
    model = BookModel(fault: fault)
    let epoch = disk.takeOver()
    journaled = JournaledBook(Book(limits: Self.limits, key: seed), epoch: epoch)
    filter = IDFilter(bytes: 4_096, key: seed)
    commits = CommitFlow(tip: 0, transfer: 0, generation: 0)
  }

  /// One step, and what is wrong after it.
  mutating func step() -> String? {
    now = now + .milliseconds(random.chance(5) ? -2_000 : random.below(1_200))
    let complaint: String?
    switch random.below(100) {
    case ..<50: complaint = commits.mayDecide ? decide() : land()
    case ..<80: complaint = land()
    case ..<88: complaint = project()
    case ..<91: complaint = snapshot()
    case ..<95: complaint = crash()
    case ..<97: complaint = takeOver()
    default: complaint = haunt()
    }
    return complaint ?? invariant()
  }

  // MARK: deciding

  private mutating func decide() -> String? {
    _ = journaled.begin(at: now)
    var flight = Flight(
      tip: 0, lastTransfer: 0, generation: commits.generation, moment: journaled.book.now)
    if journaled.book.accountCount == 0 || random.chance(8) {
      let batch = random.accounts()
      flight.opened.append((batch, journaled.open(batch).outcomes))
    }
    for _ in 0..<1 + random.below(2) {
      var batch = random.transfers(sent: sent)
      if !unanswered.isEmpty, random.chance(60) {
        batch = unanswered.remove(at: random.below(unanswered.count))
      }
      var call = Call(batch: batch, outcomes: apply(batch))
      if random.chance(6) {
        let (account, change) = random.change()
        let outcome = journaled.change(account, change)
        call.change = Change(account: account, change: change, outcome: outcome)
      }
      flight.calls.append(call)
      events += batch.count
      sent = (sent + batch).suffix(40)
    }
    flight.sealed = journaled.seal()
    for row in flight.sealed?.entry.accepted ?? [] {
      filter.insert(row.id)
      if row.token != 0 { filter.insert(row.token) }
    }
    flight.tip = journaled.tip.sequence
    flight.lastTransfer = journaled.book.sequence
    commits.decided(through: flight.lastTransfer)
    commits.tookOff()
    flights.append(flight)
    if fault == .answeredBeforeDurable, let sealed = flight.sealed {
      acknowledged[sealed.entry.sequence] = sealed.hash
    }
    return nil
  }

  private mutating func apply(_ batch: [TransferRequest]) -> [TransferOutcome] {
    let rows = batch.map { RequestRow($0) }
    var authorizations: [Int: Authorization] = [:]
    for (place, request) in batch.enumerated() { authorizations[place] = request.authorization }
    let tokens = authorizations.values.map(\.transaction.bits)
    let recalled = index.recall(rows, tokens, filter, journaled.book)
    return journaled.apply(rows, authorizations: authorizations, recalling: recalled).outcomes
  }

  // MARK: the disk answers

  private mutating func land() -> String? {
    guard !flights.isEmpty else { return nil }
    let flight = flights.removeFirst()
    var isKept = true
    if let sealed = flight.sealed {
      switch disk.commit(sealed, &random) {
      case .kept: break
      case .full, .refused: isKept = false
      case .unknown:
        isKept = false
        inDoubt.append(flight)
      }
    }
    if fault == .lostEntryIgnored { isKept = true }
    commits.landed(entry: flight.tip, transfer: flight.lastTransfer, kept: isKept)
    guard commits.standing(of: flight.tip, in: flight.generation) == .durable else {
      unanswered += flight.calls.map(\.batch)
      // The disk may take what nobody may be told of, because it is unknown what came before it.
      if isKept, flight.sealed != nil { inDoubt.append(flight) }
      return commits.mustRead ? readAgain() : nil
    }
    if let sealed = flight.sealed { acknowledged[sealed.entry.sequence] = sealed.hash }
    return tell(flight)
  }

  /// The model hears of a group, and must have said the same.
  mutating func tell(_ flight: Flight) -> String? {
    model.now = flight.moment
    for (batch, outcomes) in flight.opened {
      let expected = model.open(batch, at: flight.moment)
      guard expected == outcomes else { return "accounts: \(outcomes), model \(expected)" }
    }
    for call in flight.calls {
      let expected = model.apply(call.batch, at: flight.moment)
      guard expected == call.outcomes else {
        return "\(call.batch): \(call.outcomes), model \(expected)"
      }
      guard let made = call.change else { continue }
      let changed = model.change(made.account, made.change)
      guard changed == made.outcome else { return "\(made), model \(changed)" }
    }
    if flight.calls.isEmpty { _ = model.apply([], at: flight.moment) }
    return nil
  }
}
