import LedgerBook
import Testing
import Vocabulary

extension World {
  mutating func change(_ id: AccountID, _ change: AccountChange) -> String {
    book.change(id, change, at: now).name
  }
}

@Suite struct `A frozen account` {
  @Test func `neither pays nor receives until it is thawed`() {
    var world = World()
    #expect(world.change(World.ada, .freeze) == "created")
    #expect(world.change(World.ada, .freeze) == "exists")
    #expect(world.send(World.transfer(10, 1)) == "debit_account_frozen")
    #expect(world.send(World.hold(11, 1)) == "debit_account_frozen")
    #expect(
      world.send(World.transfer(12, 1, from: World.vault, to: World.ada))
        == "credit_account_frozen")
    #expect(world.state(World.ada) == [100, 0])
    #expect(world.change(World.ada, .thaw) == "created")
    #expect(world.change(World.ada, .thaw) == "exists")
    #expect(world.send(World.transfer(13, 1)) == "created")
  }

  @Test func `gives holds back, and posts none`() {
    var world = World()
    #expect(
      world.send([World.hold(10, 5), World.hold(11, 6, seconds: 1)]) == ["created", "created"])
    _ = world.change(World.bob, .freeze)
    #expect(world.send(World.post(12, 10)) == "credit_account_frozen")
    #expect(world.send(World.void(13, 10)) == "created")
    world.now = world.now + .seconds(2)
    #expect(world.book.expire(at: world.now).expired.count == 1)
    #expect(world.state(World.ada) == [100, 0])
  }

  @Test func `stays frozen when a hold that closed it is given back`() {
    var world = World()
    _ = world.send(World.transfer(10, 0, flags: [.pending, .closingDebit]))
    _ = world.change(World.ada, .freeze)
    #expect(world.send(World.transfer(11, 1)) == "debit_account_already_closed")
    #expect(world.send(World.void(12, 10)) == "created")
    #expect(world.send(World.transfer(13, 1)) == "debit_account_frozen")
  }
}

@Suite struct `Closing an account` {
  @Test func `is refused with money in it, on hold, or without an account`() {
    var world = World()
    #expect(world.change(AccountID(bits: 99), .close) == "account_not_found")
    #expect(world.change(World.ada, .close) == "account_not_empty")
    _ = world.send(World.hold(10, 100))
    // Nothing is posted on Bob's, but something is on its way.
    #expect(world.change(World.bob, .close) == "account_not_empty")
    _ = world.send(World.void(11, 10))
    #expect(world.change(World.bob, .close) == "created")
  }

  @Test func `is for good`() {
    var world = World()
    #expect(world.change(World.bob, .close) == "created")
    #expect(world.change(World.bob, .close) == "exists")
    #expect(world.change(World.bob, .freeze) == "account_already_closed")
    #expect(world.change(World.bob, .thaw) == "exists")
    #expect(world.send(World.transfer(10, 1)) == "credit_account_already_closed")
    #expect(world.book.account(World.bob)?.isClosed == true)
  }

  @Test func `takes money that came back to zero, and ends a frozen account too`() {
    var world = World()
    _ = world.send(World.transfer(10, 100))
    _ = world.change(World.ada, .freeze)
    #expect(world.change(World.ada, .close) == "created")
    #expect(world.change(World.ada, .thaw) == "created")
    #expect(
      world.send(World.transfer(11, 1, from: World.vault, to: World.ada))
        == "credit_account_already_closed")
  }
}
