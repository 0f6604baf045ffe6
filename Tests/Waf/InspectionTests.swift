import Charters
import Firewall
import Foundation
import Testing
import Vocabulary
import Waf
import WafAPI

@Suite struct `What matches come to` {
  private static let charter = """
    apiVersion: strongroom/v1
    service: payments
    summary: Pays.
    port: 7105
    limits: {memory_mib: 64, open_files: 64, connections: 8}
    operations:
      - id: createPayment
        method: POST
        path: /v1/payments
        callers: [shop]
        firewall:
          exclusions:
            - {rule: 942100, text: reference, reason: Names with apostrophes, until: 2026-12-31}
            - {rule: 941100, reason: None of our pages shows it, until: 2026-12-31}
    """
  private static let caller = """
    apiVersion: strongroom/v1
    service: shop
    summary: Sells.
    port: 7108
    limits: {memory_mib: 64, open_files: 64, connections: 8}
    calls: [{service: payments, operations: [createPayment]}]
    """

  private static let inspection = Inspection(
    service: "payments", operation: "createPayment", method: "POST", path: "/v1/payments",
    texts: [Inspection.Text(name: "reference", value: "x")])

  private static func verdict(
    _ matches: [RuleMatch], _ mode: WafMode = .blocking, threshold: Int = 5,
    on day: String = "2026-12-31"
  ) throws -> Inspected {
    let charters = try CharterSet.load([
      CharterFile(name: "payments.yaml", text: charter),
      CharterFile(name: "shop.yaml", text: caller),
    ])
    let now = try #require(Instant("\(day)T23:59:59Z"))
    var findings = RuleSet.Findings()
    findings.matches = matches
    findings.total = matches.reduce(0) { $0 + ($1.severity?.score ?? 0) }
    return InspectionRules(charters, mode: mode, threshold: threshold).verdict(
      on: findings, of: inspection, at: now)
  }

  private static func match(
    _ rule: Int, _ severity: RuleMatch.Severity? = .critical, at place: String = "ARGS:reference"
  ) -> RuleMatch {
    RuleMatch(rule: rule, severity: severity, place: place, text: "x")
  }

  @Test func `is refused from the threshold on, and told below it`() throws {
    let warning = Self.match(1, .warning)
    #expect(try Self.verdict([warning]).verdict == .allowed)
    #expect(try Self.verdict([warning]).score == 3)
    #expect(try Self.verdict([warning, Self.match(2, .notice)]).verdict == .refused)
    #expect(try Self.verdict([Self.match(1)], threshold: 6).verdict == .allowed)
    #expect(try Self.verdict([]).verdict == .allowed)
  }

  @Test func `is told and refuses nothing in detection`() throws {
    let told = try Self.verdict([Self.match(1)], .detection)
    #expect(told.verdict == .allowed && told.score == 5 && told.matches.map(\.rule) == [1])
  }

  @Test func `leaves out what the charter excludes, for its text and until its last day`() throws {
    #expect(try Self.verdict([Self.match(942_100)]).matches.isEmpty)
    #expect(try Self.verdict([Self.match(942_100)], on: "2027-01-01").verdict == .refused)
    #expect(
      try Self.verdict([Self.match(942_100, at: "ARGS:idempotency-key")]).verdict == .refused)
    #expect(try Self.verdict([Self.match(941_100, at: "ARGS:other")]).verdict == .allowed)
    #expect(try Self.verdict([Self.match(941_100), Self.match(941_110)]).score == 5)
  }

  @Test func `is refused where there are more matches than are told`() throws {
    let many = Array(repeating: Self.match(942_100), count: RuleSet.matchesMax)
    #expect(try Self.verdict(many).verdict == .refused)
  }
}

@Suite struct `The firewall's threads` {
  @Test func `inspect side by side, and leave out whoever's time is over`() async throws {
    let rules = try Rules.first.get()
    let clock = Clock { Instant(seconds: Int64(Date().timeIntervalSince1970)) }
    let pool = InspectionPool(rules, threads: 2, clock: clock)
    let verdicts = try await withThrowingTaskGroup(of: Bool.self) { group in
      for at in 0..<40 {
        group.addTask {
          let text = at.isMultiple(of: 2) ? "' or 1=1 --" : "Rent"
          let findings = try await pool.inspect(
            Rules.request(text), by: Deadline(clock.now() + .seconds(60)))
          return findings.matches.isEmpty != at.isMultiple(of: 2)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(verdicts.count == 40 && verdicts.allSatisfy { $0 })
    await #expect(throws: InspectionPool.Failure.late) {
      try await pool.inspect(Rules.request("Rent"), by: Deadline(clock.now() - .seconds(1)))
    }
    #expect(pool.count == 0 && pool.longest(at: clock.now()) == .zero)
    await pool.stop()
  }

  @Test func `refuse what would wait beyond their limit`() async throws {
    let rules = try Rules.first.get()
    let clock = Clock { Instant(seconds: Int64(Date().timeIntervalSince1970)) }
    let pool = InspectionPool(rules, threads: 1, clock: clock)
    let failures = await withTaskGroup(of: InspectionPool.Failure?.self) { group in
      for _ in 0..<2 * InspectionPool.waitingMax {
        group.addTask {
          do {
            _ = try await pool.inspect(
              Rules.request("Rent"), by: Deadline(clock.now() + .seconds(60)))
            return nil
          } catch {
            return error as? InspectionPool.Failure
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(failures.contains(.full) && failures.allSatisfy { $0 == nil || $0 == .full })
    await pool.stop()
  }
}
