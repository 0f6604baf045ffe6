import Testing
import Transport
import Vocabulary

private let start = Instant(seconds: 1_000)

@Suite struct `A circuit breaker` {
  @Test func `opens after the last allowed failure in a row, not before`() {
    var breaker = CircuitBreaker()
    for _ in 1..<CircuitBreaker.failuresMax { breaker.failed(at: start) }
    let verdict1 = breaker.ask(at: start)
    #expect(verdict1 == .send)
    breaker.failed(at: start)
    let verdict2 = breaker.ask(at: start)
    #expect(verdict2 == .refuse(until: start + CircuitBreaker.rest))
  }

  @Test func `rests no longer when the clock is set back meanwhile`() {
    var breaker = CircuitBreaker()
    for _ in 1...CircuitBreaker.failuresMax { breaker.failed(at: start) }
    let early = start - .seconds(3_600)
    let first = breaker.ask(at: early)
    #expect(first == .send)
    // The probe's own span counts from the new time.
    let second = breaker.ask(at: early - .seconds(3_600))
    #expect(second == .send)
  }

  @Test func `forgets failures after one success`() {
    var breaker = CircuitBreaker()
    for _ in 1..<CircuitBreaker.failuresMax { breaker.failed(at: start) }
    breaker.succeeded()
    breaker.failed(at: start)
    let verdict3 = breaker.ask(at: start)
    #expect(verdict3 == .send)
  }

  @Test func `lets one probe through after its rest, and closes when that succeeds`() {
    var breaker = CircuitBreaker()
    for _ in 1...CircuitBreaker.failuresMax { breaker.failed(at: start) }
    let later = start + CircuitBreaker.rest
    let verdict4 = breaker.ask(at: later)
    #expect(verdict4 == .send)
    let verdict5 = breaker.ask(at: later)
    #expect(verdict5 == .refuse(until: later + CircuitBreaker.probeMax))
    breaker.succeeded()
    let verdict6 = breaker.ask(at: later)
    #expect(verdict6 == .send)
  }

  @Test func `opens again when the probe fails`() {
    var breaker = CircuitBreaker()
    for _ in 1...CircuitBreaker.failuresMax { breaker.failed(at: start) }
    let later = start + CircuitBreaker.rest
    _ = breaker.ask(at: later)
    breaker.failed(at: later)
    let verdict7 = breaker.ask(at: later)
    #expect(verdict7 == .refuse(until: later + CircuitBreaker.rest))
  }

  @Test func `does not wait for ever for a probe that never reports back`() {
    var breaker = CircuitBreaker()
    for _ in 1...CircuitBreaker.failuresMax { breaker.failed(at: start) }
    let probe = start + CircuitBreaker.rest
    _ = breaker.ask(at: probe)
    let verdict8 = breaker.ask(at: probe + CircuitBreaker.probeMax)
    #expect(verdict8 == .send)
  }
}

@Suite struct `A retry budget` {
  @Test func `allows its float, then a tenth of the traffic`() {
    var budget = RetryBudget()
    var spent = 0
    while budget.spend() { spent += 1 }
    #expect(spent == RetryBudget.floatTenths / 10)
    for _ in 0..<9 { budget.earned() }
    let tooEarly = budget.spend()
    budget.earned()
    let inTime = budget.spend()
    #expect(!tooEarly && inTime)
  }

  @Test func `never grows beyond its limit`() {
    var budget = RetryBudget()
    for _ in 0..<10_000 { budget.earned() }
    #expect(budget.tenths == RetryBudget.tenthsMax)
  }
}
