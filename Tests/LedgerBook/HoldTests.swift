import LedgerBook
import Testing
import Vocabulary

@Suite struct `A hold` {
  @Test func `reserves, and posting moves the money once`() {
    var world = World()
    #expect(world.send(World.hold(10, 60)) == "created")
    #expect(world.state(World.ada) == [100, 60])
    #expect(world.send(World.post(11, 10)) == "created")
    #expect(world.state(World.ada) == [40, 0])
    #expect(world.state(World.bob) == [60, 0])
  }

  @Test func `cannot be posted after it was rejected (blnk 182)`() {
    var world = World()
    #expect(world.send(World.hold(10, 60)) == "created")
    #expect(world.send(World.void(11, 10)) == "created")
    #expect(world.send(World.post(12, 10)) == "pending_transfer_already_voided")
    #expect(world.state(World.ada) == [100, 0])
  }

  @Test func `that was refused cannot be posted either`() {
    var world = World()
    #expect(world.send(World.hold(10, 101)) == "exceeds_credits")
    #expect(world.send(World.post(12, 10)) == "pending_transfer_not_found")
  }

  @Test(arguments: [true, false])
  func `is posted once, by whichever of two postings comes first (midaz 1519)`(inOneBatch: Bool) {
    var world = World()
    #expect(world.send(World.hold(10, 60)) == "created")
    let both = [World.post(11, 10), World.post(12, 10)]
    let outcomes = inOneBatch ? world.send(both) : both.map { world.send($0) }
    #expect(outcomes == ["created", "pending_transfer_already_posted"])
    #expect(world.state(World.ada) == [40, 0])
    #expect(world.state(World.bob) == [60, 0])
  }

  @Test(
    arguments: [
      (nil, "created", 40), (1, "created", 99), (59, "created", 41), (60, "created", 40),
      (61, "exceeds_pending_transfer_amount", 100), (0, "amount_must_not_be_zero", 100),
      (-1, "amount_out_of_range", 100), (Book.amountMax, "exceeds_pending_transfer_amount", 100),
    ] as [(Int64?, String, Int64)])
  func `is never captured above its amount`(amount: Int64?, outcome: String, left: Int64) {
    var world = World()
    #expect(world.send(World.hold(10, 60)) == "created")
    #expect(world.send(World.post(11, 10, amount)) == outcome)
    #expect(world.state(World.ada) == [left, outcome == "created" ? 0 : 60])
  }

  /// The live book must expire holds as whoever replays its journal does, or its journal is refused.
  @Test func `that was undone with its chain expires at the place of the one made after it`() {
    var world = World()
    var undone = World.hold(10, 1, seconds: 60)
    undone.flags.insert(.linked)
    #expect(
      world.send([
        undone, World.transfer(11, 0), World.hold(12, 1, seconds: 60),
        World.hold(10, 1, seconds: 60),
      ]) == ["linked_event_failed", "amount_must_not_be_zero", "created", "created"])
    let expired = world.book.expire(at: Instant(seconds: 1_060)).expired
    #expect(expired.map(\.row.id) == [12, 10])
    #expect(expired.map(\.sequence) == [2, 3])
  }

  @Test func `gives the money back when its time has passed, and not before`() {
    var world = World()
    #expect(world.send(World.hold(10, 60, seconds: 5)) == "created")
    world.now = Instant(seconds: 1_005) - .nanoseconds(1)
    #expect(world.book.expire(at: world.now).expired.isEmpty)
    world.now = Instant(seconds: 1_005)
    #expect(world.send(World.post(11, 10)) == "pending_transfer_expired")
    #expect(world.state(World.ada) == [100, 0])
    #expect(world.memory.ends.values.map(\.manner) == [.expired])
  }

  @Test func `that expired makes room for the next in the same batch`() {
    var world = World()
    #expect(world.send(World.hold(10, 100, seconds: 1)) == "created")
    world.now = Instant(seconds: 1_001)
    #expect(world.send([World.hold(11, 100)]) == ["created"])
  }

  @Test func `does not come back when the clock goes back`() {
    var world = World()
    #expect(world.send(World.hold(10, 60, seconds: 5)) == "created")
    world.now = Instant(seconds: 1_006)
    #expect(world.book.expire(at: world.now).expired.count == 1)
    let late = world.book.apply(
      [World.hold(11, 60, seconds: 5)], at: Instant(seconds: 900), history: world.memory)
    #expect(late.created.map(\.createdAt) == [Instant(seconds: 1_006)])
  }

  @Test func `taken back with its chain does not expire in the place of the next of its name`() {
    var world = World()
    var linked = World.hold(10, 60, seconds: 1)
    linked.flags.insert(.linked)
    #expect(
      world.send([linked, World.transfer(11, 0)])
        == ["linked_event_failed", "amount_must_not_be_zero"])
    #expect(world.send(World.hold(10, 60, seconds: 9)) == "created")
    world.now = Instant(seconds: 1_002)
    #expect(world.book.expire(at: world.now).expired.isEmpty)
    #expect(world.state(World.ada) == [100, 60])
  }

  @Test func `closes an account, and voiding it opens it again`() {
    var world = World()
    let closing = World.transfer(10, 0, flags: [.pending, .closingDebit])
    #expect(world.send(closing) == "created")
    #expect(world.send(World.transfer(11, 1)) == "debit_account_already_closed")
    #expect(world.send(World.post(12, 10)) == "debit_account_already_closed")
    #expect(world.send(World.void(13, 10)) == "created")
    #expect(world.send(World.transfer(14, 1)) == "created")
  }

  @Test func `is ended by who made it, and given back by the operator`() {
    var world = World()
    func by(_ maker: UInt16, _ request: TransferRequest) -> TransferRequest {
      var request = request
      request.maker = maker
      return request
    }
    let refusal = "pending_transfer_not_made_by_caller"
    #expect(world.send(by(1, World.hold(10, 5))) == "created")
    #expect(world.send(by(2, World.post(11, 10))) == refusal)
    #expect(world.send(by(2, World.void(11, 10))) == refusal)
    #expect(world.send(by(0, World.post(11, 10))) == refusal)
    #expect(world.send(by(1, World.post(11, 10))) == "created")
    // Who may not end it is not told that somebody did.
    #expect(world.send(by(2, World.post(11, 10))) == refusal)
    #expect(world.send(by(1, World.post(11, 10))) == "exists")
    #expect(world.send(by(1, World.hold(20, 5))) == "created")
    #expect(world.send(by(0, World.void(21, 20))) == "created")
    // The bank's own, whoever has the name.
    #expect(world.send(World.hold(30, 5)) == "created")
    #expect(world.send(by(1, World.post(31, 30))) == refusal)
    #expect(world.send(World.post(31, 30)) == "created")
  }

  @Test func `of a book that is older than makers is payments' where a token allowed it`() {
    var world = World()
    #expect(world.send(`An authorised hold`.signed(10)) == "created")
    var posting = World.post(11, 10)
    posting.maker = 2
    #expect(world.send(posting) == "pending_transfer_not_made_by_caller")
    posting.maker = RequestRow.paymentsMaker
    #expect(world.send(posting) == "created")
  }

  @Test func `is one of a limited number`() {
    var world = World(limits: .init(openHoldsMax: 2))
    #expect(
      world.send([World.hold(10, 1), World.hold(11, 1), World.hold(12, 1)])
        == ["created", "created", "too_many_open_holds"])
    #expect(world.send([World.void(13, 10), World.hold(12, 1)]) == ["created", "created"])
  }
}

@Suite struct `An authorised hold` {
  static func signed(_ id: UInt128, token: UInt128 = 5, _ amount: Int64 = 60) -> TransferRequest {
    var request = World.hold(id, amount)
    request.authorization = World.eur.map {
      Authorization(
        transaction: TransactionID(bits: token), subject: World.adasOwner, amount: 60,
        currency: $0, debtor: World.ada, creditor: World.bob)
    }
    return request
  }

  @Test func `is made once for each token, and repeating it moves nothing`() {
    var world = World()
    #expect(world.send(Self.signed(10)) == "created")
    #expect(world.send(Self.signed(10)) == "exists")
    #expect(world.send(Self.signed(10, token: 6)) == "exists")
    #expect(world.send(Self.signed(11)) == "authorization_already_used")
    #expect(world.state(World.ada) == [100, 60])
  }

  @Test func `is made once for each token within a batch too`() {
    var world = World()
    #expect(
      world.send([Self.signed(10), Self.signed(11)]) == ["created", "authorization_already_used"])
  }

  @Test func `leaves the token usable where the hold was refused`() {
    var world = World()
    #expect(world.send(World.transfer(9, 50)) == "created")
    #expect(world.send(Self.signed(10)) == "exceeds_credits")
    #expect(world.send(World.transfer(8, 50, from: World.bob, to: World.ada)) == "created")
    #expect(world.send(Self.signed(10)) == "created")
  }

  @Test func `must be exactly what was signed`() {
    var world = World()
    #expect(world.send(Self.signed(10, 61)) == "authorized_for_different_amount")
    var other = Self.signed(10)
    other.currency = World.jpy
    #expect(world.send(other) == "authorized_for_different_currency")
    other = Self.signed(10)
    other.debitAccount = World.vault
    #expect(world.send(other) == "authorized_for_different_debtor")
    other = Self.signed(10)
    other.creditAccount = World.vault
    #expect(world.send(other) == "authorized_for_different_creditor")
    #expect(world.state(World.ada) == [100, 0])
  }

  @Test func `must be signed by the debtor's owner`() {
    var world = World()
    var request = World.hold(10, 60)
    request.authorization = World.eur.map {
      Authorization(
        transaction: TransactionID(bits: 5), subject: PersonID(bits: 71), amount: 60,
        currency: $0, debtor: World.ada, creditor: World.bob)
    }
    #expect(world.send(request) == "debit_account_not_owned_by_subject")
  }
}
