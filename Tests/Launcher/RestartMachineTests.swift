import Launcher
import Testing
import Vocabulary

@Suite struct `A service's restarts` {
  typealias State = RestartMachine.State
  typealias Event = RestartMachine.Event
  typealias Action = RestartMachine.Action

  static let start = Instant(seconds: 1_000)

  /// A machine that has handled these events.
  static func machine(_ events: Event...) -> RestartMachine {
    var machine = RestartMachine()
    for event in events { _ = machine.handle(event) }
    return machine
  }
  static let died = Event.exited(status: -9, at: start)
  static let stopped = machine()
  static let starting = machine(.start)
  static let standingBy = machine(.start, .standsBy)
  static let ready = machine(.start, .becameReady(at: start))
  static let pausing = machine(.start, died)
  static let draining = machine(.start, .drain)
  static let killing = machine(.start, .drain, .drainLimitPassed)
  static let refused = machine(.start, .exited(status: 78, at: start))

  struct Step: CustomTestStringConvertible {
    let machine: RestartMachine
    let event: Event
    let state: State
    let action: Action
    var testDescription: String { "\(machine.state) × \(event)" }
    init(_ machine: RestartMachine, _ event: Event, _ state: State, _ action: Action) {
      self.machine = machine
      self.event = event
      self.state = state
      self.action = action
    }
  }

  @Test(arguments: [
    Step(stopped, .start, .starting(attempt: 1), .spawn),
    Step(starting, .becameReady(at: start), .ready(since: start, attempt: 1), .nothing),
    Step(starting, died, .pausing(attempt: 2), .pause(.milliseconds(250))),
    Step(starting, .exited(status: 65, at: start), .refused, .giveUp(status: 65)),
    Step(starting, .drain, .draining, .terminate),
    Step(starting, .standsBy, .standingBy(attempt: 1), .nothing),
    Step(standingBy, .becameReady(at: start), .ready(since: start, attempt: 1), .nothing),
    Step(standingBy, died, .pausing(attempt: 2), .pause(.milliseconds(250))),
    Step(standingBy, .drain, .draining, .terminate),
    Step(ready, died, .pausing(attempt: 2), .pause(.milliseconds(250))),
    // It was ready once, so what it refuses may pass: a full disk, an authority under attack.
    Step(ready, .exited(status: 78, at: start), .pausing(attempt: 2), .pause(.seconds(10))),
    Step(ready, .drain, .draining, .terminate),
    Step(pausing, .pauseOver, .starting(attempt: 2), .spawn),
    Step(pausing, .drain, .stopped, .finish),
    Step(draining, died, .stopped, .finish),
    Step(draining, .drainLimitPassed, .killing, .kill),
    Step(killing, died, .stopped, .finish),
    Step(refused, .start, .starting(attempt: 1), .spawn),
    Step(refused, .drain, .stopped, .finish),
    Step(stopped, .drain, .stopped, .finish),
  ])
  func `go by the table`(step: Step) {
    var machine = step.machine
    #expect(machine.handle(step.event) == step.action)
    #expect(machine.state == step.state)
  }

  /// All that is not in the table above.
  @Test func `are unmoved by what comes late or twice`() {
    let late: [(RestartMachine, [Event])] = [
      (
        Self.stopped,
        [.standsBy, .becameReady(at: Self.start), Self.died, .pauseOver, .drainLimitPassed]
      ),
      (Self.starting, [.start, .pauseOver, .drainLimitPassed]),
      (Self.standingBy, [.start, .standsBy, .pauseOver, .drainLimitPassed]),
      (
        Self.ready,
        [.start, .standsBy, .becameReady(at: Self.start), .pauseOver, .drainLimitPassed]
      ),
      (
        Self.pausing,
        [.start, .standsBy, .becameReady(at: Self.start), Self.died, .drainLimitPassed]
      ),
      (Self.draining, [.start, .standsBy, .becameReady(at: Self.start), .pauseOver, .drain]),
      (
        Self.killing,
        [.start, .standsBy, .becameReady(at: Self.start), .pauseOver, .drain, .drainLimitPassed]
      ),
      (
        Self.refused,
        [.standsBy, .becameReady(at: Self.start), Self.died, .pauseOver, .drainLimitPassed]
      ),
    ]
    for (machine, events) in late {
      for event in events {
        var moved = machine
        #expect(moved.handle(event) == .nothing)
        #expect(moved == machine, "\(machine.state) × \(event)")
      }
    }
  }

  @Test func `pause longer each time, ten seconds at most`() {
    let pauses = (1...8).map { RestartMachine.pause(after: $0).milliseconds }
    #expect(pauses == [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  }

  @Test func `end after the third exit when it never was ready`() {
    var machine = Self.starting
    var actions: [Action] = []
    for _ in 1...RestartMachine.firstAttemptsMax {
      actions.append(machine.handle(.exited(status: 70, at: Self.start)))
      _ = machine.handle(.pauseOver)
    }
    #expect(
      actions == [.pause(.milliseconds(250)), .pause(.milliseconds(500)), .giveUp(status: 70)])
  }

  @Test func `go on for ever when it was a standby that lost its server`() {
    var machine = Self.standingBy
    for attempt in 1...20 {
      let action = machine.handle(.exited(status: 75, at: Self.start))
      #expect(action == .pause(RestartMachine.pause(after: attempt)))
      _ = machine.handle(.pauseOver)
    }
  }

  @Test func `go on for ever once it was ready, and count anew when it was steady`() {
    var machine = Self.ready
    for _ in 1...20 {
      guard case .pause = machine.handle(Self.died) else {
        Issue.record("gave up")
        return
      }
      _ = machine.handle(.pauseOver)
    }
    #expect(machine.restarts == 20)
    _ = machine.handle(.becameReady(at: Self.start))
    let steady = Self.start + RestartMachine.steadyMin
    #expect(machine.handle(.exited(status: 1, at: steady)) == .pause(.milliseconds(250)))
    #expect(machine.restarts == 1)
  }
}
