import Ledger
import Testing
import Vocabulary

@Suite struct `A person's rate at the ledger` {
  private let ada = PersonID(bits: 1)
  private let bob = PersonID(bits: 2)

  @Test func `is a burst, then so many a second, for each person by itself`() {
    var rate = PersonRate(perSecond: 10, burst: 3)
    let start = Instant(seconds: 1_000)
    func take(_ person: PersonID, _ times: Int, after span: Duration) -> [Bool] {
      (0..<times).map { _ in rate.take(person, at: start + span) }
    }
    #expect(take(ada, 5, after: .zero) == [true, true, true, false, false])
    #expect(take(bob, 1, after: .zero) == [true])
    #expect(take(ada, 1, after: .milliseconds(99)) == [false])
    #expect(take(ada, 2, after: .milliseconds(100)) == [true, false])
    #expect(take(ada, 4, after: .seconds(60)) == [true, true, true, false])
  }

  @Test func `keeps nobody waiting for an hour when the clock is set back by one`() {
    var rate = PersonRate(perSecond: 10, burst: 3)
    let (start, before) = (Instant(seconds: 10_000), Instant(seconds: 6_400))
    let taken = (0..<3).map { _ in rate.take(ada, at: start) }
    #expect(taken == [true, true, true])
    let later = [Duration.zero, .milliseconds(100), .seconds(1)].map {
      rate.take(ada, at: before + $0)
    }
    #expect(later == [false, true, true])
  }

  @Test func `is kept for so many people, and those at rest are forgotten first`() {
    var rate = PersonRate(perSecond: 1, burst: 1)
    let start = Instant(seconds: 1_000)
    let taken = (1...PersonRate.peopleMax).count {
      rate.take(PersonID(bits: UInt128($0)), at: start)
    }
    #expect(taken == PersonRate.peopleMax)
    let (newcomer, later) = (PersonID(bits: .max), start + .seconds(1))
    let answers = [rate.take(newcomer, at: start), rate.take(newcomer, at: later)]
    #expect(answers == [false, true])
  }
}
