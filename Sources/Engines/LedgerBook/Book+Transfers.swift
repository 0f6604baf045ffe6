package import Vocabulary

/// What a batch of transfers did. Storage keeps it before anybody hears of it.
package struct Applied: Sendable {
  /// One for each request, in order.
  package internal(set) var outcomes: [TransferOutcome] = []
  /// The sequences of the accepted transfers; `Book.recentRows` has them.
  package internal(set) var created: Range<Int64> = 0..<0
  /// The holds that expired before the batch, in the order of their moments.
  package internal(set) var expired: [KnownTransfer] = []

  package var changesNothing: Bool { created.isEmpty && expired.isEmpty }

  /// Adds what the next batch did, which was applied right behind this one.
  package mutating func append(_ next: Applied) {
    outcomes += next.outcomes
    created = created.lowerBound..<next.created.upperBound
    expired += next.expired
  }
}

extension Book {
  /// Applies a batch of transfers at a moment: first the holds that are due expire, then each event
  /// is decided on what all before it have done.
  /// - Parameters:
  ///   - authorizations: by index, for the requests that a person must have allowed.
  ///   - recalled: the answers to `questions(of:)`, and nothing less.
  package mutating func apply(
    _ batch: [RequestRow], authorizations: [Int: Authorization] = [:], at instant: Instant,
    recalling recalled: Recalled = .nothing
  ) -> Applied {
    advance(to: instant)
    holds.beginBatch()
    var applied = Applied()
    expireDue(&applied)
    let before = sequence
    applied.outcomes = decide(batch, authorizations, recalled)
    applied.created = before + 1..<sequence + 1
    return applied
  }

  /// What `apply` would say at the book's moment: every check, each event on what all before it would have done. The book
  /// is as it was afterwards.
  package mutating func rehearse(
    _ batch: [RequestRow], authorizations: [Int: Authorization] = [:],
    recalling recalled: Recalled = .nothing
  ) -> [TransferOutcome] {
    holds.beginBatch()
    let before = sequence
    steps = []
    isRehearsing = true
    let outcomes = decide(batch, authorizations, recalled)
    undo(to: before, mark: 0)
    isRehearsing = false
    steps = nil
    return outcomes
  }

  private mutating func decide(
    _ batch: [RequestRow], _ authorizations: [Int: Authorization], _ recalled: borrowing Recalled
  ) -> [TransferOutcome] {
    var outcomes: [TransferOutcome] = []
    outcomes.reserveCapacity(batch.count)
    var chain = Chain()
    for index in batch.indices {
      let isLinked = batch[index].does(.linked)
      if isLinked, chain.start == nil {
        // A rehearsal takes all back, so it remembers all steps and not only the chain's.
        if !isRehearsing { steps = [] }
        chain.open(at: index, mark: steps?.count ?? 0, sequence: sequence)
      }
      let outcome: TransferOutcome
      if isLinked, index == batch.count - 1 {
        outcome = .refused(.linkedEventChainOpen)
      } else if chain.isBroken {
        outcome = .refused(.linkedEventFailed)
      } else {
        let authorization = authorizations.isEmpty ? nil : authorizations[index]
        outcome = decide(
          batch[index], authorization, token: authorization?.transaction.bits ?? 0, recalled)
      }
      outcomes.append(outcome)
      guard let start = chain.start else { continue }
      if chain.breaks(outcome) {
        undo(to: chain.sequence, mark: chain.mark)
        outcomes.breakChain(from: start, with: .linkedEventFailed)
      }
      if !isLinked || index == batch.count - 1 {
        chain = Chain()
        if !isRehearsing { steps = nil }
      }
    }
    return outcomes
  }

  /// Expires the holds that are due and does nothing else.
  package mutating func expire(at instant: Instant) -> Applied { apply([], at: instant) }

  private mutating func expireDue(_ applied: inout Applied) {
    while let hold = holds.popDue(at: now.nanoseconds) {
      release(hold.row)
      reopen(after: hold.row)
      holds.end(hold.row.id)
      applied.expired.append(hold)
    }
  }

  /// Decides once more what was accepted before, with the token that allowed it then.
  mutating func decideAgain(_ request: RequestRow, token: UInt128) -> TransferOutcome {
    decide(request, nil, token: token, .nothing)
  }

  private mutating func decide(
    _ request: RequestRow, _ authorization: Authorization?, token: UInt128,
    _ recalled: borrowing Recalled
  ) -> TransferOutcome {
    do throws(TransferRefusal) {
      if let authorization { try check(request, against: authorization) }
      guard request.id != 0 else { throw .idMustNotBeZero }
      guard request.id != .max else { throw .idMustNotBeIntMax }
      if let earlier = recent.transfer(request.id) ?? recalled.transfer(request.id) {
        try compare(request, with: earlier.row, recalled)
        return .exists
      }
      if authorization != nil || token != 0 {
        // Zero is no token, so it cannot be told whether it was used: refused.
        guard token != 0, !recent.isUsed(token), !recalled.isUsed(token) else {
          throw .authorizationAlreadyUsed
        }
      }
      try checkAlone(request)
      if request.does(.resolving) {
        try resolve(request, recalled)
      } else {
        try move(request, owner: authorization?.subject.bits, token: token)
      }
      return .created
    } catch {
      return .refused(error)
    }
  }

  private func check(
    _ request: RequestRow, against allowed: Authorization
  ) throws(TransferRefusal) {
    guard request.amount == max(allowed.amount, .min + 1) else {
      throw .authorizedForDifferentAmount
    }
    guard request.currency == allowed.currency.numericCode else {
      throw .authorizedForDifferentCurrency
    }
    guard request.debitAccount == allowed.debtor.bits else {
      throw .authorizedForDifferentDebtor
    }
    guard request.creditAccount == allowed.creditor.bits else {
      throw .authorizedForDifferentCreditor
    }
  }
}

extension TransferRefusal: Error {}

// What a fallen chain takes back, and a rehearsal.

extension Book {
  /// How one step within a chain is undone.
  enum Step {
    case account(Int, AccountRow)
    case holdKept(UInt128)
    case holdEnded
  }

  /// - Parameter mark: how many steps stay.
  private mutating func undo(to sequence: Int64, mark: Int) {
    while steps?.count ?? 0 > mark, let step = steps?.popLast() {
      switch step {
      case .account(let number, let before): accounts[number] = before
      case .holdKept(let id): holds.remove(id)
      case .holdEnded: holds.reopenLast()
      }
    }
    while self.sequence > sequence { recent.removeLast() }
  }
}
