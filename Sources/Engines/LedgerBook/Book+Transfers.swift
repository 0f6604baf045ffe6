package import Vocabulary

/// What a batch of transfers did. Storage keeps it in one transaction, before anybody hears of it.
package struct Applied: Hashable, Sendable {
  /// One for each request, in order.
  package internal(set) var outcomes: [TransferOutcome] = []
  /// The accepted transfers, in the order of their sequence.
  package internal(set) var created: [Transfer] = []
  /// The holds that ended: first those that expired before the batch, then those it posted or
  /// voided.
  package internal(set) var ended: [HoldEnd] = []
  /// The authorisations that were used, with the holds they allowed.
  package internal(set) var used: [TransactionID: TransferID] = [:]
  /// The numbers of the accounts whose sums may have changed, ascending.
  package internal(set) var touched: [Int] = []
}

extension Book {
  /// Applies a batch of transfers at a moment: first the holds that are due expire, then each event
  /// is decided on what all before it have done. `history` answers for what was accepted before
  /// this batch.
  package mutating func apply(
    _ batch: [TransferRequest], at instant: Instant, history: some TransferHistory
  ) -> Applied {
    advance(to: instant)
    var work = Work(history: history)
    work.applied.outcomes.reserveCapacity(batch.count)
    work.applied.created.reserveCapacity(batch.count)
    expireDue(&work)
    var chain = Chain()
    for (index, request) in batch.enumerated() {
      let isLinked = request.flags.contains(.linked)
      if isLinked, chain.start == nil {
        chain.open(at: index, mark: 0, sequence: sequence)
        work.beginChain()
      }
      let outcome: TransferOutcome
      if isLinked, index == batch.count - 1 {
        outcome = .refused(.linkedEventChainOpen)
      } else if chain.isBroken {
        outcome = .refused(.linkedEventFailed)
      } else {
        outcome = decide(request, &work)
      }
      work.applied.outcomes.append(outcome)
      guard let start = chain.start else { continue }
      if chain.breaks(outcome) {
        undo(&work)
        sequence = chain.sequence
        work.applied.outcomes.breakChain(from: start, with: .linkedEventFailed)
      }
      if !isLinked || index == batch.count - 1 {
        chain = Chain()
        work.endChain()
      }
    }
    work.applied.touched = Set(work.applied.touched).sorted()
    return work.applied
  }

  /// Expires the holds that are due and does nothing else.
  package mutating func expire(at instant: Instant) -> Applied {
    apply([], at: instant, history: NoHistory())
  }

  private mutating func expireDue(_ work: inout Work<some TransferHistory>) {
    while let entry = expiries.popDue(at: now) {
      guard let hold = holds[entry.hold], hold.expiresAt == entry.at else { continue }
      release(hold, touching: &work.applied.touched)
      reopen(after: hold)
      holds[hold.id] = nil
      work.ended(HoldEnd(hold: hold.id, manner: .expired, by: nil, at: now))
    }
  }

  private mutating func decide(
    _ request: TransferRequest, _ work: inout Work<some TransferHistory>
  ) -> TransferOutcome {
    do throws(TransferRefusal) {
      try checkAuthorization(request)
      guard request.id.bits != 0 else { throw .idMustNotBeZero }
      guard request.id.bits != .max else { throw .idMustNotBeIntMax }
      if let earlier = work.transfer(request.id) {
        try compare(request, with: earlier, work)
        return .exists
      }
      if let token = request.authorization?.transaction {
        guard !work.isUsed(token) else { throw .authorizationAlreadyUsed }
      }
      try checkAlone(request)
      if request.flags.resolves {
        try resolve(request, &work)
      } else {
        try move(request, &work)
      }
      return .created
    } catch {
      return .refused(error)
    }
  }

  private func checkAuthorization(_ request: TransferRequest) throws(TransferRefusal) {
    guard let allowed = request.authorization else { return }
    guard request.amount == allowed.amount else { throw .authorizedForDifferentAmount }
    guard request.currency == allowed.currency else { throw .authorizedForDifferentCurrency }
    guard request.debitAccount == allowed.debtor else { throw .authorizedForDifferentDebtor }
    guard request.creditAccount == allowed.creditor else { throw .authorizedForDifferentCreditor }
  }
}

extension TransferRefusal: Error {}

/// One batch on its way: what it has done so far, and, within a chain, what was there before.
struct Work<History: TransferHistory> {
  /// How one step within a chain is taken back.
  enum Step {
    case account(Int, Account)
    case holdKept(TransferID)
    case holdEnded(Transfer)
    case used(TransactionID)
  }

  let history: History
  var applied = Applied()
  private var fresh: [TransferID: Transfer] = [:]
  private var ends: [TransferID: HoldEnd] = [:]
  private var steps: [Step] = []
  private var isInChain = false
  private var createdBefore = 0
  private var endedBefore = 0

  init(history: History) { self.history = history }

  func transfer(_ id: TransferID) -> Transfer? { fresh[id] ?? history.transfer(id) }

  func end(of hold: TransferID) -> HoldEnd? { ends[hold] ?? history.end(of: hold) }

  func isUsed(_ token: TransactionID) -> Bool {
    applied.used[token] != nil || history.hasHold(authorizedBy: token)
  }

  mutating func note(_ step: @autoclosure () -> Step) { if isInChain { steps.append(step()) } }

  mutating func created(_ transfer: Transfer, authorizedBy token: TransactionID?) {
    fresh[transfer.id] = transfer
    applied.created.append(transfer)
    guard let token else { return }
    applied.used[token] = transfer.id
    note(.used(token))
  }

  mutating func ended(_ end: HoldEnd) {
    ends[end.hold] = end
    applied.ended.append(end)
  }

  mutating func beginChain() {
    isInChain = true
    createdBefore = applied.created.count
    endedBefore = applied.ended.count
  }

  mutating func endChain() {
    isInChain = false
    steps.removeAll(keepingCapacity: true)
  }

  /// The steps of a fallen chain, last first; what it created and ended is forgotten.
  mutating func takeBack() -> [Step] {
    for transfer in applied.created[createdBefore...] { fresh[transfer.id] = nil }
    for end in applied.ended[endedBefore...] { ends[end.hold] = nil }
    applied.created.removeSubrange(createdBefore...)
    applied.ended.removeSubrange(endedBefore...)
    defer { steps.removeAll(keepingCapacity: true) }
    for case .used(let token) in steps { applied.used[token] = nil }
    return steps.reversed()
  }
}

extension Book {
  fileprivate mutating func undo(_ work: inout Work<some TransferHistory>) {
    for step in work.takeBack() {
      switch step {
      case .account(let number, let before): accounts[number] = before
      case .holdKept(let id): holds[id] = nil
      case .holdEnded(let hold): keep(hold)
      case .used: break
      }
    }
  }
}

private struct NoHistory: TransferHistory {
  func transfer(_ id: TransferID) -> Transfer? { nil }
  func end(of hold: TransferID) -> HoldEnd? { nil }
  func hasHold(authorizedBy transaction: TransactionID) -> Bool { false }
}
