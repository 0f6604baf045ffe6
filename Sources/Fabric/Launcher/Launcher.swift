import Chassis
import Charters
import Glibc
import Sandbox
import Telemetry
import Vocabulary
import Workload

/// Starts every service of a home in the order of the charters, keeps each running, and stops them
/// in reverse. Decisions are `RestartMachine`'s; this acts on them.
package actor Launcher {
  /// Longest time a service may take to drain before it is killed.
  package static let drainLimit: Duration = .seconds(15)
  /// Longest time from SIGKILL to the end; the kernel may be busy with the process's disk.
  private static let killLimit: Duration = .seconds(5)
  /// Pause between two questions whether a service is ready.
  package static let probePause: Duration = .milliseconds(60)
  /// The same for one that stands by.
  package static let standbyPause: Duration = .milliseconds(500)

  private struct Slot {
    let unit: Unit
    let charter: Charter
    let executable: ExecutableFile
    let logFile: LogFile
    var machine = RestartMachine()
    var process: ChildProcess?
    var startedAt: Instant
    /// Counts the processes, so that what concerns an earlier one is known as late.
    var generation = 0
    var refusal: LaunchFailure?
  }

  private let parts: Parts
  /// Whose process the witness answers.
  private let authority: Unit?
  private let began: Instant
  private var slots: [Unit: Slot] = [:]
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var isStopping = false
  private var hasToldStandby = false

  package init(_ parts: Parts) throws(LaunchFailure) {
    self.parts = parts
    authority = parts.charters.holder(of: .authority).map { Unit($0) }
    began = parts.clock.now()
    for unit in parts.charters.units {
      guard let charter = parts.charters[unit.service] else { continue }
      slots[unit] = Slot(
        unit: unit, charter: charter,
        executable: try ExecutableFile(charter.executable(of: unit, in: parts.binaries)),
        logFile: try LogFile(parts.home.logFile(of: unit)), startedAt: began)
    }
  }

  // MARK: Up

  /// Starts all services: one when all that it waits for are ready. Returns when every service is
  /// ready; throws `notReady` for the first that will not come up.
  package func start() async throws(LaunchFailure) {
    var left = parts.charters.units
    while !isStopping {
      for name in left where canStart(name) {
        left.removeAll { $0 == name }
        apply(.start, to: name)
      }
      if let failure = slots.values.lazy.compactMap(\.refusal).first { throw failure }
      if left.isEmpty, slots.keys.allSatisfy(isReady) { break }
      tellStandby()
      await withCheckedContinuation { waiting.append($0) }
    }
    guard !isStopping else { return }
    parts.report(LauncherEvent(.up, millis: (parts.clock.now() - began).milliseconds))
    parts.log.info("all services are ready")
  }

  /// Once: from now on nothing happens until another platform's service ends, which may take as long as it likes.
  private func tellStandby() {
    var waiting: ServiceName?
    for slot in slots.values {
      switch slot.machine.state {
      case .standingBy: waiting = slot.unit.service
      case .stopped, .ready: break
      case .starting, .pausing, .draining, .killing, .refused: return
      }
    }
    guard let waiting, !hasToldStandby else { return }
    hasToldStandby = true
    parts.report(
      LauncherEvent(
        .standby, service: waiting, millis: (parts.clock.now() - began).milliseconds))
    parts.log.info("a service stands by", ["service": .id(waiting)])
  }

  /// A program may start when its sidecar may: nobody asks it anything before that is ready.
  private func canStart(_ unit: Unit) -> Bool {
    guard let slot = slots[unit], slot.machine.state == .stopped else { return false }
    let needed = slot.charter.calls.filter { $0.delivery == .request }.map(\.service)
    guard unit != authority else { return true }
    return (needed.map { Unit($0) } + [authority].compactMap(\.self)).allSatisfy {
      slots[$0] == nil || isReady($0)
    }
  }

  private func isReady(_ name: Unit) -> Bool {
    guard case .ready = slots[name]?.machine.state else { return false }
    return true
  }

  private func wake() {
    let all = waiting
    waiting = []
    for continuation in all { continuation.resume() }
  }

  // MARK: Acting

  private func apply(_ event: RestartMachine.Event, to name: Unit) {
    guard var slot = slots[name] else { return }
    let action = slot.machine.handle(event)
    slots[name] = slot
    defer { wake() }
    switch action {
    case .nothing, .finish: return
    case .spawn: spawn(name)
    case .pause(let pause): later(pause, .pauseOver, for: name, generation: slot.generation)
    case .terminate:
      slot.process?.signal(SIGTERM)
      later(Self.drainLimit, .drainLimitPassed, for: name, generation: slot.generation)
    case .kill:
      parts.log.warning("a service did not drain in time and is killed", ["service": .id(name)])
      slot.process?.signal(SIGKILL)
    case .giveUp(let status): giveUp(name, status: status)
    }
  }

  private func later(
    _ pause: Duration, _ event: RestartMachine.Event, for name: Unit, generation: Int
  ) {
    Task {
      try? await Task.sleep(for: pause)
      guard slots[name]?.generation == generation else { return }
      apply(event, to: name)
    }
  }

  private func giveUp(_ name: Unit, status: Int32) {
    let reason = Self.describe(status, name)
    parts.log.error("a service will not start", ["service": .id(name), "status": .count(status)])
    guard slots[name]?.refusal == nil else { return }
    slots[name]?.refusal = .notReady(service: name.service, reason: reason, lastLines: [])
  }

  private static func describe(_ status: Int32, _ unit: Unit) -> String {
    let subject = unit.isProgram ? "its program" : "it"
    return status < 0
      ? "\(subject) was ended by signal \(-status)" : "\(subject) ended with status \(status)"
  }

  private func spawn(_ name: Unit) {
    guard var slot = slots[name] else { return }
    slot.generation += 1
    slot.startedAt = parts.clock.now()
    let generation = slot.generation
    do throws(LaunchFailure) {
      try parts.immutableGuard?.require(
        // Somebody else's interpreter lies where the system keeps it, and is not ours to pin.
        [name.isProgram ? nil : slot.executable, parts.confinement?.stage].compactMap { $0 }
          .map(ChildProcess.name))
      let (process, hold) = try begin(slot)
      slot.process = process
      slots[name] = slot
      // Followed from its first moment: whatever goes wrong now, its end is noticed.
      process.follow(into: slot.logFile) { status, lastLines in
        Task { await self.ended(name, generation: generation, status: status, lastLines) }
      }
      if name == authority { parts.witness?.serve(process.pid) }
      record(slot, process, hold)
      parts.log.info("a service was started", ["service": .id(name), "pid": .count(process.pid)])
      parts.report(
        LauncherEvent(
          .starting, service: name.service, isProgram: name.isProgram, pid: process.pid))
      Task { await probe(name, generation: generation) }
    } catch {
      parts.log.error(
        "a service could not be started", ["service": .id(name), "why": .text("\(error)")])
      if !slot.machine.wasReady {
        slot.refusal = .notReady(service: name.service, reason: "\(error)", lastLines: [])
      }
      slots[name] = slot
      // Not from within its own action: the machine goes on when this one is done.
      Task {
        guard slots[name]?.generation == generation else { return }
        apply(.exited(status: RestartMachine.notMade, at: parts.clock.now()), to: name)
      }
    }
  }

  /// Lays down who runs. A process without its record gets no identity, so it is ended and tried
  /// again.
  private func record(_ slot: Slot, _ process: ChildProcess, _ hold: Hold?) {
    let name = slot.unit
    do throws(LaunchFailure) {
      try LaunchRecord(
        service: name.service, pid: process.pid, executable: slot.executable,
        startedAt: slot.startedAt,
        user: hold?.user
      ).write(to: parts.home, isProgram: name.isProgram)
      if let hold { try HoldRecord.write(hold, of: name, to: parts.home) }
    } catch {
      parts.log.error(
        "the launch record cannot be written", ["service": .id(name), "why": .text("\(error)")])
      process.signal(SIGKILL)
    }
  }

  private func begin(_ slot: Slot) throws(LaunchFailure) -> (ChildProcess, Hold?) {
    let openFiles = slot.charter.limits.openFiles
    guard let confinement = parts.confinement else {
      guard !slot.unit.isProgram else {
        throw .notConfined(
          name: "\(slot.unit)", reason: "somebody else's program runs confined or not at all")
      }
      let free = try ChildProcess.spawn(
        slot.executable, arguments: slot.charter.arguments(in: parts.home),
        environment: parts.environment, openFiles: openFiles)
      return (free, nil)
    }
    try confinement.settleData(of: slot.charter)
    var variables: [String] = []
    var plan: StagePlan
    if slot.unit.isProgram {
      plan = try confinement.programPlan(for: slot.charter, running: slot.executable)
      variables = confinement.programVariables(of: slot.charter)
      // One that was killed could not take its socket away, and few programs do before they listen.
      unlink(parts.home.serveSocket(of: slot.unit.service))
    } else {
      plan = confinement.plan(for: slot.charter, running: slot.executable)
    }
    if slot.unit == authority { plan.input = parts.rootKey?.line }
    let process = try ChildProcess.spawn(
      slot.executable, environment: parts.environment, variables: variables,
      openFiles: openFiles,
      through: ChildProcess.Confining(stage: confinement.stage, plan: plan))
    return (process, Hold(confinement.machine, plan.confinement))
  }

  private func probe(_ name: Unit, generation: Int) async {
    let note = StandbyNote(parts.home, name.service)
    let patience = Patience.limit(for: name, in: parts.home)
    var limit = parts.clock.now() + patience
    while slots[name]?.generation == generation, !isStopping {
      guard let slot = slots[name], slot.machine.isOnItsWay else { return }
      if !name.isProgram, let pid = slot.process?.pid, note.isLeft(by: pid) {
        if case .starting = slot.machine.state { apply(.standsBy, to: name) }
        limit = parts.clock.now() + patience
        try? await Task.sleep(for: Self.standbyPause)
        continue
      }
      if (try? await parts.isReady(name.service)) == true {
        guard slots[name]?.generation == generation, let slot = slots[name] else { return }
        let now = parts.clock.now()
        parts.report(
          LauncherEvent(
            .ready, service: name.service, isProgram: name.isProgram, pid: slot.process?.pid,
            millis: (now - slot.startedAt).milliseconds))
        if !name.isProgram { remember(name.service) }
        apply(.becameReady(at: now), to: name)
        if !name.isProgram { Task { await watch(name, generation: generation) } }
        return
      }
      if parts.clock.now() >= limit {
        // It neither ends nor gets ready: ending it makes it an exit like any other.
        parts.log.warning("a service did not get ready in time", ["service": .id(name)])
        slots[name]?.process?.signal(SIGKILL)
        return
      }
      try? await Task.sleep(for: Self.probePause)
    }
  }

  /// A process that hangs does not end by itself, and keeps its port and its lock on the store from whoever could follow.
  private func watch(_ name: Unit, generation: Int) async {
    var liveness = Liveness()
    while true {
      try? await Task.sleep(for: parts.livenessPause)
      let answer = await parts.answers(name.service)
      guard slots[name]?.generation == generation, !isStopping, isReady(name) else { return }
      guard liveness.hangs(after: answer) else { continue }
      parts.log.error(
        "a service does not answer any more and is ended", ["service": .id(name)])
      slots[name]?.process?.signal(SIGKILL)
      return
    }
  }

  /// Starts anew whatever may have read a charter or setting that was changed while it started: it
  /// is not ready yet, so nobody has believed it.
  package func distrustStarting() {
    for (name, slot) in slots {
      guard slot.machine.isOnItsWay, let process = slot.process else { continue }
      parts.log.warning("a service may have read what was changed", ["service": .id(name)])
      process.signal(SIGKILL)
    }
  }

  /// Losing this note loses a warning, not a store: no reason to stop what runs.
  private func remember(_ name: ServiceName) {
    do {
      try KnownStores.remember(name, in: parts.home)
    } catch {
      parts.log.warning("the list of stores cannot be written", ["why": .text("\(error)")])
    }
  }

  private func ended(
    _ name: Unit, generation: Int, status: Int32, _ lastLines: [String]
  ) {
    guard slots[name]?.generation == generation else { return }
    unlink(parts.home.launchRecord(of: name))
    unlink(parts.home.holdRecord(of: name))
    slots[name]?.process = nil
    // Its process id may be given to anybody now.
    if name == authority { parts.witness?.serve(nil) }
    let reason = Self.describe(status, name)
    let isAsked = slots[name].map { $0.machine.state == .draining || $0.machine.state == .killing }
    let now = parts.clock.now()
    let millis = (now - (slots[name]?.startedAt ?? now)).milliseconds
    if isAsked != true {
      slots[name]?.refusal = nil
      parts.log.warning(
        "a service ended by itself", ["service": .id(name), "status": .count(status)])
    }
    apply(.exited(status: status, at: now), to: name)
    if slots[name]?.machine.state == .refused {
      slots[name]?.refusal = .notReady(
        service: name.service, reason: reason, lastLines: lastLines)
      wake()
    }
    parts.report(
      LauncherEvent(
        isAsked == true ? .stopped : .restarting, service: name.service,
        isProgram: name.isProgram, millis: millis, detail: reason))
  }

  // MARK: Down

  /// Drains the services in reverse order, each after those that call it have ended. Safe to call
  /// twice.
  package func stop() async {
    isStopping = true
    wake()
    for name in parts.charters.units.reversed() {
      apply(.drain, to: name)
      let end = parts.clock.now() + Self.drainLimit + Self.killLimit
      let alarm = Task {
        try? await Task.sleep(for: Self.drainLimit + Self.killLimit)
        wake()
      }
      while slots[name]?.process != nil, parts.clock.now() < end {
        await withCheckedContinuation { waiting.append($0) }
      }
      alarm.cancel()
      if slots[name]?.process != nil {
        parts.log.error("a service's process does not end", ["service": .id(name)])
      }
    }
    parts.report(LauncherEvent(.down, millis: (parts.clock.now() - began).milliseconds))
  }
}
