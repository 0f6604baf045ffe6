import Gateway
import Testing
import Vocabulary

private let start = Instant(seconds: 1_800_000_000)

@Suite struct `A token bucket` {
  @Test(arguments: [(1, 1), (5, 10), (50, 100), (1_000, 2_000), (3, 7)])
  func `gives its burst at once and then nothing`(perSecond: Int, burst: Int) {
    let rate = BucketRate(perSecond: perSecond, burst: burst)
    var bucket = TokenBucket()
    for taken in 1...burst {
      let verdict = bucket.take(at: start, rate)
      #expect(verdict.isAllowed)
      #expect(verdict.remaining == Int64(burst - taken))
    }
    let refused = bucket.take(at: start, rate)
    #expect(!refused.isAllowed)
    #expect(refused.retryAfter == rate.interval)
  }

  @Test func `gives one more exactly when the wait is over`() {
    let rate = BucketRate(perSecond: 10, burst: 2)
    var bucket = TokenBucket()
    _ = bucket.take(at: start, rate)
    _ = bucket.take(at: start, rate)
    let wait = bucket.take(at: start, rate).retryAfter
    let tooEarly = bucket.take(at: start + .nanoseconds(wait - 1), rate)
    let inTime = bucket.take(at: start + .nanoseconds(wait), rate)
    #expect(wait == 100_000_000)
    #expect(!tooEarly.isAllowed)
    #expect(inTime.isAllowed)
  }

  @Test func `allows its rate and not more over an hour`() {
    let rate = BucketRate(perSecond: 7, burst: 13)
    var bucket = TokenBucket()
    var allowed = 0
    for tick in 0..<36_000 where bucket.take(at: start + .milliseconds(tick * 100), rate).isAllowed
    {
      allowed += 1
    }
    #expect(allowed >= 7 * 3_599)
    #expect(allowed <= 7 * 3_600 + 13)
  }

  @Test func `survives a clock that steps back`() {
    let rate = BucketRate(perSecond: 1, burst: 3)
    var bucket = TokenBucket()
    for _ in 0..<3 { _ = bucket.take(at: start, rate) }
    let verdict = bucket.take(at: start - .seconds(3_600), rate)
    #expect(!verdict.isAllowed)
    #expect(verdict.retryAfter <= rate.window)
    // And the wait it named is the truth.
    let later = start - .seconds(3_600) + .nanoseconds(verdict.retryAfter)
    let next = bucket.take(at: later, rate)
    #expect(next.isAllowed)
  }

  @Test func `moves impossible rates to the nearest possible one`() {
    #expect(BucketRate(perSecond: 0, burst: 0).interval == 1_000_000_000)
    #expect(BucketRate(perSecond: 0, burst: 0).burst == 1)
    #expect(BucketRate(perSecond: .max, burst: .max).interval == 1_000)
    #expect(BucketRate(perSecond: .max, burst: .max).burst == 10_000_000)
  }
}

@Suite struct `A table of buckets` {
  private let rate = BucketRate(perSecond: 1, burst: 2)

  @Test func `never holds more than its limit`() {
    let table = BucketTable(bucketsMax: 64, shards: 1)
    for number in 0..<64 { _ = table.take(key(number), at: start, rate) }
    #expect(table.count == 64)
    _ = table.take(key(64), at: start, rate)
    #expect(table.count <= 64)
  }

  @Test func `forgets idle buckets first`() {
    let table = BucketTable(bucketsMax: 8, shards: 1)
    for number in 0..<7 { _ = table.take(key(number), at: start, rate) }
    let later = start + .seconds(10)
    _ = table.take(key(100), at: later, rate)
    _ = table.take(key(100), at: later, rate)
    _ = table.take(key(101), at: later, rate)
    #expect(table.count == 2)
    #expect(!table.take(key(100), at: later, rate).isAllowed)
  }

  @Test func `never forgives the emptiest bucket while fuller ones can go`() {
    let table = BucketTable(bucketsMax: 16, shards: 1)
    _ = table.take(key(0), at: start, rate)
    _ = table.take(key(0), at: start, rate)
    for number in 1..<200 { _ = table.take(key(number), at: start, rate) }
    #expect(!table.take(key(0), at: start, rate).isAllowed)
  }

  private func key(_ number: Int) -> BucketKey { BucketKey(.address, subject: "\(number)") }
}

@Suite struct `The limits of a route` {
  @Test func `refuse one client and let the next in`() {
    let book = LimitBook(factor: 1)
    let limits = RouteLimits(perSecond: 1, burst: 2, factor: 1)
    let outcomes = ["a", "a", "a", "b"].map { client in
      var report = LimitReport()
      book.admit(0, limits, client: client, user: nil, at: start, &report)
      return report.isAllowed
    }
    #expect(outcomes == [true, true, false, true])
  }

  @Test func `refuse one user who comes through several clients`() {
    let book = LimitBook(factor: 1)
    let limits = RouteLimits(perSecond: 1, burst: 2, factor: 1)
    let outcomes = ["a", "b", "c"].map { client in
      var report = LimitReport()
      book.admit(0, limits, client: client, user: "one", at: start, &report)
      return report.isAllowed
    }
    #expect(outcomes == [true, true, false])
  }

  @Test func `let everybody else in whom the flooding person shares an application with`() {
    let book = LimitBook(factor: 1)
    let limits = RouteLimits(perSecond: 1, burst: 2, factor: 1)
    func admit(_ user: String) -> Bool {
      var report = LimitReport()
      book.admit(0, limits, client: "app", user: user, at: start, &report)
      return report.isAllowed
    }
    #expect((0..<1_000).filter { _ in admit("flood") }.count == 2)
    #expect((1..<RouteLimits.usersAtFullRate).allSatisfy { admit("person \($0)") })
  }

  @Test func `protect the service from all clients together`() {
    let book = LimitBook(factor: 1)
    let limits = RouteLimits(perSecond: 1, burst: 1, factor: 1)
    let allowed = (0..<40).filter { client in
      var report = LimitReport()
      book.admit(0, limits, client: "\(client)", user: nil, at: start, &report)
      return report.isAllowed
    }
    #expect(allowed.count == RouteLimits.clientsAtFullRate)
  }

  @Test func `are stricter where no token is asked`() {
    let limits = RouteLimits(perSecond: 5_000, burst: 9_000, factor: 1)
    #expect(limits.addressOnRoute.rate.burst == Int64(RouteLimits.openBurstMax))
    #expect(limits.client.rate.burst == 9_000)
  }

  @Test func `say in the fields what is left, and in the problem how long to wait`() {
    let book = LimitBook(factor: 1)
    let limits = RouteLimits(perSecond: 1, burst: 2, factor: 1)
    var report = LimitReport()
    book.admit(0, limits, client: "a", user: nil, at: start, &report)
    #expect(report.fields?.policy == "\"client\";q=2;w=2, \"route\";q=40;w=2")
    #expect(report.fields?.state == "\"client\";r=1;t=1")
    for _ in 0..<2 {
      report = LimitReport()
      book.admit(0, limits, client: "a", user: nil, at: start, &report)
    }
    #expect(report.fields?.state == "\"client\";r=0;t=2")
    #expect(report.problem.status == 429)
    #expect(report.problem.retryAfterSeconds == 1)
  }
}
