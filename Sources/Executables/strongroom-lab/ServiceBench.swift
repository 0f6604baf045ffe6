import Chassis
import Commands
import Demo
import Foundation
import Launcher
import LedgerAPI
import Load
import OperatorCommands
import StrictJSON
import Transport
import Vocabulary

/// `bench ledger --service`: single transfers through the running ledger's mutual TLS.
struct ServiceBench {
  let place: PlaceOptions
  let callers: Int
  let accounts: Int
  /// Transfers of each caller and form, at most.
  let each: Int
  /// How long each form is measured, at most.
  let longest: Duration

  func run() async throws {
    var limits = TransportLimits()
    limits.connectionsPerServiceMax = callers
    let (home, _, line) = try place.running(limits: limits)
    guard let ledger = line.endpoint(of: "ledger"), let euro = Currency("EUR") else {
      throw LaunchFailure.notRunning
    }
    let randomness = Randomness.system
    let load = TransferLoad(
      try await line.transport(), to: ledger,
      accounts: (0..<accounts).map { _ in AccountID(bits: randomness.bits128()) }, currency: euro,
      clock: .system, randomness: randomness)
    try await load.open()
    // The connections are made, and what is made once is made, before anything is measured.
    _ = try await load.run(.binary, callers: callers, each: min(each, 50), longest: longest)
    for form in TransferLoad.Form.allCases {
      let own = Self.ownCPUSeconds()
      let before = ProcessFigures.all(home)
      let work = LongWork("\(form.rawValue)", "transfers", isTold: !place.json)
      let report = try await load.run(form, callers: callers, each: each, longest: longest) {
        work.add()
      }
      work.finish()
      show(form, report, Self.ownCPUSeconds() - own, before, ProcessFigures.all(home))
      guard report.others.isEmpty else {
        throw OperatorFailure("not every transfer was created: \(report.others)", .failed)
      }
    }
  }

  private static func ownCPUSeconds() -> Double {
    // POSIX has it count in millionths (clock(3)).
    Double(clock()) / 1e6
  }

  private func show(
    _ form: TransferLoad.Form, _ report: TransferLoad.Report, _ own: Double,
    _ before: [ProcessFigures], _ after: [ProcessFigures]
  ) {
    let created = Double(max(1, report.created))
    func micros(of service: ServiceName) -> Double {
      func ticks(_ figures: [ProcessFigures]) -> Int64 {
        figures.first { $0.service == service.description }?.cpuTicks ?? 0
      }
      return Double(ticks(after) - ticks(before)) * 10_000 / created
    }
    func millis(_ permille: Int) -> Double {
      Double(report.quantile(permille: permille).nanoseconds) / 1e6
    }
    let (ledger, audit) = (micros(of: "ledger"), micros(of: "audit"))
    if place.json {
      return printLine(
        .object([
          "form": .string(form.rawValue), "callers": .integer(Int64(callers)),
          "transfers": .integer(Int64(report.created)), "per_second": .number(report.perSecond),
          "p50_ms": .number(millis(500)), "p99_ms": .number(millis(990)),
          "p999_ms": .number(millis(999)),
          "cpu_microseconds_per_transfer": .object([
            "callers": .number(own / created * 1e6), "ledger": .number(ledger),
            "audit": .number(audit),
          ]),
        ]))
    }
    let fixed = StoryLayout.fixed
    print(
      """
      \(callers) callers, one transfer a call, \(form.rawValue): \(fixed(report.perSecond, 0))/s; p50 \
      \(fixed(millis(500), 1)) p99 \(fixed(millis(990), 1)) p999 \(fixed(millis(999), 1)) ms; CPU a \
      transfer: ledger \(fixed(ledger, 0)), audit \(fixed(audit, 0)), callers \
      \(fixed(own / created * 1e6, 0)) µs
      """)
  }
}
