import LedgerBook
import LedgerJournal
import LedgerStorage
import TestKit
import Testing
import Vocabulary

@Suite struct `The past of a ledger` {
  /// What many accounts hold together need not fit into what one may hold.
  @Test func `sums a currency beyond 64 bits`() throws {
    let eur = try #require(Currency("EUR"))
    var book = Book()
    let count = 1_030
    let moment = Instant(seconds: 1)
    _ = book.open(
      (1...2 * count).map {
        AccountRequest(id: AccountID(bits: UInt128($0)), currency: eur, code: 1)
      }, at: moment)
    let rows = (1...count).map { number in
      var row = RequestRow()
      row.id = UInt128(number)
      row.debitAccount = UInt128(number)
      row.creditAccount = UInt128(count + number)
      row.amount = Book.amountMax
      row.currency = eur.numericCode
      row.code = 1
      return row
    }
    let applied = book.apply(rows, authorizations: [:], at: moment, recalling: .nothing)
    #expect(applied.outcomes == Array(repeating: .created, count: count))
    let since = zip(applied.created, book.recentRows(applied.created)).map {
      KnownTransfer(row: $1, sequence: $0)
    }
    let past = WalkBack(
      to: PastPlace(entry: 1, sequence: 0, moment: moment), from: moment, since: since
    ).totals(book.trialBalance, opened: [], holds: [])
    #expect(past.map(\.debitsPosted) == [0])
    #expect(past.map(\.creditsPosted) == [0])
  }

  @Test(arguments: 0..<3)
  func `is what was answered then, whatever has happened since`(round: Int) async throws {
    let seed = testSeed("past of a ledger \(round)")
    var story = try await PastStory(Randomness.seeded(seed))
    for step in 0..<60 {
      try await story.go()
      if step % 21 == 20 { try await story.restart() }
      if step == 29 { try await story.check("seed \(seed), step \(step)") }
    }
    try await story.check("seed \(seed), at the end")
    #expect(story.ends == ["posted", "voided", "expired"], "seed \(seed)")
    story.house.remove()
  }

  @Test func `is told to its limit, and refused beyond it and before it has happened`() async throws
  {
    let house = try await KeeperHouse(.sqlite, pastMax: 10)
    for id in 100..<111 { _ = try await house.send([house.transfer(id)]) }
    try await house.caughtUp()
    let keeper = house.keeper
    let (vault, _) = try #require(try await keeper.account(KeeperHouse.vault, asOf: .sequence(1)))
    #expect(vault.debitsPosted == 1)
    #expect(try await keeper.trialBalance(asOf: .sequence(1)).totals.first?.debitsPosted == 1)
    _ = try await house.send([house.transfer(111)])
    await #expect(throws: PastRefusal.tooFar(transfersMax: 10)) {
      _ = try await keeper.account(KeeperHouse.vault, asOf: .sequence(1))
    }
    await #expect(throws: PastRefusal.tooFar(transfersMax: 10)) {
      _ = try await keeper.trialBalance(asOf: .sequence(1))
    }
    for asOf in [AsOf.sequence(13), .moment(house.clock.now() + .seconds(5))] {
      await #expect(throws: PastRefusal.notYet) {
        _ = try await keeper.account(KeeperHouse.vault, asOf: asOf)
      }
      await #expect(throws: PastRefusal.notYet) { _ = try await keeper.trialBalance(asOf: asOf) }
    }
    let none = try await keeper.account(AccountID(bits: 77), asOf: .sequence(2))
    #expect(none == nil)
    let before = try await keeper.account(
      KeeperHouse.vault, asOf: .moment(Instant(seconds: 1_000)))
    #expect(before == nil)
    let nothing = try await keeper.trialBalance(asOf: .sequence(12))
    #expect(nothing.totals.first?.debitsPosted == 12)
    house.remove()
  }
}

/// A random history, and what the ledger answered at each step of it.
private struct PastStory {
  struct Seen {
    let moment: Instant
    let sequence: Int64
    /// Whether a transfer was accepted at this moment, so that its sequence names it.
    let isNamed: Bool
    let accounts: [Account]
    let totals: [CurrencyTotal]
  }
  struct Accepted {
    let row: RequestRow
    let sequence: Int64
    let moment: Instant
    let amount: Int64
  }

  private(set) var house: KeeperHouse
  private let randomness: Randomness
  private var seen: [Seen] = []
  private var accepted: [Accepted] = []
  private var ids: [AccountID] = [KeeperHouse.vault, KeeperHouse.ada]
  private var opened: [AccountID: Instant] = [:]
  private var last = 99
  private(set) var ends: Set<String> = []

  init(_ randomness: Randomness) async throws {
    self.randomness = randomness
    house = try await KeeperHouse(.sqlite)
    for id in ids { opened[id] = try await house.keeper.accounts([id]).first?.createdAt }
  }

  private func below(_ count: Int) -> Int { Int(randomness.next() % UInt64(count)) }

  mutating func restart() async throws { house = try await house.restarted() }

  mutating func go() async throws {
    house.wait(.seconds(1 + Int64(below(4))))
    if below(12) == 0 { try await openOne() }
    let batch = (0..<1 + below(6)).map { _ in request() }
    let applied = try await house.keeper.apply(batch)
    var sequence = applied.first?.sequence ?? 0
    for (row, outcome) in zip(batch, applied.outcomes) where outcome == .created {
      let amount = amount(of: row)
      accepted.append(
        Accepted(row: row, sequence: sequence, moment: applied.moment, amount: amount))
      sequence += 1
    }
    seen.append(
      Seen(
        moment: applied.moment, sequence: accepted.last?.sequence ?? 0,
        isNamed: applied.created > 0, accounts: try await house.keeper.accounts(ids),
        totals: try await house.keeper.trialBalance()))
  }

  private mutating func openOne() async throws {
    let id = AccountID(bits: UInt128(10 + ids.count))
    let currency = try #require(Currency(ids.count % 2 == 0 ? "EUR" : "JPY"))
    let made = try await house.keeper.open(
      [AccountRequest(id: id, currency: currency, code: 1)]) { _ in [] }
    opened[id] = made.moment
    ids.append(id)
  }

  private mutating func request() -> RequestRow {
    last += 1
    var holds = accepted.suffix(40).filter { $0.row.flags & TransferFlags.pending.rawValue != 0 }
    // Ended ones too, which are refused; but not so often that a story has no end of each kind.
    if below(3) > 0 {
      let ended = Set(accepted.map(\.row.pendingID))
      holds.removeAll { ended.contains($0.row.id) }
    }
    if below(3) == 0, let hold = holds.isEmpty ? nil : holds[below(holds.count)] {
      let isPosting = below(2) > 0
      var row = house.end(last, of: Int(hold.row.id), isPosting ? .postPending : .voidPending)
      if isPosting, below(2) == 0 { row.amount = 1 + Int64(below(Int(hold.amount))) }
      return row
    }
    let (from, to) = (below(ids.count), below(ids.count))
    var row = house.transfer(last, amount: Int64(1 + below(50)))
    row.debitAccount = ids[from].bits
    row.creditAccount = ids[to].bits
    row.currency = below(6) == 0 ? 392 : 978
    guard below(2) == 0 else { return row }
    row.flags = TransferFlags.pending.rawValue
    if below(4) > 0 { row.timeoutSeconds = UInt32(1 + below(30)) }
    // The first two stay open, so that the story goes on.
    if below(8) == 0, from > 1 { row.flags |= TransferFlags.closingDebit.rawValue }
    return row
  }

  private func amount(of row: RequestRow) -> Int64 {
    row.amount != RequestRow.absentAmount
      ? row.amount : accepted.first { $0.row.id == row.pendingID }?.amount ?? 0
  }

  // MARK: looking back

  mutating func check(_ comment: String) async throws {
    let keeper = house.keeper
    // The moments so far have passed when the clock has gone on.
    house.wait(.seconds(1))
    for then in seen {
      var places = [AsOf.moment(then.moment)]
      if then.isNamed { places.append(.sequence(then.sequence)) }
      for place in places {
        for account in then.accounts {
          let found = try await keeper.account(account.id, asOf: place)
          #expect(found?.account == account, "\(comment), \(place)")
          #expect(found?.sequence == then.sequence, "\(comment), \(place)")
        }
        let trial = try await keeper.trialBalance(asOf: place)
        #expect(trial.totals == then.totals, "\(comment), \(place)")
        let isBalanced = trial.totals.allSatisfy { $0.isBalanced }
        #expect(isBalanced, "\(comment), \(place)")
      }
    }
    guard let first = seen.first?.moment, let end = seen.last?.moment else { return }
    for _ in 0..<30 {
      let span = (end - first).nanoseconds / 1_000_000_000
      let moment = first + .seconds(Int64(below(Int(span) + 1))) + .milliseconds(500)
      guard moment < end else { continue }
      for id in ids {
        let found = try await keeper.account(id, asOf: .moment(moment))?.account
        let sums = found.map {
          [$0.debitsPending, $0.debitsPosted, $0.creditsPending, $0.creditsPosted]
        }
        #expect(sums == model(id, at: moment), "\(comment), \(id) at \(moment)")
      }
    }
    for sequence in accepted.map(\.sequence).shuffled().prefix(30) {
      let moment = try #require(accepted.first { $0.sequence == sequence }?.moment)
      for id in ids {
        let found = try await keeper.account(id, asOf: .sequence(sequence))?.account
        let sums = found.map {
          [$0.debitsPending, $0.debitsPosted, $0.creditsPending, $0.creditsPosted]
        }
        #expect(
          sums == model(id, at: moment, through: sequence), "\(comment), \(id) after \(sequence)")
      }
    }
  }

  /// The sums, added up from the first transfer on.
  private mutating func model(
    _ id: AccountID, at moment: Instant, through sequence: Int64 = .max
  ) -> [Int64]? {
    guard let opened = opened[id], opened <= moment else { return nil }
    let past = accepted.filter { $0.moment <= moment && $0.sequence <= sequence }
    var sums: [Int64] = [0, 0, 0, 0]
    for made in past {
      var row = made.row
      let flags = TransferFlags(rawValue: row.flags)
      if flags.resolves, let hold = past.first(where: { $0.row.id == row.pendingID }) {
        row.debitAccount = hold.row.debitAccount
        row.creditAccount = hold.row.creditAccount
      }
      var pending: Int64 = 0
      if flags.contains(.pending) {
        let end = past.first { $0.row.pendingID == row.id }
        let expiry =
          row.timeoutSeconds == 0 ? nil : made.moment + .seconds(Int64(row.timeoutSeconds))
        if let end {
          ends.insert(
            TransferFlags(rawValue: end.row.flags).contains(.postPending) ? "posted" : "voided")
        } else if let expiry, expiry <= moment {
          ends.insert("expired")
        } else {
          pending = made.amount
        }
      }
      let posted = flags.contains(.pending) || flags.contains(.voidPending) ? 0 : made.amount
      if row.debitAccount == id.bits {
        sums[0] += pending
        sums[1] += posted
      }
      if row.creditAccount == id.bits {
        sums[2] += pending
        sums[3] += posted
      }
    }
    return sums
  }
}
