import Demo
import Faults
import Foundation
import NIOCore
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

/// One payment, and at one step of it one service dies, stands still, or reads another time. Whatever happens: the person
/// who tries again with the same key is told 201 at the end, and has paid exactly once.
@Suite(.serialized) struct `The crash matrix` {
  @Test func `leaves exactly one payment, whichever service fails at whichever step`() async throws
  {
    let platform = try RunningPlatform()
    let up = try await platform.up()
    try #require(up.exitCode == 0, "\(up.output)")
    try await platform.command("down")
    let disk = try SmallDisk(holding: platform.home + "/data")
    defer { disk?.remove() }
    do {
      try await platform.resume()
      let matrix = try await CrashMatrix(platform, .ofThisRun)
      var cells: [CrashMatrix.Cell] = []
      if let disk { cells += try await matrix.fullDisk(disk) }
      cells += try await matrix.run()
      #expect(
        cells.filter { $0.outcome == .wrong }.isEmpty, "\(cells.filter { $0.outcome == .wrong })")
      let reached = cells.filter { $0.outcome == .once }
      // Not every step comes as often as asked for; most must, or nothing was tried.
      #expect(reached.count > cells.count * 2 / 3)
      print("crash matrix: \(reached.count) of \(cells.count) faults met, each left one payment")
      try await matrix.proveAll()
      try CrashMatrix.write(cells)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }
}

/// Steps × services × faults.
actor CrashMatrix {
  // An actor: it remembers the balance between one fault and the next.
  enum Fault: String, Sendable {
    case kill, stop, clock
    case full = "full disk"
  }
  enum Outcome: String, Sendable {
    case once
    /// Nothing was paid, and that is what the person was told, each time.
    case refused = "refused, nothing paid"
    /// The service did not come to this step so often; paid once all the same.
    case notMet = "not met"
    case wrong
  }
  struct Cell: Sendable {
    let service: String
    let step: String
    let fault: Fault
    let outcome: Outcome
    let seconds: Double
    let told: String
  }

  private let platform: RunningPlatform
  private let draw: CrashDraw
  private var payer: Payer
  private var known: Int64

  init(_ platform: RunningPlatform, _ draw: CrashDraw) async throws {
    self.platform = platform
    self.draw = draw
    payer = try await Payer(platform)
    known = try await payer.balance()
  }

  /// Longer than any request may take (10 s for a caller outside).
  private static let standstill: Duration = .seconds(12)
  /// Deaths of one service in a row, after which its next start waits for seconds (`RestartMachine`).
  private static let deathsMax = 4
  private static let everyone = [
    "authority", "audit", "customers", "egress", "identity", "ledger", "payments", "gateway",
  ]

  func run() async throws -> [Cell] {
    var cells: [Cell] = []
    // One service after the other, and the platform anew now and then: whoever dies often is let wait by the launcher.
    for number in 0..<(draw.deaths.map(\.steps.count).max() ?? 0) {
      if number > 0, number % Self.deathsMax == 0 {
        try await platform.restart()
        // An access token lives five minutes; the matrix takes longer.
        payer = try await Payer(platform)
      }
      for (service, steps) in draw.deaths where number < steps.count {
        cells.append(try await killed(service, at: steps[number].0, count: steps[number].1))
      }
    }
    try await platform.restart()
    for (number, (point, count)) in draw.signInDeaths.enumerated() {
      if number > 0, number % Self.deathsMax == 0 { try await platform.restart() }
      cells.append(try await signInKilled("identity", at: point, count: count))
    }
    for service in ["customers", "authority"] { cells.append(try await killedBefore(service)) }
    payer = try await Payer(platform)
    for (service, step) in draw.stops { cells.append(try await stopped(service, at: step)) }
    payer = try await Payer(platform)
    for (service, seconds) in draw.clocks {
      cells.append(try await clock(of: service, by: seconds))
    }
    // Forward, and back again; not to before the platform's own authority was born.
    cells += try await clockOfAll(by: 3_600)
    return cells
  }

  // MARK: faults

  private func killed(_ service: String, at point: FaultPoint, count: Int) async throws -> Cell {
    let pid = try #require(try await platform.pid(of: service, otherThan: 0))
    try await order("\(point.rawValue) \(count) kill", from: service)
    return try await pay(service, "\(point.rawValue) \(count)", .kill) {
      // Audit hears of a payment after the person does.
      for _ in 0..<20 where Self.isAlive(pid) { try await Task.sleep(for: .milliseconds(50)) }
      guard Self.isAlive(pid) else { return true }
      try await self.order("none", from: service)
      return false
    }
  }

  private func stopped(_ service: String, at point: FaultPoint) async throws -> Cell {
    let pid = try #require(try await platform.pid(of: service, otherThan: 0))
    try await order("\(point.rawValue) 1 stop", from: service)
    let waking = Task {
      for _ in 0..<200 where !Self.isStopped(pid) { try await Task.sleep(for: .milliseconds(50)) }
      guard Self.isStopped(pid) else { return false }
      try await Task.sleep(for: Self.standstill)
      kill(pid, SIGCONT)
      return true
    }
    // What went on standing still must not be done a second time, so it is waited for.
    return try await pay(service, point.rawValue, .stop) { try await waking.value }
  }

  private func clock(of service: String, by seconds: Int64) async throws -> Cell {
    let key = "clock-\(service)-\(seconds)"
    try await order("clock \(seconds)", from: service)
    // Some answers under the wrong time, whatever they are; the truth is asked for under the right one.
    let body = try payer.order(1)
    for _ in 0..<4 { _ = try? await payer.fresh().send(body, key: key) }
    try await order("clock 0", from: service)
    return try await pay(service, "\(seconds) s", .clock, key: key) { true }
  }

  /// As when a machine wakes up, or its clock is set: everybody's certificates and tokens are too old or not valid yet. The
  /// platform heals by itself, under the new time and again under the old one.
  private func clockOfAll(by seconds: Int64) async throws -> [Cell] {
    var cells: [Cell] = []
    for (number, step) in [seconds, 0].enumerated() {
      for service in Self.everyone { try await order("clock \(step)", from: service) }
      payer = try await healed()
      cells.append(
        try await pay(
          "all", "\(seconds) s, \(number == 0 ? "under it" : "and back")", .clock,
          key: "clock-all-\(seconds)-\(number)"
        ) { true })
    }
    return cells
  }

  /// Signed in again, as soon as the platform lets it happen; a minute at most.
  private func healed() async throws -> Payer {
    for _ in 0..<60 {
      if let payer = try? await Payer(platform) { return payer }
      try await Task.sleep(for: .seconds(1))
    }
    return try await Payer(platform)
  }

  /// - Parameter isMet: whether the fault came to pass; waits until it is over.
  private func pay(
    _ service: String, _ step: String, _ fault: Fault, key: String? = nil,
    isMet: () async throws -> Bool
  ) async throws -> Cell {
    let clock = ContinuousClock()
    let began = clock.now
    let key = key ?? "matrix-\(service)-\(step.replacing(" ", with: "-"))-\(fault)"
    let first = try await payer.lastAnswer(payer.order(1), key: key)
    let wasMet = try await isMet()
    let again = try await payer.lastAnswer(payer.order(1), key: key)
    let balance = try await payer.balance()
    let paid = known - balance
    known = balance
    let isSame = first?.status == again?.status && first?.body == again?.body
    let span = began.duration(to: clock.now)
    let outcome: Outcome =
      switch (first?.status ?? 0, paid) {
      case (201, 1) where isSame: wasMet ? .once : .notMet
      // A wrong clock may make an order come too late; then nothing is paid, and that is what is told.
      case (400..<500, 0) where isSame && fault == .clock: .refused
      default: .wrong
      }
    let cell = Cell(
      service: service, step: step, fault: fault, outcome: outcome,
      seconds: Double(span.components.seconds) + Double(span.components.attoseconds) / 1e18,
      told: "\(first?.status ?? 0), then \(again?.status ?? 0), paid \(paid)"
        + (outcome == .refused ? " \(again.map { String(buffer: $0.body) } ?? "")" : ""))
    print("\(service) \(step) \(fault): \(outcome.rawValue), \(cell.told)")
    return cell
  }

  /// Nothing more can be written by anybody, from before the payment or from one step of it on. What was said while the
  /// disk was full is kept, and afterwards the payment is made once.
  func fullDisk(_ disk: SmallDisk) async throws -> [Cell] {
    var cells = [try await full(disk, "all", "before") {}]
    for (service, point) in draw.fillings {
      let pid = try #require(try await platform.pid(of: service, otherThan: 0))
      try await order("\(point.rawValue) 1 stop", from: service)
      cells.append(
        try await full(disk, service, point.rawValue) {
          for _ in 0..<60 where !Self.isStopped(pid) {
            try await Task.sleep(for: .milliseconds(50))
          }
          guard Self.isStopped(pid) else { throw DemoFailure("\(service) did not stop") }
        } then: {
          kill(pid, SIGCONT)
        })
    }
    return cells
  }

  private func full(
    _ disk: SmallDisk, _ service: String, _ step: String, when: () async throws -> Void,
    then: () -> Void = {}
  ) async throws -> Cell {
    let key = "matrix-full-\(service)-\(step)"
    let (payer, body) = (self.payer, try self.payer.order(1))
    // From the start, or as soon as the service stands at its step with the payment in its hands.
    if step == "before" { try disk.fill() }
    let sending = Task { try? await payer.fresh().send(body, key: key) }
    if step != "before" {
      try await when()
      try disk.fill()
      then()
    }
    var told = [await sending.value?.status ?? 0]
    for _ in 0..<4 { told.append((try? await payer.fresh().send(body, key: key))?.status ?? 0) }
    disk.empty()
    print("\(service) \(step): while the disk was full \(told)")
    return try await pay(service, step, .full, key: key) { true }
  }

  /// Nobody asks these for anything during a payment; that is what is tried.
  private func killedBefore(_ service: String) async throws -> Cell {
    let pid = try #require(try await platform.pid(of: service, otherThan: 0))
    try #require(kill(pid, SIGKILL) == 0)
    payer = try await healed()
    return try await pay(service, "before sign-in and payment", .kill) { !Self.isAlive(pid) }
  }

  private func signInKilled(_ service: String, at point: FaultPoint, count: Int) async throws
    -> Cell
  {
    let pid = try #require(try await platform.pid(of: service, otherThan: 0))
    try await order("\(point.rawValue) \(count) kill", from: service)
    payer = try await healed()
    let isMet = !Self.isAlive(pid)
    if !isMet { try await order("none", from: service) }
    return try await pay(service, "sign-in, \(point.rawValue) \(count)", .kill) { isMet }
  }

  // MARK: orders

  /// Gives the order and waits until the service has it.
  private func order(_ words: String, from service: String) async throws {
    let file = "\(platform.home)/data/\(service)/fault"
    try Data(words.utf8).write(to: URL(filePath: file + ".new"))
    // The service may run as a user of its own.
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file + ".new")
    try #require(rename(file + ".new", file) == 0)
    for _ in 0..<600 where FileManager.default.fileExists(atPath: file) {
      try await Task.sleep(for: .milliseconds(50))
    }
    try #require(!FileManager.default.fileExists(atPath: file), "\(service) takes no orders")
  }

  private static func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

  private static func isStopped(_ pid: Int32) -> Bool {
    guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
    return String(decoding: stat, as: UTF8.self).contains(") T ")
  }

  // MARK: proof

  /// The books add up, and the log is whole and knows of everything.
  func proveAll() async throws {
    let drill = try await platform.command("drill", "money", "evidence", "--json")
    #expect(drill.exitCode == 0, "\(drill.output)")
    let answer = try await payer.connection.send(
      WireRequest(
        method: "GET", target: "/v1/payments?limit=100",
        headers: ["authorization": "Bearer \(payer.token)"]))
    let payments = try JSON.parse(Array(answer.body.readableBytesView))["payments"]?.array ?? []
    var told = 0
    for payment in payments {
      // Not by the payment's id: that is looked up in the logs, and a killed process may take its last lines along.
      let correlation = try #require(payment["correlation_id"]?.string)
      let trace = try await platform.command("trace", correlation, "--json")
      let isTold = trace.exitCode == 0 && trace.output.contains("posted")
      #expect(isTold, "\(trace.output)")
      if isTold { told += 1 }
    }
    print("crash matrix: the log tells \(told) of \(payments.count) payments to their end")
    #expect(told >= 20)
  }

  /// The table, for people.
  static func write(_ cells: [Cell]) throws {
    var lines = ["| service | step | fault | outcome | seconds |", "|---|---|---|---|---|"]
    for cell in cells {
      let seconds = (cell.seconds * 10).rounded() / 10
      lines.append(
        "| \(cell.service) | \(cell.step) | \(cell.fault) | \(cell.outcome.rawValue) | \(seconds) |"
      )
    }
    let checkout = #filePath.components(separatedBy: "/Tests/Flows/").first ?? "."
    let folder = checkout + "/.build/test-logs"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data((lines.joined(separator: "\n") + "\n").utf8)
      .write(to: URL(filePath: folder + "/crash-matrix.md"))
  }
}
