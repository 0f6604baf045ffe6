import LedgerBook
import LedgerSoak
import Testing
import Vocabulary

@Suite struct `A book under random batches` {
  static let seeds: UInt64 = 600
  static let stepsPerSeed = 40

  @Test func `does what the model does, and never breaks an invariant`() {
    var seen: Set<TransferRefusal> = []
    var accountsSeen: Set<AccountRefusal> = []
    var events = 0
    for seed in 1...Self.seeds {
      var story = Story(seed: seed)
      for step in 0..<Self.stepsPerSeed {
        let complaint = story.step()
        #expect(complaint == nil, "seed \(seed), step \(step): \(complaint ?? "")")
        if complaint != nil { return }
      }
      seen.formUnion(story.seen)
      accountsSeen.formUnion(story.accountsSeen)
      events += story.events
    }
    print("ledger book: \(Self.seeds) seeds, \(events) events, \(seen.count) refusals seen")
    // The generator is worth something only if it reaches every rule. Memory limits have tests of
    // their own, and so have makers: here one caller makes everything.
    #expect(
      Set(TransferRefusal.allCases).subtracting(seen)
        == [.tooManyOpenHolds, .pendingTransferNotMadeByCaller])
    #expect(Set(AccountRefusal.allCases).subtracting(accountsSeen) == [.tooManyAccounts])
  }
}

/// One seed: a book beside a model.
private struct Story {
  var random: RandomBatches
  /// Forgets after every third transfer, so that history is asked.
  var book = Book(limits: .init(recentBlock: 3))
  var model = BookModel()
  var memory = Memory()
  var now = Instant(seconds: 1_000_000)
  var sent: [TransferRequest] = []
  var seen: Set<TransferRefusal> = []
  var accountsSeen: Set<AccountRefusal> = []
  var events = 0

  init(seed: UInt64) { random = RandomBatches(seed: seed) }

  mutating func step() -> String? {
    // Now and then the clock goes back: the book must not follow.
    now = now + .milliseconds(random.chance(5) ? -2_000 : random.below(1_500))
    if random.chance(20) || model.accounts.isEmpty {
      let batch = random.accounts()
      var trial = book
      _ = trial.expire(at: now)
      let before = trial.accountRows
      let rehearsed = trial.rehearse(batch)
      guard trial.accountRows == before else { return "a rehearsal of accounts left something" }
      let opened = book.open(batch, at: now)
      guard rehearsed == opened.outcomes else { return "accounts \(batch): rehearsed otherwise" }
      let expected = model.open(batch, at: now)
      for case .refused(let refusal) in opened.outcomes { accountsSeen.insert(refusal) }
      guard opened.outcomes == expected else {
        return "accounts \(batch): \(opened.outcomes), model \(expected)"
      }
      guard opened.opened.upperBound == book.accountCount,
        opened.opened.count == expected.count(where: { $0 == .created })
      else {
        return "opened accounts are not the last ones"
      }
    } else {
      let batch = random.transfers(sent: sent)
      let rehearsed = book.rehearsed(batch, at: now, history: memory)
      let applied = book.apply(batch, at: now, history: memory)
      guard rehearsed == applied.outcomes else { return "\(batch): rehearsed otherwise" }
      let expected = model.apply(batch, at: now)
      events += batch.count
      for case .refused(let refusal) in applied.outcomes { seen.insert(refusal) }
      guard applied.outcomes == expected else {
        return "\(batch): \(applied.outcomes), model \(expected)"
      }
      if let complaint = memory.keep(applied) { return complaint }
      sent += batch
      if sent.count > 60 { sent.removeFirst(sent.count - 60) }
      if random.chance(6), let complaint = change() { return complaint }
    }
    return invariant()
  }

  private mutating func change() -> String? {
    let (account, change) = random.change()
    let outcome = book.change(account, change, at: now)
    let expected = model.change(account, change)
    return outcome == expected ? nil : "\(change) \(account): \(outcome), model \(expected)"
  }

  func invariant() -> String? {
    for total in book.trialBalance where !total.isBalanced { return "\(total) does not balance" }
    for account in book.allAccounts {
      let sums = model.sums(account.id)
      let own = BookModel.Sums(
        debitsPending: account.debitsPending, debitsPosted: account.debitsPosted,
        creditsPending: account.creditsPending, creditsPosted: account.creditsPosted)
      guard sums == own else { return "account \(account.id): \(own), model \(sums)" }
      guard account.isClosed == model.isClosed(account.id) else {
        return "account \(account.id): closed \(account.isClosed)"
      }
      guard account.isFrozen == model.isFrozen(account.id) else {
        return "account \(account.id): frozen \(account.isFrozen)"
      }
    }
    let open = memory.transfers.values.filter {
      $0.flags.contains(.pending) && memory.ends[$0.id] == nil
    }
    guard open.count == book.openHoldCount else { return "\(book.openHoldCount) open holds" }
    // What is stored makes the same book again; this also checks every account's own limit.
    do throws(BookMismatch) {
      let again = try Book(
        restoring: book.accountRows, holds: book.openHolds, sequence: book.sequence, now: book.now)
      guard again.accountRows == book.accountRows, again.openHolds == book.openHolds else {
        return "a restored book differs"
      }
    } catch {
      return "\(error)"
    }
    return nil
  }
}
