import LedgerBook
import Testing
import Vocabulary

@Suite struct `A booked day` {
  private static let day = 20_000
  private static let noon = Instant(seconds: Int64(day) * 86_400 + 43_200)

  private func rows(_ booked: [Int?]) -> (World, [KnownTransfer]) {
    var world = World()
    world.now = Self.noon
    for (place, days) in booked.enumerated() {
      var transfer = World.transfer(UInt128(10 + place), 1 << place)
      transfer.bookedOn = days.map { CivilDate(daysSinceEpoch: Self.day + $0) }
      #expect(world.send(transfer) == "created")
    }
    let known = world.memory.transfers.keys.compactMap { world.memory.row($0) }
    return (world, known)
  }

  @Test func `is the one that is named, or the day of acceptance, and never far ahead`() {
    let (_, known) = rows([nil, -9_000, 5, 31, 32, 4_000])
    let days = known.filter { $0.row.id >= 10 }.sorted { $0.row.id < $1.row.id }
      .map { Int($0.row.bookedDay) - Self.day }
    #expect(days == [0, -9_000, 5, 31, 31, 31])
  }

  @Test func `counts what is booked up to it, and no hold`() throws {
    var (world, known) = rows([nil, -3, 1])
    #expect(world.send(World.hold(50, 8)) == "created")
    known = world.memory.transfers.keys.compactMap { world.memory.row($0) }
    let number = try #require(world.book.number(of: World.bob))
    let row = world.book.accountRows[number]
    for (days, sum) in [(-4, 0), (-3, 2), (-1, 2), (0, 3), (1, 7), (31, 7)] as [(Int, Int64)] {
      let then = row.booked(
        through: CivilDate(daysSinceEpoch: Self.day + days), number: UInt32(number), since: known)
      #expect(then.creditsPosted == sum && then.creditsPending == 0, "\(days)")
      let totals = world.book.trialBalance.booked(
        through: CivilDate(daysSinceEpoch: Self.day + days), since: known)
      #expect(totals.allSatisfy { $0.isBalanced })
      let eur = try #require(totals.first { $0.currency == World.eur })
      // The opening of Ada's account was long before.
      #expect(eur.debitsPosted == UInt128(100 + sum) && eur.debitsPending == 0, "\(days)")
    }
  }
}
