import LedgerBook
import Testing
import Vocabulary

@Suite struct `A transfer` {
  @Test(arguments: [true, false])
  func `sent again answers exists, by name and never emptily (formance 364)`(inOneBatch: Bool) {
    var world = World()
    let twice = [World.transfer(10, 30), World.transfer(10, 30)]
    let outcomes = inOneBatch ? world.send(twice) : twice.map { world.send($0) }
    #expect(outcomes == ["created", "exists"])
    #expect(world.state(World.ada) == [70, 0])
  }

  @Test(arguments: [true, false])
  func `with another content under its id names the field`(inOneBatch: Bool) {
    var changes: [(String, (inout TransferRequest) -> Void)] = []
    changes.append(("exists_with_different_flags", { $0.flags = .pending }))
    changes.append(
      ("exists_with_different_pending_id", { $0.pendingID = TransferID(bits: 1) }))
    changes.append(("exists_with_different_timeout", { $0.timeoutSeconds = 1 }))
    changes.append(
      ("exists_with_different_debit_account_id", { $0.debitAccount = World.vault }))
    changes.append(
      ("exists_with_different_credit_account_id", { $0.creditAccount = World.vault }))
    changes.append(("exists_with_different_amount", { $0.amount = 31 }))
    changes.append(
      ("exists_with_different_payment_id", { $0.paymentID = PaymentID(bits: 1) }))
    changes.append(
      ("exists_with_different_correlation_id", { $0.correlationID = CorrelationID(bits: 1) }))
    changes.append(
      ("exists_with_different_booked_on", { $0.bookedOn = CivilDate(daysSinceEpoch: 1) }))
    changes.append(("exists_with_different_currency", { $0.currency = World.jpy }))
    changes.append(("exists_with_different_code", { $0.code = 2 }))
    for (index, change) in changes.enumerated() {
      var world = World()
      var other = World.transfer(10, 30)
      // This field differs, and every field that comes after it in precedence.
      for later in changes[index...] { later.1(&other) }
      let both = [World.transfer(10, 30), other]
      let outcomes = inOneBatch ? world.send(both) : both.map { world.send($0) }
      #expect(outcomes == ["created", change.0])
      #expect(world.state(World.ada) == [70, 0])
    }
  }

  @Test(
    arguments: [
      (nil, "amount_must_not_be_zero"), (0, "amount_must_not_be_zero"), (-1, "amount_out_of_range"),
      (.min, "amount_out_of_range"), (1, "created"), (100, "created"), (101, "exceeds_credits"),
      (Book.amountMax, "exceeds_credits"), (Book.amountMax + 1, "amount_out_of_range"),
      (.max, "amount_out_of_range"),
    ] as [(Int64?, String)])
  func `moves an amount from one to what is there`(amount: Int64?, outcome: String) {
    var world = World()
    #expect(world.send(World.transfer(10, amount)) == outcome)
    #expect(world.state(World.ada) == [100 - (outcome == "created" ? amount ?? 0 : 0), 0])
  }

  @Test func `takes sums to their limit and not one further`() {
    var world = World()
    let room = Book.amountMax - 100
    let vault = World.vault
    #expect(
      world.send(World.transfer(10, room + 1, from: vault, to: World.bob))
        == "overflows_debits_posted")
    #expect(world.send(World.transfer(11, room, from: vault, to: World.bob)) == "created")
    var pending = World.transfer(12, 1, from: vault, to: World.bob)
    pending.flags = .pending
    #expect(world.send(pending) == "overflows_debits")
    #expect(
      world.send(World.transfer(13, 50, from: World.bob, to: World.ada)) == "created")
    #expect(
      world.send(World.transfer(14, room - 49, from: World.bob, to: World.ada))
        == "overflows_credits_posted")
  }

  @Test func `balances down to what the debtor has`() {
    var world = World()
    #expect(world.send(World.transfer(10, 500, flags: .balancingDebit)) == "created")
    #expect(world.state(World.bob) == [100, 0])
    #expect(world.send(World.transfer(10, 500, flags: .balancingDebit)) == "exists")
    #expect(
      world.send(World.transfer(10, nil, flags: .balancingDebit))
        == "exists_with_different_amount")
    #expect(world.send(World.transfer(11, nil, flags: .balancingDebit)) == "exceeds_credits")
  }

  @Test func `needs one currency throughout`() {
    var world = World()
    #expect(
      world.send(World.transfer(10, 1, to: World.yen)) == "accounts_must_have_the_same_currency")
    var yen = World.transfer(11, 1)
    yen.currency = World.jpy
    #expect(world.send(yen) == "transfer_must_have_the_same_currency_as_accounts")
  }

  @Test func `needs two accounts`() {
    var world = World()
    #expect(world.send(World.transfer(10, 1, to: World.ada)) == "accounts_must_be_different")
    #expect(world.send(World.transfer(10, 1, to: AccountID(bits: 9))) == "credit_account_not_found")
  }
}

@Suite struct `A chain` {
  static func linked(_ request: TransferRequest) -> TransferRequest {
    var request = request
    request.flags.insert(.linked)
    return request
  }

  @Test func `falls as one, with the reason at the event that broke it`() {
    var world = World()
    let chain = [
      Self.linked(World.transfer(10, 30)), Self.linked(World.transfer(11, 71)),
      World.transfer(12, 1), World.transfer(13, 5),
    ]
    #expect(
      world.send(chain)
        == ["linked_event_failed", "exceeds_credits", "linked_event_failed", "created"])
    #expect(world.state(World.ada) == [95, 0])
  }

  @Test func `sees its own earlier events`() {
    var world = World()
    let through = [
      Self.linked(World.transfer(10, 100)),
      World.transfer(11, 100, from: World.bob, to: World.vault),
    ]
    #expect(world.send(through) == ["created", "created"])
    #expect(world.send(through) == ["exists", "exists"])
  }

  @Test func `that is left open falls`() {
    var world = World()
    #expect(
      world.send([Self.linked(World.transfer(10, 1)), Self.linked(World.transfer(11, 1))])
        == ["linked_event_failed", "linked_event_chain_open"])
    #expect(world.state(World.ada) == [100, 0])
  }

  @Test func `of which a part was sent before falls`() {
    var world = World()
    #expect(world.send(World.transfer(11, 1)) == "created")
    #expect(
      world.send([Self.linked(World.transfer(10, 1)), World.transfer(11, 1)])
        == ["linked_event_failed", "exists"])
    #expect(world.state(World.ada) == [99, 0])
  }

  @Test func `gives back the hold it had posted`() {
    var world = World()
    #expect(world.send(World.hold(10, 60)) == "created")
    #expect(
      world.send([Self.linked(World.post(11, 10)), World.transfer(12, 41)])
        == ["linked_event_failed", "exceeds_credits"])
    #expect(world.state(World.ada) == [100, 60])
    #expect(world.send(World.post(11, 10)) == "created")
  }
}

@Suite struct `A stored book` {
  @Test func `is refused, with the place, where it cannot be`() throws {
    var world = World()
    #expect(world.send(World.hold(10, 60)) == "created")
    let holds = world.book.openHolds
    let accounts = world.book.accountRows
    func restore(_ accounts: [AccountRow], _ holds: [KnownTransfer]) -> BookMismatch? {
      #expect(throws: BookMismatch.self) {
        try Book(restoring: accounts, holds: holds, sequence: 2, now: world.now)
      }
    }
    _ = try Book(restoring: accounts, holds: holds, sequence: 2, now: world.now)
    #expect(restore(accounts, []) == .pendingDiffersFromHolds(World.ada))
    #expect(restore(accounts + [accounts[0]], holds) == .accountTwice(World.vault))
    #expect(restore([accounts[0]], holds) == .holdWithoutAccount(TransferID(bits: 10)))
    var wrong = accounts
    wrong[0].debitsPosted += 1
    #expect(restore(wrong, holds)?.description.hasPrefix("EUR: debits are not equal") == true)
    wrong = accounts
    wrong[1].creditsPosted = 59
    #expect(restore(wrong, holds) == .limitCrossed(World.ada))
    wrong = accounts
    wrong[2].creditsPosted = -1
    #expect(restore(wrong, holds) == .sumOutOfRange(World.bob))
  }

  @Test func `holds a limited number of accounts`() throws {
    var book = Book(limits: .init(accountsMax: 1))
    let eur = try #require(World.eur)
    let requests = [1, 2].map { AccountRequest(id: AccountID(bits: $0), currency: eur, code: 1) }
    #expect(
      book.open(requests, at: Instant(seconds: 0)).outcomes
        == [.created, .refused(.tooManyAccounts)])
  }
}
