package import Chassis
import Firewall
import Glibc
import NIOCore
import NIOPosix
import Telemetry
package import Vocabulary
import WafAPI

/// The web application firewall: libmodsecurity with the OWASP Core Rule Set, asked by the gateway.
package struct WafService: Service {
  package static let name = WafOperations.service
  package static let version = "1.0.0"

  /// An inspection takes milliseconds. One that takes this long does not come to its end, and nothing but the end of the
  /// process stops it; the launcher starts another.
  static let runawayMax: Duration = .seconds(5)
  static let watchEvery: Duration = .milliseconds(500)

  private let context: ServiceContext
  private let rules: InspectionRules
  /// Nil where nobody looks.
  private let pool: InspectionPool?
  private let metrics: WafMetrics

  /// - Throws: `StartFailure` where the rules cannot be had.
  package init(_ context: ServiceContext) async throws {
    self.context = context
    let settings = context.settings
    let mode = WafMode(rawValue: settings.word("mode")) ?? .blocking
    let (folder, paranoia) = (settings.word("rules"), settings.number("paranoia"))
    rules = InspectionRules(
      context.charters, mode: mode, threshold: settings.number("threshold"))
    metrics = WafMetrics(context.metrics)
    guard mode != .off else {
      pool = nil
      return
    }
    do throws(RuleSetFault) {
      let chosen = try RuleSettings(folder: folder, paranoia: paranoia)
      let pool = InspectionPool(
        try RuleSet(chosen), threads: System.coreCount, clock: context.clock)
      self.pool = pool
      metrics.count(waiting: pool, context.metrics)
      context.log.info(
        "the rules are read",
        ["files": .count(chosen.files.count), "paranoia": .count(paranoia)])
    } catch {
      throw StartFailure(
        "\(error)", hint: "install modsecurity-crs, or say where the rules are: --set waf.rules=DIR"
      )
    }
  }

  package var operations: [String: Handler] {
    [
      "inspect": { call in try .json(200, await inspected(call.decode(Inspection.self), call)) }
    ]
  }

  private func inspected(_ inspection: Inspection, _ call: Call) async throws -> Inspected {
    guard let pool else { return Inspected(verdict: .allowed, score: 0, matches: []) }
    guard inspection.texts.count <= Inspection.textsMax else {
      throw Problem.malformed("at most \(Inspection.textsMax) texts", field: "texts")
    }
    let began = context.clock.now()
    do {
      let findings = try await pool.inspect(
        InspectionRules.request(inspection), by: call.deadline)
      let inspected = rules.verdict(on: findings, of: inspection, at: began)
      metrics.told(inspected, after: context.clock.now() - began)
      return inspected
    } catch {
      metrics.failed()
      context.log.with(correlation: call.correlation).warning(
        "a request was not inspected", ["why": .text("\(error)")])
      throw Problem.unavailable()
    }
  }

  /// Ends the process where an inspection does not end.
  package func run() async throws {
    guard let pool else { return }
    do {
      try await context.rounds(of: "inspections are watched", every: Self.watchEvery) {
        let longest = pool.longest(at: context.clock.now())
        guard longest > Self.runawayMax else { return }
        context.log.error("an inspection does not end", ["took": .duration(longest)])
        LogSink.standardError.flush()
        _exit(Self.runawayExit)
      }
    } catch {
      await pool.stop()
    }
  }

  /// EX_SOFTWARE of sysexits(3).
  private static let runawayExit: Int32 = 70
}
