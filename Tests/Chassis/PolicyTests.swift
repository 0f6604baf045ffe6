import AuditAPI
import Charters
import Chassis
import Crypto
import Foundation
import NIOCore
import PolicyBundles
import PolicyEngine
import Storage
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

private let correlation = CorrelationID(bits: 0xbeef)!  // A constant other than zero.

extension PolicyDraft {
  fileprivate static func module(_ source: String) -> PolicyDraft {
    PolicyDraft(modules: [(file: "access/a.rego", source: source)], data: .object(.empty))
  }
}

extension Street {
  fileprivate func greet(over client: TransportClient? = nil) async throws -> WireResponse {
    try await send(#"{"name":"Ada"}"#, to: "/v1/greetings", over: client)
  }

  fileprivate func pay() async throws -> WireResponse {
    let body = #"{"name":"Ada"}"#
    return try await send(
      body, to: "/v1/payments", as: "gateway",
      headers: [
        Header.transactionToken: try token(for: body, correlation: correlation),
        Header.idempotencyKey: UUID().uuidString, Header.correlation: "\(correlation)",
      ])
  }

  fileprivate func publish(_ draft: PolicyDraft, version: Int) throws {
    try TestPolicies.put(try TestPolicies.release(draft, version: version), into: place.home)
  }

  fileprivate var policy: PolicyPoint { process.context.policy }

  /// Waits until the service has looked at what was laid down.
  fileprivate func until(_ holds: @Sendable () -> Bool) async throws {
    for _ in 0..<500 where !holds() { try await Task.sleep(for: .milliseconds(10)) }
    #expect(holds())
  }

  fileprivate func records(_ kind: AuditRecord.Kind) async throws -> [AuditRecord] {
    try await process.context.outbox.batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }.filter { $0.kind == kind }
  }
}

private func slug(_ response: WireResponse) -> String? {
  guard case .object(let members)? = try? JSON.parse(Array(response.body.readableBytesView)) else {
    return nil
  }
  return members["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.count)) }
}

@Suite(.serialized) struct `Access policies` {
  @Test func `refuse by a rule that log and record name, with the version that decided`()
    async throws
  {
    let street = try await Street()
    #expect(try await street.pay().status == 201)
    try street.publish(
      try .shipped("suspended", [Street.person: .string("lost papers")]), version: 2)
    try await street.until { street.policy.version == 2 }
    let refused = try await street.pay()
    #expect(refused.status == 403 && slug(refused) == "policy-refused")
    let kept = try await street.records(.access)
    #expect(kept.map(\.outcome) == ["allowed", "refused"])
    #expect(kept.map { $0.detail["policy"] } == ["1", "2"])
    #expect(kept.last?.reason == "policy-refused")
    #expect(kept.last?.detail["rule"] == "subject-suspended")
    try await street.until { street.lines.text.contains("the subject is suspended: lost papers") }
    #expect(
      !String(buffer: refused.body).contains("lost papers"), "the reason is the organisation's")
    await street.close()
  }

  @Test func `are replaced without a request being dropped`() async throws {
    let street = try await Street()
    let seen = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<4 {
        group.addTask {
          let client = try street.client("visitor")
          var statuses: [Int] = []
          while street.policy.version < 6 {
            statuses.append(try await street.greet(over: client).status)
          }
          return statuses
        }
      }
      for version in 2...6 {
        try street.publish(
          try .shipped("frozen", ["\(version)": .string("order")]), version: version)
        try await street.until { street.policy.version == version }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(seen.count > 20 && seen.allSatisfy { $0 == 200 })
    // The line is written after the version is in force.
    try await street.until {
      street.lines.text.split(separator: "\n").count {
        $0.contains("access policies are in force")
      } == 5
    }
    await street.close()
  }

  @Test func `stay in force when what follows is unsigned, older, broken, loops, or is gone`()
    async throws
  {
    let street = try await Street()
    let home = street.place.home
    let inForce = try TestPolicies.release(try .shipped("frozen", [:]), version: 5)
    try TestPolicies.put(inForce, into: home)
    try await street.until { street.policy.version == 5 }
    let signed = try TestPolicies.release(try .shipped("frozen", ["a": .string("b")]), version: 6)
    var tampered = signed
    tampered[tampered.count / 2] ^= 1
    let unsigned = try PolicyBundle.packed(
      BundleManifest(revision: "6", roots: PolicyRelease.roots),
      modules: try TestPolicies.shipped.get().distributed.modules,
      data: try TestPolicies.shipped.get().distributed.data)
    func release(_ source: String) throws -> [UInt8] {
      try TestPolicies.release(.module("package strongroom.access\n\(source)"), version: 6)
    }
    let table: [(String, [UInt8]?, PolicyRefusalReason)] = [
      ("changed", tampered, .unsigned), ("unsigned", unsigned, .unsigned),
      ("nonsense", Array("no bundle".utf8), .unsigned),
      ("cut off", Array(signed.prefix(999)), .unsigned),
      ("older", try TestPolicies.release(try .shipped("frozen", [:]), version: 4), .older),
      (
        "another five",
        try TestPolicies.release(try .shipped("closed", ["a": .string("b")]), version: 5),
        .older
      ),
      ("wrong", try release("decision := x"), .broken),
      ("without a decision", try release("other := true"), .broken),
      ("allowing everything", try release(#"decision := {"allow": true}"#), .broken),
      (
        "looping",
        try release(
          """
          decision := {"allow": false, "refusals": [{"rule": "a", "why": "b"}]} if {
            every x in numbers.range(1, 100000) { every y in numbers.range(1, 100000) { x + y > 0 } }
          }
          """), .broken
      ),
      ("gone", nil, .missing),
    ]
    for (name, bytes, reason) in table {
      if let bytes {
        try TestPolicies.put(bytes, into: home)
      } else {
        try FileManager.default.removeItem(atPath: home.policyBundleFile)
      }
      try await street.until { street.policy.refused == reason }
      #expect(street.policy.version == 5, "\(name)")
      #expect(try await street.greet().status == 200, "\(name)")
      // The one in force in between, so that each is seen by itself.
      try TestPolicies.put(inForce, into: home)
      try await street.until { street.policy.refused == nil }
    }
    let reasons = try await street.records(.platform).compactMap(\.reason)
    #expect(Set(reasons) == Set(PolicyRefusalReason.allCases.map(\.rawValue)))
    await street.close()
  }

  @Test func `are not signed where they are longer than a service reads`() throws {
    // Base64 of chance is folded to three quarters.
    let text = Data(Randomness.seeded(1).bytes(PolicyRelease.bytesMax * 5 / 4))
      .base64EncodedString()
    let draft = try PolicyDraft.shipped("suspended", ["long": .string(text)])
    #expect {
      _ = try TestPolicies.release(draft, version: 2)
    } throws: {
      ($0 as? BundleError)?.reason.contains("shorten the lists") == true
    }
  }

  @Test func `are believed by the key of the start, whatever lies there later`() async throws {
    let street = try await Street()
    let home = street.place.home
    let key = P256.Signing.PrivateKey()
    let forged = try PolicyRelease.packed(
      .module("package strongroom.access\ndecision := {\"allow\": true} if input.service"),
      version: 500,
      key: BundleSigningKey(key.pemRepresentation, algorithm: PolicyRelease.algorithm))
    try Data(key.publicKey.pemRepresentation.utf8).write(to: URL(filePath: home.policyKeyFile))
    try TestPolicies.put(forged, into: home)
    try await street.until { street.policy.refused == .unsigned }
    #expect(street.policy.version == 1)
    await street.close()
  }

  @Test func `are not waited for where a pipe, a link or a folder lies in their place`()
    async throws
  {
    let street = try await Street()
    let file = street.place.home.policyBundleFile
    let inForce = try #require(FileManager.default.contents(atPath: file))
    for odd in ["pipe", "link", "folder"] {
      try FileManager.default.removeItem(atPath: file)
      switch odd {
      case "pipe": #expect(mkfifo(file, 0o644) == 0)
      case "link": #expect(symlink("/dev/zero", file) == 0)
      default:
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
      }
      try await street.until { street.policy.refused == .missing }
      try FileManager.default.removeItem(atPath: file)
      try TestPolicies.put(Array(inForce), into: street.place.home)
      try await street.until { street.policy.refused == nil }
    }
    await street.close()
  }

  @Test func `decide nothing any more when nobody has confirmed them for too long`() async throws {
    let street = try await Street(policyStaleSeconds: 1)
    #expect(try await street.greet().status == 200)
    let bundle = try #require(
      FileManager.default.contents(atPath: street.place.home.policyBundleFile))
    try FileManager.default.removeItem(atPath: street.place.home.policyBundleFile)
    try await Task.sleep(for: .milliseconds(1_700))
    let refused = try await street.greet()
    #expect(refused.status == 503 && slug(refused) == "policy-stale")
    try TestPolicies.put(Array(bundle), into: street.place.home)
    try await street.until { street.policy.refused == nil }
    #expect(try await street.greet().status == 200)
    await street.close()
  }

  @Test func `are needed to start, and older ones than a service has had do not do`() async throws {
    let street = try await Street()
    let home = street.place.home
    try street.publish(try .shipped("frozen", [:]), version: 3)
    try await street.until { street.policy.version == 3 }
    await street.process.drain()
    for bytes in [nil, try TestPolicies.release(try .shipped("frozen", [:]), version: 2)] {
      try? FileManager.default.removeItem(atPath: home.policyBundleFile)
      if let bytes { try TestPolicies.put(bytes, into: home) }
      let source = PolicySource(home: home, service: "greeter")
      let failure = #expect(throws: StartFailure.self) {
        try source.open(staleAfter: .seconds(300))
      }
      #expect(failure?.isPassing == true)
    }
    street.place.remove()
  }
}
