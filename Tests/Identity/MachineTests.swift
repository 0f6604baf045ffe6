import Identity
import Testing
import Tokens
import Vocabulary

private let start = Instant(seconds: 1_800_000_000)

@Suite struct `An authorization code` {
  private static let expiry = start + CodeMachine.lifetime

  struct Case: Sendable, CustomTestStringConvertible {
    let state: CodeMachine.State
    let event: CodeMachine.Event
    let after: CodeMachine.State
    let action: CodeMachine.Action
    var testDescription: String { "\(state) × \(event)" }
  }

  static let table: [Case] = [
    Case(
      state: .issued, event: .presented(at: start, fits: true), after: .redeemed,
      action: .issueTokens),
    Case(
      state: .issued, event: .presented(at: expiry - .nanoseconds(1), fits: true), after: .redeemed,
      action: .issueTokens),
    Case(
      state: .issued, event: .presented(at: expiry, fits: true), after: .void, action: .refuse),
    Case(
      state: .issued, event: .presented(at: start, fits: false), after: .void, action: .refuse),
    Case(state: .issued, event: .withdrawn, after: .void, action: .nothing),
    Case(
      state: .redeemed, event: .presented(at: start, fits: true), after: .void,
      action: .refuseAndRevokeFamily),
    Case(
      state: .redeemed, event: .presented(at: expiry, fits: false), after: .void,
      action: .refuseAndRevokeFamily),
    Case(state: .redeemed, event: .withdrawn, after: .void, action: .nothing),
    Case(state: .void, event: .presented(at: start, fits: true), after: .void, action: .refuse),
    Case(state: .void, event: .presented(at: start, fits: false), after: .void, action: .refuse),
    Case(state: .void, event: .withdrawn, after: .void, action: .nothing),
  ]

  @Test(arguments: table) func `goes its way`(_ row: Case) {
    var machine = CodeMachine(state: row.state, expiresAt: Self.expiry)
    #expect(machine.handle(row.event) == row.action)
    #expect(machine.state == row.after)
  }

  @Test func `lives sixty seconds`() { #expect(CodeMachine.lifetime == .seconds(60)) }
}

@Suite struct `A refresh family` {
  struct Case: Sendable, CustomTestStringConvertible {
    let state: RefreshFamily.State
    let event: RefreshFamily.Event
    let after: RefreshFamily.State
    let action: RefreshFamily.Action
    var testDescription: String { "\(state) × \(event)" }
  }

  private static let idle = start + RefreshFamily.idleMax
  private static let late = start + RefreshFamily.lifetime

  static let table: [Case] = [
    Case(
      state: .live(generation: 3), event: .presented(generation: 3, issuedAt: start, at: start),
      after: .live(generation: 4), action: .rotate(to: 4)),
    Case(
      state: .live(generation: 3), event: .presented(generation: 2, issuedAt: start, at: start),
      after: .revoked(.tokenReused), action: .refuseAndAnnounce(.tokenReused)),
    // An answer that was lost can be had once more, for a moment.
    Case(
      state: .live(generation: 3),
      event: .presented(
        generation: 2, issuedAt: start, repeatableUntil: start + .nanoseconds(1), at: start),
      after: .live(generation: 3), action: .repeatAnswer(of: 3)),
    Case(
      state: .live(generation: 3),
      event: .presented(generation: 2, issuedAt: start, repeatableUntil: start, at: start),
      after: .revoked(.tokenReused), action: .refuseAndAnnounce(.tokenReused)),
    Case(
      state: .live(generation: 3),
      event: .presented(
        generation: 1, issuedAt: start, repeatableUntil: start + .seconds(9), at: start),
      after: .revoked(.tokenReused), action: .refuseAndAnnounce(.tokenReused)),
    Case(
      state: .live(generation: 3),
      event: .presented(
        generation: 2, issuedAt: start, repeatableUntil: late + .seconds(9), at: late),
      after: .revoked(.tokenReused), action: .refuseAndAnnounce(.tokenReused)),
    Case(
      state: .live(generation: 3), event: .presented(generation: 4, issuedAt: start, at: start),
      after: .revoked(.tokenReused), action: .refuseAndAnnounce(.tokenReused)),
    Case(
      state: .live(generation: 0),
      event: .presented(generation: 0, issuedAt: start, at: idle - .nanoseconds(1)),
      after: .live(generation: 1), action: .rotate(to: 1)),
    Case(
      state: .live(generation: 0), event: .presented(generation: 0, issuedAt: start, at: idle),
      after: .revoked(.lapsed), action: .refuseAndAnnounce(.lapsed)),
    Case(
      state: .live(generation: 0),
      event: .presented(generation: 0, issuedAt: late - .seconds(2), at: late - .seconds(1)),
      after: .live(generation: 1), action: .rotate(to: 1)),
    Case(
      state: .live(generation: 0),
      event: .presented(generation: 0, issuedAt: late - .seconds(2), at: late),
      after: .revoked(.lapsed), action: .refuseAndAnnounce(.lapsed)),
    Case(
      state: .live(generation: 9), event: .revoked(.byClient), after: .revoked(.byClient),
      action: .announce(.byClient)),
    Case(
      state: .revoked(.tokenReused),
      event: .presented(generation: 3, issuedAt: start, at: start),
      after: .revoked(.tokenReused), action: .refuse),
    Case(
      state: .revoked(.tokenReused), event: .revoked(.signedOut), after: .revoked(.tokenReused),
      action: .nothing),
  ]

  @Test(arguments: table) func `goes its way`(_ row: Case) {
    var machine = RefreshFamily(state: row.state, expiresAt: Self.late)
    #expect(machine.handle(row.event) == row.action)
    #expect(machine.state == row.after)
  }

  @Test func `is lost to both sides as soon as an old token turns up`() {
    var family = RefreshFamily(state: .live(generation: 0), expiresAt: Self.late)
    #expect(family.handle(.presented(generation: 0, issuedAt: start, at: start)) == .rotate(to: 1))
    #expect(
      family.handle(.presented(generation: 0, issuedAt: start, at: start))
        == .refuseAndAnnounce(.tokenReused))
    #expect(family.handle(.presented(generation: 1, issuedAt: start, at: start)) == .refuse)
  }
}

@Suite struct `The throttle` {
  private let limits = ThrottleMachine.Limits(
    freeAttempts: 3, firstDelay: .seconds(1), delayMax: .seconds(10), forgottenAfter: .seconds(60))

  @Test func `grants the free attempts, then doubles the wait up to its limit`() {
    var machine = ThrottleMachine(state: .quiet, limits: limits)
    for _ in 0..<3 { #expect(machine.handle(.attempted(at: start)) == .proceed) }
    var now = start
    for seconds in [1, 2, 4, 8, 10, 10] {
      #expect(machine.handle(.attempted(at: now)) == .refuse(retryAfterSeconds: seconds))
      let free = now + .seconds(seconds)
      #expect(
        machine.handle(.attempted(at: free - .nanoseconds(1))) == .refuse(retryAfterSeconds: 1)
          || seconds == 0)
      #expect(machine.handle(.attempted(at: free)) == .proceed)
      now = free
    }
  }

  @Test func `forgets after silence, and at once after success`() {
    let tired = ThrottleMachine.State.counting(attempts: 50, last: start)
    var machine = ThrottleMachine(state: tired, limits: limits)
    #expect(machine.handle(.attempted(at: start + .seconds(60))) == .proceed)
    #expect(machine.state == .counting(attempts: 1, last: start + .seconds(60)))
    machine = ThrottleMachine(state: tired, limits: limits)
    #expect(machine.handle(.succeeded) == .proceed)
    #expect(machine.state == .quiet)
    #expect(machine.handle(.succeeded) == .proceed)
  }

  @Test func `takes back the attempt that was right, and no other`() {
    var machine = ThrottleMachine(
      state: .counting(attempts: 3, last: start), limits: limits)
    #expect(machine.handle(.redeemed) == .proceed)
    #expect(machine.state == .counting(attempts: 2, last: start))
    machine = ThrottleMachine(state: .counting(attempts: 1, last: start), limits: limits)
    #expect(machine.handle(.redeemed) == .proceed)
    #expect(machine.state == .quiet)
    #expect(machine.handle(.redeemed) == .proceed)
    #expect(machine.state == .quiet)
  }

  @Test func `does not count what it refuses`() {
    let state = ThrottleMachine.State.counting(attempts: 3, last: start)
    var machine = ThrottleMachine(state: state, limits: limits)
    for _ in 0..<100 { _ = machine.handle(.attempted(at: start)) }
    #expect(machine.state == state)
  }

  @Test func `makes nobody wait whose free attempt was overtaken by a later one`() {
    var machine = ThrottleMachine(state: .quiet, limits: limits)
    #expect(machine.handle(.attempted(at: start)) == .proceed)
    #expect(machine.handle(.attempted(at: start - .milliseconds(3))) == .proceed)
    #expect(machine.handle(.attempted(at: start)) == .proceed)
    #expect(machine.handle(.attempted(at: start)) == .refuse(retryAfterSeconds: 1))
  }

  @Test func `waits for no more than the delay when the clock steps back`() {
    let early = start - .seconds(86_400)
    var machine = ThrottleMachine(state: .counting(attempts: 3, last: start), limits: limits)
    #expect(machine.handle(.attempted(at: early)) == .refuse(retryAfterSeconds: 1))
    #expect(machine.handle(.attempted(at: early + .seconds(1))) == .proceed)
  }

  @Test func `lets nobody guess a hundred times from one address in less than eighteen hours`() {
    var machine = ThrottleMachine(state: .quiet, limits: .perPlace)
    var now = start
    for _ in 0..<100 {
      if case .refuse(let seconds) = machine.handle(.attempted(at: now)) {
        now = now + .seconds(seconds)
        #expect(machine.handle(.attempted(at: now)) == .proceed)
      }
    }
    #expect(now - start > .seconds(18 * 3_600))
  }

  @Test func `of a login alone begins late, and never holds longer than a minute`() {
    var machine = ThrottleMachine(state: .quiet, limits: .perLogin)
    for _ in 0..<100 { #expect(machine.handle(.attempted(at: start)) == .proceed) }
    #expect(machine.handle(.attempted(at: start)) == .refuse(retryAfterSeconds: 1))
    #expect(machine.delay(after: .max) == .seconds(60))
  }

  @Test func `never overflows`() {
    let machine = ThrottleMachine(state: .quiet, limits: limits)
    #expect(machine.delay(after: .max) == .seconds(10))
  }
}

@Suite struct `The schedule of signing keys` {
  private func entry(
    _ kid: String, _ phase: KeySchedule.Phase, _ algorithm: KeySchedule.Algorithm = .es256
  ) -> KeySchedule.Entry {
    KeySchedule.Entry(kid: kid, algorithm: algorithm, phase: phase)
  }

  @Test func `promotes the announced key and announces the next`() throws {
    var schedule = KeySchedule(entries: [entry("a", .active), entry("b", .announced)])
    try schedule.rotate(
      to: .es256, fresh: entry("x", .announced), next: entry("c", .announced), at: start)
    #expect(
      schedule.entries == [
        entry("a", .retired(at: start)), entry("b", .active), entry("c", .announced),
      ])
  }

  @Test func `takes a fresh key when another algorithm is wanted`() throws {
    var schedule = KeySchedule(entries: [entry("a", .active), entry("b", .announced)])
    try schedule.rotate(
      to: .edDSA, fresh: entry("x", .announced, .edDSA), next: entry("c", .announced, .edDSA),
      at: start)
    #expect(
      schedule.entries == [
        entry("a", .retired(at: start)), entry("x", .active, .edDSA),
        entry("c", .announced, .edDSA),
      ])
  }

  @Test func `always has one active and one announced key`() throws {
    var schedule = KeySchedule(entries: [entry("a", .active), entry("b", .announced)])
    for turn in 0..<20 {
      let algorithm: KeySchedule.Algorithm = turn % 3 == 0 ? .edDSA : .es256
      try schedule.rotate(
        to: algorithm, fresh: entry("f\(turn)", .announced, algorithm),
        next: entry("n\(turn)", .announced, algorithm), at: start + .seconds(turn))
      #expect(schedule.entries.filter { $0.phase == .active }.count == 1)
      #expect(schedule.entries.filter { $0.phase == .announced }.count == 1)
      #expect(schedule.active?.algorithm == algorithm)
    }
  }

  @Test func `publishes one key less than anybody reads, and says when there is room again`() throws
  {
    var schedule = KeySchedule(entries: [entry("a", .active), entry("b", .announced)])
    func rotate(_ turn: Int, at now: Instant) throws {
      try schedule.rotate(
        to: .es256, fresh: entry("f\(turn)", .announced), next: entry("n\(turn)", .announced),
        at: now)
    }
    for turn in 0..<(KeySchedule.publishedMax - 2) { try rotate(turn, at: start + .seconds(turn)) }
    #expect(schedule.entries.count == KeySchedule.publishedMax)
    #expect(KeySchedule.publishedMax == TokenLimits.keysMax - 1)
    let full = schedule
    let late = start + .seconds(60)
    let free = start + KeySchedule.retiredMax
    #expect(throws: KeyRotationRefusal.tooMany(until: free, now: late)) {
      try rotate(99, at: late)
    }
    #expect(schedule == full)
    let problem = KeyRotationRefusal.tooMany(until: free, now: late).problem
    #expect(problem.status == 409 && problem.retryAfterSeconds == 540)
    #expect(problem.fields == ["possible_at": free.description])
    #expect(problem.detail?.contains(free.description) == true)
    try rotate(99, at: free)
    #expect(schedule.entries.count == KeySchedule.publishedMax)
  }

  @Test func `keeps a retired key while a token of it may live, and not longer`() {
    let gone = start + KeySchedule.retiredMax
    var schedule = KeySchedule(entries: [
      entry("a", .retired(at: start)), entry("b", .active), entry("c", .announced),
    ])
    schedule.forget(at: gone - .nanoseconds(1))
    #expect(schedule.entries.count == 3)
    schedule.forget(at: gone)
    #expect(schedule.entries.map(\.kid) == ["b", "c"])
    #expect(KeySchedule.retiredMax >= IssuedClaims.longest)
  }
}
