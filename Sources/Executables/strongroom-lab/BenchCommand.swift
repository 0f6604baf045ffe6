import ArgumentParser
import Chassis
import Commands
import Demo
import Foundation
import Launcher
import Load
import OperatorCommands
import PaymentsAPI
import StrictJSON
import Vocabulary

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: CommandAbstract.bench,
    subcommands: [PaymentsBenchCommand.self, LedgerBenchCommand.self, PolicyContestCommand.self])
}

struct PaymentsBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "payments",
    abstract: "Payments through the gateway, all hops on, from several clients at once.",
    discussion: """
      Each client is a demo resident with a connection and a token of its own, and sends one payment \
      after the other. Start the platform with '--limits-factor 1000', or the gateway's limits are what \
      is measured. CPU, context switches, commits of its store and bytes written to the disk are what each \
      process used while the payments ran; the clients run on the same cores.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: "Clients at the same time, 1–256.")
  var clients = 16

  @Option(help: "Payments of each client.")
  var payments = 200

  func validate() throws {
    guard (1...256).contains(clients) else { throw ValidationError("--clients must be 1–256") }
    guard (1...100_000).contains(payments) else {
      throw ValidationError("--payments must be 1–100000")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, _, line) = try place.running()
      let desk = OperatorDesk(line: line, randomness: .system)
      // A bank of its own, with its own seed each time: a key that was used would only be a replay.
      let seed = Randomness.system.next()
      let count = max(2, clients)
      let orders = (0..<clients * payments).map { number in
        SeededBank.StandingOrder(
          payer: number % clients, payee: (number % clients + 1) % count, minorUnits: 1,
          reference: "bench")
      }
      let bank = try await DemoBank.open(
        home: home, desk: desk, seed: seed, residents: count, orders: orders, keepsLogin: false,
        tell: { _ in })
      let before = await HopFigures.all(home, line)
      let work = LongWork("Paying", of: orders.count, "payments", isTold: !place.json)
      let report = await PaymentLoad(clock: .system).run(bank.lanes, atOnce: clients) { work.add() }
      work.finish()
      show(report, before, await HopFigures.all(home, line))
      guard report.others.isEmpty else {
        throw OperatorFailure("not every payment was answered with 201: \(report.others)", .failed)
      }
    }
  }

  private func show(
    _ report: PaymentLoad.Report, _ before: [HopFigures], _ after: [HopFigures]
  ) {
    func millis(_ permille: Int) -> Double {
      report.quantile(permille: permille).map { Double($0.nanoseconds) / 1e6 } ?? 0
    }
    let hops = after.compactMap { figures in
      before.first { $0.process.pid == figures.process.pid }.map {
        figures.each($0, of: max(1, report.posted))
      }
    }
    if place.json {
      printLine(
        .object([
          "payments": .integer(Int64(report.posted)), "clients": .integer(Int64(clients)),
          "sent_again": .integer(Int64(report.repeated)),
          "per_second": .number(report.perSecond), "p50_ms": .number(millis(500)),
          "p99_ms": .number(millis(990)), "p999_ms": .number(millis(999)),
          "cpu_microseconds_per_payment": .object(
            Dictionary(hops.map { ($0.service, .number($0.micros)) }, uniquingKeysWith: { $1 })),
          "per_payment": .object(
            Dictionary(hops.map { ($0.service, $0.document) }, uniquingKeysWith: { $1 })),
        ]))
      return
    }
    print(
      "\(report.posted) payments by \(clients) clients: \(StoryLayout.fixed(report.perSecond, 0)) a second, "
        + "p50 \(StoryLayout.fixed(millis(500), 1)) ms, p99 \(StoryLayout.fixed(millis(990), 1)) ms, "
        + "p99.9 \(StoryLayout.fixed(millis(999), 1)) ms\n"
        + (report.repeated > 0 ? "\(report.repeated) sent again with their key\n" : ""))
    let fixed = StoryLayout.fixed
    var rows = [["HOP, PER PAYMENT", "CPU", "SWITCHES", "COMMITS", "WRITTEN", "MEMORY"]]
    for hop in hops {
      rows.append([
        hop.service, "\(fixed(hop.micros, 0)) µs", fixed(hop.switches, 1), fixed(hop.commits, 2),
        "\(fixed(hop.bytes / 1_024, 1)) KiB", "\(hop.residentKiB / 1_024) MiB",
      ])
    }
    print(Terminal.output.table(rows))
  }
}

/// What a service has used so far, as the kernel and the service itself count it.
private struct HopFigures {
  let process: ProcessFigures
  let commits: UInt64

  static func all(_ home: Home, _ line: OperatorLine) async -> [HopFigures] {
    var all: [HopFigures] = []
    for process in ProcessFigures.all(home) {
      var commits: UInt64 = 0
      if let service = ServiceName(process.service),
        let answer = try? await line.send(.get, "/metrics", to: service, within: .seconds(5)),
        answer.status == 200
      {
        commits = ServiceFigures(exposition: String(decoding: answer.body, as: UTF8.self)).commits
      }
      all.append(HopFigures(process: process, commits: commits))
    }
    return all
  }

  /// For one payment of so many.
  struct Share {
    let service: String
    let micros: Double
    let switches: Double
    let commits: Double
    let bytes: Double
    let residentKiB: Int64

    var document: JSON {
      .object([
        "cpu_microseconds": .number(micros), "context_switches": .number(switches),
        "commits": .number(commits), "written_bytes": .number(bytes),
      ])
    }
  }

  func each(_ earlier: HopFigures, of payments: Int) -> Share {
    let (count, before) = (Double(payments), earlier.process)
    return Share(
      service: process.service,
      micros: Double(process.cpuTicks - before.cpuTicks) * 10_000 / count,
      switches: Double(process.switches - before.switches) / count,
      commits: Double(commits &- earlier.commits) / count,
      bytes: Double(process.writtenBytes - before.writtenBytes) / count,
      residentKiB: process.residentKiB)
  }
}
