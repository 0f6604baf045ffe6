import Chassis
import Crypto
import Demo
import Foundation
import Glibc
import Launcher
import PolicyBundles
import PolicyEngine
import StrictJSON
import Vocabulary

/// Z7: whoever would change what is allowed must get through the gate, and have the organisation's key. The attackers
/// are somebody who publishes, and somebody who writes into the home. The drill leaves the policies that it found in
/// force, under a higher number.
package enum PolicyDrill {
  package static let drill = Drill(
    name: "policies",
    promise:
      "Z7: policy is code, tested, signed and versioned; what allows too much, is forged, older or gone decides nothing.",
    attacks: [
      publishing(
        "too-permissive", "publish policies that allow whatever is asked, with tests that agree",
        """
        decision := {"allow": true} if input.service

        else := {"allow": false, "refusals": [{"rule": "no", "why": "nothing was asked"}]}
        """),
      publishing(
        "looping", "publish policies that do not come to an end",
        """
        decision := {"allow": false, "refusals": [{"rule": "no", "why": "never"}]} if {
          every x in numbers.range(1, 9999) {
            every y in numbers.range(1, 9999) { x + y > 0 }
          }
        }
        """),
      Attack(
        "unsigned", steps: "lay down a newer bundle that nobody signed, and that allows everything",
        expectation: "no service takes it; it is put back, and recorded"
      ) { range in
        try await replacing(range) { release throws in
          try PolicyBundle.packed(
            BundleManifest(revision: "\(release.version + 1)", roots: PolicyRelease.roots),
            modules: allowingAll, data: .object(.empty))
        }
      },
      Attack(
        "tampered", steps: "change one byte of the bundle in force",
        expectation: "no service takes it; it is put back, and recorded"
      ) { range in
        var changed = try bundle(range)
        changed[changed.count / 2] ^= 1
        let tampered = changed
        return try await replacing(range) { _ throws in tampered }
      },
      Attack(
        "forged", steps: "lay down a newer bundle that is signed with a key of our own",
        expectation: "no service takes it; it is put back, and recorded"
      ) { range in
        try await replacing(range) { release throws in
          try PolicyRelease.packed(
            PolicyDraft(modules: allowingAll, data: .object(.empty)), version: release.version + 1,
            key: BundleSigningKey(
              P256.Signing.PrivateKey().pemRepresentation, algorithm: PolicyRelease.algorithm))
        }
      },
      Attack(
        "rolled-back", steps: "lay down the bundle that was in force before this one",
        expectation: "no service takes it; it is put back, and recorded"
      ) { range in
        let earlier = try bundle(range)
        let office = office(range)
        guard let release = try office.current() else { return .notTried("there is no bundle") }
        _ = try office.republish(release.draft)
        guard try await areAll(range, at: release.version + 1, within: .seconds(6)) else {
          return .notTried("not all services took version \(release.version + 1)")
        }
        return try await replacing(range) { _ throws in earlier }
      },
      Attack(
        "source-gone", steps: "delete the bundle, and wait until nobody has confirmed it for long",
        expectation: "put back; or else nothing is decided any more", carryOut: withoutSource),
    ])

  private static let allowingAll = [
    (file: "access/a.rego", source: "package strongroom.access\n\n" + lax)
  ]
  private static let lax = """
    decision := {"allow": true} if input.service

    else := {"allow": false, "refusals": [{"rule": "no", "why": "nothing was asked"}]}
    """

  // MARK: by publishing

  private static func publishing(_ name: String, _ steps: String, _ rules: String) -> Attack {
    Attack(name, steps: steps, expectation: "the gate refuses to sign them") { range in
      try layDown(rules, in: folder(of: name))
      defer { try? FileManager.default.removeItem(atPath: folder(of: name)) }
      let office = office(range)
      let before = try office.current()
      switch Result(catching: { try office.publish(from: folder(of: name), for: range.charters) }) {
      case .success(let published):
        // What no gate kept back is taken back by the drill.
        if let before { _ = try office.republish(before.draft) }
        return .breach("signed as version \(published.version)")
      case .failure(let failure):
        guard case .badPolicies(_, let faults)? = failure as? LaunchFailure else { throw failure }
        return .held("refused: \(faults.first ?? "-")")
      }
    }
  }

  private static func folder(of attack: String) -> String {
    NSTemporaryDirectory() + "strongroom-drill-\(getpid())-\(attack)"
  }

  /// Rules, and tests that agree to them.
  private static func layDown(_ rules: String, in folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/access", withIntermediateDirectories: true)
    let texts = [
      "access/a.rego": "package strongroom.access\n\n\(rules)\n",
      "access/a_test.rego": """
      package strongroom.access_test

      test_all_is_well if {
        not data.strongroom.access.decision.other with input as {"service": "x"}
        not data.strongroom.access.decision.other with input as {}
      }

      """, "data.json": "{}",
    ]
    for (name, text) in texts {
      try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }
  }

  // MARK: by writing into the home

  /// Puts another bundle in the place of the one in force, and sees what becomes of it.
  private static func replacing(
    _ range: DrillRange, by forge: (PolicyRelease) throws -> [UInt8]
  ) async throws -> Sighting {
    guard let release = try office(range).current() else { return .notTried("there is no bundle") }
    let sound = try bundle(range)
    let forged = try forge(release)
    let scene = Scene(range, "policy/bundle.tar.gz")
    let copy = try Scene.Copy(of: range.home.policyBundleFile)
    try scene.place(forged, mode: 0o644)
    let sighting = try await scene.sighting { (try? bundle(range)) == sound }
    // Longer than a service waits between two looks.
    try await Task.sleep(for: .seconds(1))
    let versions = await versions(range)
    if (try? bundle(range)) != sound { try scene.putBack(copy) }
    let took = versions.filter { $0.value != release.version }.keys.sorted { "\($0)" < "\($1)" }
    guard took.isEmpty else {
      // Under a number that is above the forged one, or the services would not come back.
      _ = try office(range).republish(release.draft)
      _ = try office(range).republish(release.draft)
      return .breach("taken by \(took.map(\.description).joined(separator: ", "))")
    }
    return sighting
  }

  @Sendable private static func withoutSource(_ range: DrillRange) async throws -> Sighting {
    let file = range.home.policyBundleFile
    let scene = Scene(range, "policy/bundle.tar.gz")
    let copy = try Scene.Copy(of: file)
    // Before: nobody signs in where nothing is decided.
    let token = try await range.tokens(of: 0).accessToken
    guard unlink(file) == 0 else { return .notTried("\(file): \(errorText(errno))") }
    defer { if !WholeFile.exists(file) { try? scene.putBack(copy) } }
    let sighting = try await scene.sighting { WholeFile.exists(file) }
    guard sighting.verdict == .breach else { return sighting }
    // Nobody puts it back: then the services must stop deciding, once it is stale.
    let patience = range.platform.policyStaleAfter + .seconds(2)
    guard patience < .seconds(10) else {
      return .notTried(
        "it is not put back, and stale only after \(range.platform.policyStaleAfter)")
    }
    try await Task.sleep(for: patience)
    let answer = try await range.ask("GET", "/v1/accounts", token: token)
    return .when(
      answer.status == 503, "answered \(answer.text) \(patience) later",
      recordedAs: answer.correlation)
  }

  private static func office(_ range: DrillRange) -> PolicyOffice {
    PolicyOffice(
      range.home, platform: range.platform, clock: range.clock, randomness: range.randomness)
  }

  private static func bundle(_ range: DrillRange) throws -> [UInt8] {
    try WholeFile.read(range.home.policyBundleFile) ?? []
  }

  /// The version that each service decides by; those that do not answer are left out.
  private static func versions(_ range: DrillRange) async -> [ServiceName: Int] {
    var versions: [ServiceName: Int] = [:]
    for (service, _) in range.ports {
      guard let answer = try? await range.line.send(.get, "/readyz", to: service),
        let version = (try? JSON.parse(answer.body))?["policy_version"]?.integer
      else { continue }
      versions[service] = Int(version)
    }
    return versions
  }

  private static func areAll(
    _ range: DrillRange, at version: Int, within limit: Duration
  ) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      if await versions(range).values.allSatisfy({ $0 == version }) { return true }
      try await Task.sleep(for: .milliseconds(100))
    }
    return false
  }
}
