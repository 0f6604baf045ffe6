import Launcher
import StrictJSON
import Testing

/// Every drill must be able to fail: with its defence left out of the platform it says breach.
@Suite(.serialized) struct `A drill` {
  @Test func `holds against the platform as it is`() async throws {
    let platform = try RunningPlatform()
    // The real limits: the flood is one of the attacks.
    let report = try await drill(platform, "--limits-factor", "1")
    // Rules for addresses are root's to make, by a program that need not be there.
    let untried: Set = Self.holdsAddresses ? [] : ["outside-addresses"]
    #expect(
      report.exitCode == (untried.isEmpty ? 0 : 2),
      "\(report.breaches) \(report.output.suffix(2_000))")
    #expect(report.held > 60 && report.breaches.isEmpty)
    #expect(report.notTried == untried)
    print("drills: \(report.held) of \(report.held + report.breaches.count) attacks held")
  }

  /// On its own, because it is what to look at when revocation was touched.
  @Test func `cuts off within a second, and a restart lets nobody in`() async throws {
    let platform = try RunningPlatform()
    let report = try await drill(platform, "--limits-factor", "1000", names: ["cut-off"])
    print(report.output.prefix(4_000))
    #expect(report.exitCode == 0 && report.held == 3, "\(report.output.suffix(2_000))")
  }

  private static let holdsAddresses = AddressHold.lack(ownUserLack: nil) == nil

  @Test(arguments: [
    // Policies stand behind the charters' edges; both must be gone.
    (
      "edge-checks,policies,secret-names", ["hops", "secrets"],
      ["undeclared-operations", "another-service", "unnamed"]
    ),
    // Defences that do not get in each other's way, left out of one platform.
    (
      "token-signatures,sign-in-fairness,counted-refusals,idempotency,contracts",
      ["tokens", "sign-in", "floods", "money", "contracts"],
      [
        "own-key-same-kid", "another-subject", "wider-scope", "zero-signature", "lockout",
        "refusals-as-records", "fifty-presses", "same-key-other-amount", "mutants", "parameters",
      ]
    ),
    (
      "revocations", ["tokens", "cut-off"],
      ["refresh-reuse", "revoked", "suspended-client", "suspended-person", "restarted-gateway"]
    ),
    (
      "confinement", ["inside"],
      [
        "foreign-files", "foreign-ports", "other-sockets", "other-processes", "privileges",
        "kernel", "running-services",
      ]
    ),
    (
      "immutability", ["immutable"],
      ["charter-byte", "charter-mode", "charter-gone", "settings", "foreign-charter", "program"]
    ),
    (
      "policies,immutability", ["policies"],
      ["too-permissive", "looping", "unsigned", "tampered", "forged", "rolled-back", "source-gone"]
    ),
  ])
  func `says breach when a defence is left out`(
    weakness: String, names: [String], breaches: [String]
  ) async throws {
    try await expect(weakness, names, breaches)
  }

  /// Defences that do not get in each other's way, left out of one platform.
  @Test func `says breach where nobody looks`() async throws {
    let platform = try RunningPlatform()
    let report = try await drill(
      platform, "--limits-factor", "1000", "--weaken", "peer-checks", "--weaken",
      "transaction-tokens", "--weaken", "policies", "--weaken", "discretion", "--weaken",
      "verification",
      names: ["hops", "transactions", "evidence", "leaks"])
    #expect(report.exitCode == 1)
    let expected: Set = [
      "foreign-ca", "foreign-ca-expired", "foreign-trust-domain", "no-uri", "two-uris", "expired",
      "not-yet-valid", "signing-certificate", "below-a-leaf", "older-than-its-certificate",
      "other-amount", "other-payee", "other-purpose", "other-method", "no-scope", "expired",
      "from-the-future", "not-the-gateway", "other-correlation", "other-presenter",
      "flip-a-bit", "drop", "reorder", "insert", "truncate", "rewrite", "checkpoint-altered",
      "roll-back", "fork", "stores-and-logs",
    ]
    #expect(expected.subtracting(report.breaches).isEmpty, "\(report.output.suffix(4_000))")
  }

  @Test(.enabled(if: holdsAddresses))
  func `says breach when outside addresses are counted and let through`() async throws {
    try await expect("addresses", ["inside"], ["outside-addresses"])
  }

  private func expect(_ weakness: String, _ names: [String], _ breaches: [String]) async throws {
    let platform = try RunningPlatform()
    let report = try await drill(
      platform, "--limits-factor", "1000", "--policy-stale-seconds", "2",
      leavingOut: weakness.split(separator: ",").map(String.init), names: names)
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
    let notTried: Set<String>
    let breaches: Set<String>
  }

  private func drill(
    _ platform: RunningPlatform, _ options: String..., leavingOut weaknesses: [String] = [],
    names: [String] = []
  ) async throws -> Report {
    let up = try await platform.up(options + weaknesses.flatMap { ["--weaken", $0] })
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
    func attacked(_ verdict: String) -> Set<String> {
      Set(
        attacks.filter { $0["verdict"] == .string(verdict) }.compactMap { $0["attack"]?.string })
    }
    return Report(
      exitCode: outcome.exitCode, output: outcome.output,
      held: Int(report["held"]?.integer ?? 0), notTried: attacked("not tried"),
      breaches: attacked("breach"))
  }
}
