import LedgerBook
import LedgerJournal
import Storage
import Synchronization
import Vocabulary

// One group after the other: decide, seal, hand over.

extension LedgerKeeper {
  /// A group on its way to the disk.
  struct Flight: Sendable {
    var sealed: SealedEntry?
    /// The number of the first account that the entry opens.
    var firstAccount = 0
    var tip: Int64 = 0
    var lastTransfer: Int64 = 0
    var messages: [OutboxMessage] = []
    /// Why nothing of it may be kept: what others must hear cannot be said.
    var fault: (any Error)?
    var answers: [@Sendable ((any Error)?) -> Void] = []
    var generation = 0

    mutating func tell(_ make: () throws -> [OutboxMessage]) {
      do { messages += try make() } catch { fault = error }
    }
  }

  /// Runs on `decisions`.
  func decide() {
    while true {
      let works = flow.withLock { flow -> [LedgerWork] in
        guard Self.mayDecide(flow, settings) else {
          flow.isDeciding = false
          return []
        }
        var rows = 0
        let group = flow.waiting.prefix { work in
          defer { rows += max(1, work.rows) }
          return rows == 0 || rows + work.rows <= Self.groupRowsMax
        }
        flow.waiting.removeFirst(group.count)
        return Array(group)
      }
      guard !works.isEmpty else { return kickIfLost() }
      send(decide(works))
    }
  }

  private func kickIfLost() {
    if flow.withLock({ $0.commits.mustRead }) { kick() }
  }

  private func decide(_ works: [LedgerWork]) -> Flight {
    var flight = Flight()
    let (openHolds, nextExpiry) = kept.withLock { kept -> (Int, Instant?) in
      flight.firstAccount = kept.journaled.book.accountCount
      for hold in kept.journaled.begin(at: clock.now()) {
        guard let transfer = kept.journaled.book.transfer(hold) else { continue }
        let now = kept.journaled.book.now
        flight.tell { try tellExpired(transfer, now).map { [$0] } ?? [] }
      }
      for work in works { decide(work, &kept, &flight) }
      flight.sealed = kept.journaled.seal()
      for row in flight.sealed?.entry.accepted ?? [] { kept.filter.insert(row) }
      flight.tip = kept.journaled.tip.sequence
      flight.lastTransfer = kept.journaled.book.sequence
      flight.generation = kept.generation
      return (kept.journaled.book.openHoldCount, kept.journaled.book.nextExpiry)
    }
    flow.withLock {
      $0.openHolds = openHolds
      $0.nextExpiry = nextExpiry
      $0.commits.decided(through: flight.lastTransfer)
    }
    return flight
  }

  private func decide(_ work: LedgerWork, _ kept: inout Kept, _ flight: inout Flight) {
    switch work.kind {
    case .open(let batch, let tell, let answer):
      let opened = kept.journaled.open(batch)
      let rows = kept.journaled.book.accountRows[opened.opened]
      let done = OpenedAccounts(
        outcomes: opened.outcomes, created: rows.count,
        first: rows.first.map { AccountID(bits: $0.id) },
        last: rows.last.map { AccountID(bits: $0.id) }, moment: kept.journaled.book.now)
      flight.tell { try tell(done) }
      flight.answers.append { answer($0.map { .failure($0) } ?? .success(done)) }
    case .change(let id, let change, let tell, let answer):
      let outcome = kept.journaled.change(id, change)
      let done = ChangedAccount(
        outcome: outcome, account: kept.journaled.book.account(id),
        moment: kept.journaled.book.now)
      flight.tell { try tell(done) }
      flight.answers.append { answer($0.map { .failure($0) } ?? .success(done)) }
    case .apply(let batch, let following, let authorizations, let tell, let answer):
      do {
        let recalled = try recall(following.map { batch + [$0] } ?? batch, authorizations, kept)
        var applied = kept.journaled.apply(
          batch, authorizations: authorizations, recalling: recalled)
        if let following, applied.outcomes.allSatisfy({ $0 == .created }) {
          applied.append(kept.journaled.apply([following], recalling: recalled))
        }
        let done = AppliedTransfers(
          outcomes: applied.outcomes, created: applied.created.count,
          first: kept.journaled.book.transfer(at: applied.created.first),
          last: kept.journaled.book.transfer(at: applied.created.last),
          moment: kept.journaled.book.now)
        flight.tell { try tell(done) }
        flight.answers.append { answer($0.map { .failure($0) } ?? .success(done)) }
      } catch {
        // History could not be asked, so nothing was decided.
        flight.answers.append { _ in answer(.failure(error)) }
      }
    case .rehearseOpening(let batch, let answer):
      let outcomes = kept.journaled.rehearse(batch)
      flight.answers.append { answer($0.map { .failure($0) } ?? .success(outcomes)) }
    case .rehearse(let batch, let authorizations, let answer):
      do {
        let recalled = try recall(batch, authorizations, kept)
        let outcomes = kept.journaled.rehearse(
          batch, authorizations: authorizations, recalling: recalled)
        flight.answers.append { answer($0.map { .failure($0) } ?? .success(outcomes)) }
      } catch {
        flight.answers.append { _ in answer(.failure(error)) }
      }
    }
  }

  /// What history knows of a batch. Mostly nothing: the filter says so without a look at the disk.
  private func recall(
    _ batch: [RequestRow], _ authorizations: [Int: Authorization], _ kept: Kept
  ) throws -> Recalled {
    let tokens = authorizations.values.map(\.transaction.bits)
    kept.filter.warm(batch.lazy.map(\.id))
    let questions = kept.journaled.book.questions(of: batch, tokens: tokens) {
      kept.filter.mayContain($0)
    }
    guard !questions.isEmpty else { return .nothing }
    let remembered = kept.journaled.book.recentRange.lowerBound
    return try store.readNow { snapshot in
      // A view that does not have what the book has forgotten, as of a server that is behind, knows too little.
      guard try IndexStore.projected(snapshot) >= remembered - 1 else {
        throw LedgerFault.readingAgain
      }
      func transfers(_ keys: [UInt128], _ kind: IndexKind) throws -> [KnownTransfer] {
        let found = try IndexStore.find(keys, kind, snapshot)
        return try JournalStore.transfers(found.map(\.sequence).sorted(), snapshot)
      }
      var known = try transfers(questions.transfers, .id)
      known += try transfers(
        kept.journaled.book.holdsToRecall(after: known, batch: batch), .id)
      let ends = try transfers(questions.ends, .ended)
      let used = try IndexStore.find(questions.tokens.sorted(), .token, snapshot).map(\.key)
      return Recalled(transfers: known, ends: ends, tokens: Set(used))
    }
  }
}

extension Book {
  fileprivate func transfer(at sequence: Int64?) -> Transfer? {
    guard let sequence, let row = recentRows(sequence..<sequence + 1).first else { return nil }
    return transfer(KnownTransfer(row: row, sequence: sequence))
  }
}
