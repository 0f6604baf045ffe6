import ArgumentParser
import Charters
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import Storage
import StrictJSON
import Transport
import Vocabulary

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Services with health, certificate, request rate and latency.",
    discussion: """
      Asks every service over mutual TLS, twice one second apart, so the rate is of that second; \
      p50 and p99 are bounds of histogram buckets since the service's start. Exit code 1 when a \
      service is not healthy, the kernel does not hold it as its launch record says, or a program, \
      charter or setting is not what was pinned at 'up', or when a disk is full and no new work is taken.
      """)

  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters, line) = try place.running()
      try await line.connect()
      let services = charters.startOrder
      let began = ContinuousClock.now
      let first = await figures(services, line)
      try await Task.sleep(for: .seconds(1))
      let standings = await self.standings(services, home, line)
      let second = await figures(services, line)
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      let programs = ProgramStanding.all(charters, in: home)
      let rows = services.map { service in
        Row(
          service: service, standing: standings[service], program: programs[service],
          before: first[service],
          after: second[service], seconds: seconds)
      }
      let immutable = ImmutableStanding.read(in: home)
      if place.json {
        printLine(
          .object([
            "services": .array(rows.map(\.json)), "immutable": ImmutableLine.json(immutable),
            "ledger_books": .string(books(in: home)), "outside": OutsideLine.json(charters),
          ])
        )
      } else {
        show(rows, home, immutable, outside: OutsideLine.texts(charters))
      }
      guard rows.allSatisfy(\.isHealthy), immutable?.unreverted.isEmpty == true else {
        throw ArgumentParser.ExitCode(CommandExit.failed.rawValue)
      }
    }
  }

  private func figures(
    _ services: [ServiceName], _ line: OperatorLine
  ) async -> [ServiceName: ServiceFigures] {
    await withTaskGroup(of: (ServiceName, ServiceFigures?).self) { group in
      for service in services {
        group.addTask {
          guard
            let answer = try? await line.send(
              .get, "/metrics", to: service, within: Standing.answerMax),
            answer.status == 200
          else { return (service, nil) }
          return (service, ServiceFigures(exposition: String(decoding: answer.body, as: UTF8.self)))
        }
      }
      var figures: [ServiceName: ServiceFigures] = [:]
      for await (service, found) in group { figures[service] = found }
      return figures
    }
  }

  private func standings(
    _ services: [ServiceName], _ home: Home, _ line: OperatorLine
  ) async -> [ServiceName: Standing] {
    let records = Dictionary(
      LaunchRecord.all(home).filter(\.isAlive).map { ($0.service, $0) }, uniquingKeysWith: { $1 })
    let addressesAreHeld = AddressHold.isInForce(home)
    return await withTaskGroup(of: (ServiceName, Standing).self) { group in
      for service in services {
        let record = records[service]
        group.addTask {
          var standing = await Standing.ask(service, pid: record?.pid, line)
          if let pid = record?.pid, StandbyNote(home, service).isLeft(by: pid) {
            standing.health = "stands by"
          }
          standing.confinement = record.map {
            ConfinementStanding(
              $0, of: Unit(service), in: home, addressesAreHeld: addressesAreHeld)
          }
          return (service, standing)
        }
      }
      var standings: [ServiceName: Standing] = [:]
      for await (service, standing) in group { standings[service] = standing }
      return standings
    }
  }

  private func books(in home: Home) -> String {
    PlatformSettings.read(home)?.storeServer(of: "ledger")?.location.description
      ?? home.storeFile(of: "ledger")
  }

  private func show(
    _ rows: [Row], _ home: Home, _ immutable: ImmutableStanding?, outside: [String]
  ) {
    let heading = [
      "SERVICE", "HEALTH", "VERSION", "PID", "UP", "CERTIFICATE", "REQ/S", "REQUESTS", "ERRORS",
      "P50", "P99", "MEMORY",
    ]
    let table = Terminal.output.table([heading] + rows.map(\.cells)) { row, column in
      guard column == 1 else { return .plain }
      return rows[row - 1].isHealthy ? .green : .red
    }
    print(table)
    let memory = rows.compactMap { $0.after?.residentBytes }.reduce(0, +)
    print()
    for program in rows.compactMap(\.program) { print(LegibleText.of(program.line)) }
    for line in ConfinementStanding.lines(
      rows.map { ($0.service, $0.standing?.confinement) })
    { print(LegibleText.of(line)) }
    let silence = ImmutableStanding.lastLook(in: home).map { Clock.system.now() - $0 }
    print(ImmutableLine.text(immutable, silence: silence))
    if let disk = DiskLine.text(of: rows.compactMap { $0.standing?.disk }) { print(disk) }
    for line in outside { print(LegibleText.of(line)) }
    print("the ledger keeps its books in \(books(in: home))")
    print("all services: \(memory >> 20) MiB resident · home \(home.path)")
  }
}

/// What a service says about itself, or why it says nothing.
struct Standing: Sendable {
  var pid: Int32?
  var health = "unreachable"
  var version: String?
  var startedAt: Instant?
  var certificateExpires: Instant?
  var outboxWaiting: Int64?
  /// How far the revocation feed is known there.
  var revocations: JSON?
  /// The room that it says it has.
  var disk: DiskLine?
  var confinement: ConfinementStanding?

  /// A service that hangs must not hide how the others are.
  static let answerMax: Duration = .seconds(3)

  static func ask(_ service: ServiceName, pid: Int32?, _ line: OperatorLine) async -> Standing {
    var standing = Standing(pid: pid)
    do {
      let answer = try await line.send(.get, "/readyz", to: service, within: answerMax)
      standing.health = answer.status == 200 ? "ready" : "not ready"
      guard let body = try? JSON.parse(answer.body) else { return standing }
      standing.version = body["version"]?.string
      standing.startedAt = body["started_at"]?.string.flatMap { Instant($0) }
      standing.certificateExpires = body["certificate_expires"]?.string.flatMap { Instant($0) }
      standing.outboxWaiting = body["outbox_waiting"]?.integer
      standing.revocations = body["revocations"]
      standing.disk = body["disk"].flatMap { DiskLine(service, $0) }
      // It answers, and takes no new work.
      if standing.disk?.isFull == true { standing.health = "disk full" }
      // It answers, and acts on nobody's token.
      if body["revocations"]?["stale"] == true { standing.health = "revocations unknown" }
    } catch {
      standing.health = pid == nil ? "down" : "unreachable"
    }
    return standing
  }
}

private struct Row {
  let service: ServiceName
  let standing: Standing?
  let program: ProgramStanding?
  let before: ServiceFigures?
  let after: ServiceFigures?
  let seconds: Double

  var isHealthy: Bool {
    standing?.health == "ready" && standing?.confinement?.contradictions.isEmpty != false
      && program?.isSound != false
  }

  private var rate: Double? {
    guard let before, let after, after.requests >= before.requests else { return nil }
    return Double(after.requests - before.requests) / seconds
  }

  var cells: [String] {
    let now = Clock.system.now()
    return [
      service.description, standing?.health ?? "unreachable", standing?.version ?? "–",
      standing?.pid.map(String.init) ?? "–",
      standing?.startedAt.map { Self.span((now - $0).milliseconds / 1_000) } ?? "–",
      standing?.certificateExpires.map { "\(Self.span(($0 - now).milliseconds / 1_000)) left" }
        ?? "–",
      rate.map { String(format: "%.1f", $0) } ?? "–", after.map { "\($0.requests)" } ?? "–",
      after.map { "\($0.failures)" } ?? "–", Self.millis(after?.quantile(0.5)),
      Self.millis(after?.quantile(0.99)),
      after?.residentBytes.map { "\($0 >> 20) MiB" } ?? "–",
    ]
  }

  var json: JSON {
    var fields: [String: JSON] = [
      "service": .string(service.description),
      "health": .string(standing?.health ?? "unreachable"),
    ]
    if let version = standing?.version { fields["version"] = .string(version) }
    if let pid = standing?.pid { fields["pid"] = .integer(Int64(pid)) }
    if let at = standing?.startedAt { fields["started_at"] = .string(at.description) }
    if let at = standing?.certificateExpires {
      fields["certificate_expires"] = .string(at.description)
    }
    if let waiting = standing?.outboxWaiting { fields["outbox_waiting"] = .integer(waiting) }
    if let revocations = standing?.revocations { fields["revocations"] = revocations }
    if let disk = standing?.disk { fields["disk"] = disk.json }
    if let confinement = standing?.confinement { fields["confinement"] = confinement.json }
    if let program { fields["program"] = program.json }
    if let rate { fields["requests_per_second"] = .number(rate) }
    if let after {
      fields["requests"] = .integer(Int64(clamping: after.requests))
      fields["failures"] = .integer(Int64(clamping: after.failures))
      if let p50 = after.quantile(0.5) { fields["p50_seconds"] = .number(p50) }
      if let p99 = after.quantile(0.99) { fields["p99_seconds"] = .number(p99) }
      if let bytes = after.residentBytes { fields["resident_bytes"] = .integer(Int64(bytes)) }
      if let cpu = after.cpuSeconds { fields["cpu_seconds"] = .number(cpu) }
    }
    return .object(fields)
  }

  private static func millis(_ seconds: Double?) -> String {
    seconds.map { "≤" + String(format: $0 < 0.01 ? "%.1f ms" : "%.0f ms", $0 * 1_000) } ?? "–"
  }

  /// `45s`, `12m`, `3h05m`, `4d`.
  static func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds)s"
    case ..<7_200: "\(seconds / 60)m"
    case ..<172_800: "\(seconds / 3_600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}
