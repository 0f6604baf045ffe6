import StrictJSON
import Testing

/// Every drill must be able to fail: with its defence left out of the platform it says breach.
@Suite(.serialized) struct `A drill` {
  @Test func `holds against the platform as it is`() async throws {
    let platform = try RunningPlatform()
    // The real limits: the flood is one of the attacks.
    let report = try await drill(platform, "--limits-factor", "1")
    #expect(report.exitCode == 0, "\(report.breaches) \(report.output.suffix(2_000))")
    #expect(report.held > 55 && report.breaches.isEmpty && report.notTried == 0)
    print("drills: \(report.held) of \(report.held + report.breaches.count) attacks held")
  }

  @Test(arguments: [
    ("edge-checks", "hops", ["undeclared-operations"]),
    (
      "token-signatures", "tokens",
      ["own-key-same-kid", "another-subject", "wider-scope", "zero-signature"]
    ),
    ("revocations", "tokens", ["refresh-reuse", "revoked"]),
    ("idempotency", "money", ["fifty-presses", "same-key-other-amount"]),
    (
      "confinement", "inside",
      [
        "foreign-files", "foreign-ports", "other-sockets", "other-processes", "privileges",
        "kernel",
      ]
    ),
    (
      "immutability", "immutable",
      ["charter-byte", "charter-mode", "charter-gone", "settings", "foreign-charter", "program"]
    ),
  ])
  func `says breach when a defence is left out`(
    weakness: String, name: String, breaches: [String]
  ) async throws {
    let platform = try RunningPlatform()
    let report = try await drill(
      platform, "--limits-factor", "1000", "--weaken", weakness, names: [name])
    #expect(report.exitCode == 1, "\(report.output.suffix(2_000))")
    #expect(Set(breaches).isSubset(of: report.breaches), "\(report.breaches)")
  }

  @Test func `says breach when one caller may ask without limit`() async throws {
    let platform = try RunningPlatform()
    let report = try await drill(platform, "--limits-factor", "1000000", names: ["floods"])
    #expect(report.breaches == ["one-client-floods"])
  }

  private struct Report {
    let exitCode: Int32
    let output: String
    let held: Int
    let notTried: Int
    let breaches: Set<String>
  }

  private func drill(
    _ platform: RunningPlatform, _ options: String..., names: [String] = []
  ) async throws -> Report {
    let up = try await platform.up(options)
    try #require(up.exitCode == 0, "\(up.output)")
    let outcome: RunningPlatform.Outcome
    do {
      outcome = try await platform.command(["drill", "--json"] + names)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
    let report = try JSON.parse(Array(outcome.output.utf8.prefix { $0 != 0x0a }))
    let attacks = try #require(report["attacks"]?.array)
    return Report(
      exitCode: outcome.exitCode, output: outcome.output,
      held: Int(report["held"]?.integer ?? 0), notTried: Int(report["not_tried"]?.integer ?? 0),
      breaches: Set(
        attacks.filter { $0["verdict"] == .string("breach") }.compactMap { $0["attack"]?.string }))
  }
}
