import AuditAPI
import Authority
import AuthorityAPI
import Chassis
import Crypto
import Foundation
import Sealing
import Storage
import StrictJSON
import SwiftASN1
import SwiftProtobuf
import TestKit
import Testing
import Vocabulary
import Workload
import WorkloadAPI
import WorkloadIdentity
import X509

private func problem(_ body: [UInt8]) -> (slug: String?, detail: String?) {
  let json = try? JSON.parse(body)
  return (
    json?["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.utf8.count)) },
    json?["detail"]?.string
  )
}

private func keyring(_ answer: SealingKeyring) throws -> Keyring {
  let keys = answer.keys.map { key in
    // Base64url of 32 bytes, by the contract.
    (UInt32(key.version), [UInt8](repeating: UInt8(truncatingIfNeeded: key.version), count: 32))
  }
  return try Keyring(
    keys: Dictionary(uniqueKeysWithValues: keys), current: UInt32(answer.current))
}

@Suite(.serialized, .onEachStore) struct `Sealing keys at the authority` {
  @Test func `are rotated up to one less than a service can hold, and refused in words beyond`()
    async throws
  {
    let chancery = try await Chancery()
    let customers = try await chancery.line(as: "customers")
    let operatorLine = try await chancery.line(as: "operator")
    #expect(try await customers.keyring().current == 1)
    let (target, body) = ("/v1/sealing-keyring/rotations", #"{"service":"customers"}"#)
    for _ in 1..<SealingLimits.versionsKeptMax {
      #expect(try await operatorLine.call(target, body).status == 201)
    }
    let refused = try await operatorLine.call(target, body)
    #expect(refused.status == 409)
    #expect(problem(refused.body).slug == "too-many-versions")
    #expect(problem(refused.body).detail?.contains("customers runs it seals anew") == true)
    // Whoever starts now has a keyring.
    let answer = try await customers.keyring()
    #expect(answer.keys.count == SealingLimits.versionsKeptMax)
    #expect(try keyring(answer).versions.count < SealingLimits.keysMax)
    await chancery.close()
  }

  @Test func `are retired when their holder names them no more, and given again when it does`()
    async throws
  {
    let chancery = try await Chancery()
    let customers = try await chancery.line(as: "customers")
    let operatorLine = try await chancery.line(as: "operator")
    let first = try await customers.keyring()
    let (target, body) = ("/v1/sealing-keyring/rotations", #"{"service":"customers"}"#)
    for _ in 0..<3 { _ = try await operatorLine.call(target, body) }
    let uses = "/v1/sealing-keyring/uses"
    // It seals with 3 and has not heard of 4; of the others only 2 is still needed.
    var kept = try await customers.keyring(uses, #"{"current":3,"in_use":[2,3]}"#)
    #expect(kept.keys.map(\.version) == [2, 3, 4] && kept.current == 4)
    #expect(try await customers.keyring() == kept)
    kept = try await customers.keyring(uses, #"{"current":4,"in_use":[4]}"#)
    #expect(kept.keys.map(\.version) == [4])
    // A store that was brought back from an old backup.
    kept = try await customers.keyring(uses, #"{"current":4,"in_use":[1,4]}"#)
    #expect(kept.keys.map(\.version) == [1, 4] && kept.keys.first == first.keys.first)
    let unknown = try await customers.call(uses, #"{"current":4,"in_use":[5]}"#)
    #expect(unknown.status == 409 && problem(unknown.body).slug == "unknown-version")
    // Retiring makes room; numbers are never used twice.
    #expect(try await operatorLine.call(target, body).status == 201)
    #expect(try await customers.keyring().current == 5)
    let outcomes = try await chancery.records().filter { $0.operation == "sealing-key" }
    #expect(outcomes.map(\.outcome) == ["retired", "retired", "taken-back"])
    #expect(outcomes.map { $0.detail["versions"] } == ["1", "2", "1"])
    #expect(outcomes.allSatisfy { $0.caller == "customers" })
    await chancery.close()
  }

  @Test func `of a home that an earlier build let grow are all given out, and read`() async throws {
    let place = try TestHome(charters: Chancery.charters())
    let first = try await Chancery(in: place)
    try await first.process.context.store.write { transaction in
      for version in 1...1_000 {
        try transaction.execute(
          "INSERT INTO sealing_versions (service, version, created_at) VALUES ('customers', ?, 0)",
          [.count(version)])
      }
    }
    let answer = try await first.line(as: "customers").keyring()
    #expect(answer.keys.count == 1_000)
    #expect(try keyring(answer).versions.count == 1_000)
    let settled = try await first.line(as: "customers").keyring(
      "/v1/sealing-keyring/uses", #"{"current":1000,"in_use":[1000]}"#)
    #expect(settled.keys.map(\.version) == [1_000])
    await first.close()
  }

  @Test func `settle by what is named, and nothing else`() {
    func settled(_ current: Int, _ inUse: Set<Int>, retired: Set<Int> = []) -> SealingSettlement {
      SealingSettlement(made: [1, 2, 3], retired: retired, current: current, inUse: inUse)
    }
    #expect(settled(3, []).kept == [3] && settled(3, []).retired == [1, 2])
    #expect(settled(1, []).kept == [1, 2, 3] && settled(1, []).retired.isEmpty)
    #expect(settled(3, [1], retired: [1, 2]).takenBack == [1])
    #expect(settled(3, [3], retired: [1, 2]) == settled(3, [], retired: [1, 2]))
  }
}

@Suite(.serialized, .onEachStore) struct `Roots and issuers` {
  /// A rotation that does not meet the schedule's own tick.
  private func rotate(
    _ what: String, over line: Chancery.Line
  ) async throws -> (status: Int, body: [UInt8]) {
    while true {
      let answer = try await line.call("/v1/\(what)/rotations")
      guard problem(answer.body).slug == "rotation-under-way" else { return answer }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func `are rotated up to a limit that every bundle can hold`() async throws {
    let chancery = try await Chancery()
    let line = try await chancery.line(as: "operator")
    for count in 2...KeySchedule.keysPerKindMax {
      let answer = try await rotate("roots", over: line)
      #expect(answer.status == 201)
      #expect(try StrictJSON.decode(RotationAnswer.self, from: answer.body).roots == count)
    }
    let refused = try await rotate("roots", over: line)
    #expect(refused.status == 409 && problem(refused.body).slug == "too-many-roots")
    #expect(KeySchedule.keysPerKindMax < TrustBundle.authoritiesMax)
    // Issuers are not in the bundle: each replaces the one before.
    for _ in 0..<20 { #expect(try await rotate("issuer", over: line).status == 201) }
    let source = try await chancery.source(as: "customers")
    #expect(source.current.bundle.authorities.count == KeySchedule.keysPerKindMax)
    source.close()
    await chancery.close()
  }
}

@Suite(.serialized, .onEachStore) struct `The edge authority` {
  private func certificate(at path: String) throws -> Certificate {
    try Certificate(pemEncoded: String(contentsOfFile: path, encoding: .utf8))
  }

  @Test func `gives the gateway no name but the platform's own`() async throws {
    let chancery = try await Chancery()
    let line = try await chancery.line(as: "gateway")
    for body in [
      #"{"hosts":["www.google.com"],"addresses":[]}"#,
      #"{"hosts":["localhost","www.google.com"],"addresses":["127.0.0.1"]}"#,
      #"{"hosts":["localhost"],"addresses":["8.8.8.8"]}"#,
    ] {
      let refused = try await line.call("/v1/edge-certificates", body)
      #expect(refused.status == 403 && problem(refused.body).slug == "foreign-names", "\(body)")
      #expect(problem(refused.body).detail?.contains("localhost") == true)
    }
    let answer = try await line.call(
      "/v1/edge-certificates", #"{"hosts":["localhost"],"addresses":["127.0.0.1","::1"]}"#)
    let issued = try StrictJSON.decode(IssuedEdgeCertificate.self, from: answer.body)
    #expect(issued.notAfter - issued.notBefore <= .seconds(86_400))
    let authority = try certificate(at: chancery.place.home.edgeAuthorityFile)
    let leaf = try Certificate(pemEncoded: issued.chain)
    let path = try CertificatePath.build(
      leaf: leaf, intermediates: [], roots: [authority], at: chancery.clock.now())
    #expect(path.count == 2)
    let constraints = try #require(try authority.extensions.nameConstraints)
    #expect(Array(constraints.permittedSubtrees).contains(.dnsName("localhost")))
    #expect(authority.extensions[oid: .X509ExtensionID.nameConstraints]?.critical == true)
    await chancery.close()
  }

  @Test func `is made anew when the platform goes by other names, and the old one is gone`()
    async throws
  {
    let place = try TestHome(charters: Chancery.charters())
    // Its store is free again when it is gone.
    func firstLife() async throws -> Certificate {
      let first = try await Chancery(in: place)
      let edge = try certificate(at: place.home.edgeAuthorityFile)
      await first.close(keepHome: true)
      return edge
    }
    let before = try await firstLife()
    var platform = place.platform
    platform.issuer = "https://bank.example:8443"
    try Data(StrictJSON.encode(platform)).write(to: URL(filePath: place.home.platformFile))
    let second = try await Chancery.reopened(place)
    let after = try certificate(at: place.home.edgeAuthorityFile)
    #expect(after != before)
    let permitted = try #require(try after.extensions.nameConstraints).permittedSubtrees
    #expect(Array(permitted).contains(.dnsName("bank.example")))
    let edges = try await second.process.context.store.read {
      try $0.rows("SELECT id FROM signing_keys WHERE kind = 'edge'").count
    }
    #expect(edges == 1)
    let line = try await second.line(as: "gateway")
    let answer = try await line.call(
      "/v1/edge-certificates", #"{"hosts":["bank.example"],"addresses":[]}"#)
    #expect(answer.status == 201)
    await second.close()
  }

  @Test func `that is not fit any more makes way for one that is, at once`() {
    let now = Instant(seconds: 1_800_000_000)
    func slot(_ bits: UInt128, _ kind: KeyKind, isFit: Bool = true, at moment: Instant) -> KeySlot {
      KeySlot(
        id: SigningKeyID(bits: bits), kind: kind, issuedBy: SigningKeyID(bits: 1),
        createdAt: moment, activeFrom: moment, notAfter: moment + .seconds(86_400 * 365),
        retiresAt: nil, isFit: isFit)
    }
    let old = now - .seconds(60)
    var slots = [
      slot(1, .root, at: old), slot(2, .issuer, at: old), slot(3, .jwt, at: old),
      slot(4, .edge, isFit: false, at: old),
    ]
    #expect(KeySchedule.current(.edge, of: slots, at: now) == nil)
    #expect(KeySchedule.next(slots, at: now) == .make(.edge, under: nil, activeFrom: now))
    slots.append(slot(5, .edge, at: now))
    #expect(KeySchedule.next(slots, at: now) == .forget(SigningKeyID(bits: 4)))
    slots.remove(at: 3)
    #expect(KeySchedule.next(slots, at: now) == nil)
  }
}

@Suite(.serialized) struct `The Workload API's rate` {
  private func ask(
    _ client: GRPCClient, _ audience: String
  ) async throws -> GRPCStatus? {
    let request = WorkloadJWTSVIDRequest.with { $0.audience = [audience] }
    do {
      _ = try await client.call(
        SpiffeWorkloadAPI.Method.fetchJWTSVID.rawValue, try request.serializedBytes(),
        metadata: [SpiffeWorkloadAPI.securityHeader], timeout: .seconds(5))
      return nil
    } catch let status as GRPCStatus {
      return status
    }
  }

  @Test func `lets a stock client pass, and a program that asks in a loop get little`() async throws
  {
    let chancery = try await Chancery()
    // A client as it is: a certificate once, bundles, and a token for each of a dozen audiences.
    let source = try await chancery.source(as: "customers")
    let client = try await GRPCClient.connect(path: chancery.place.home.workloadSocket)
    for number in 0..<12 { #expect(try await ask(client, "service-\(number)") == nil) }
    let began = ContinuousClock.now
    var (given, refused) = (0, 0)
    // However slow the machine is, a loop is faster than the rate.
    while refused < 10, ContinuousClock.now - began < .seconds(60) {
      guard let status = try await ask(client, "ledger") else {
        given += 1
        continue
      }
      #expect(status.code == 8)
      refused += 1
    }
    let seconds = Int((ContinuousClock.now - began) / .seconds(1)) + 1
    print("Workload API: \(given) identities given, \(refused) refused in \(seconds) s")
    #expect(given <= Int(IssuanceRate.ofProcess.burst) + 5 * seconds && refused > 0)
    // What it did not get is one record a minute.
    let outcomes = try await chancery.records().filter { $0.reason == "too-often" }
    #expect(outcomes.count == 1 && outcomes.first?.outcome == "refused")
    client.close()
    source.close()
    await chancery.close()
  }

  @Test func `counts a process, its workload and its user, each by itself`() {
    let rate = IssuanceRate()
    let now = Instant(seconds: 1_800_000_000)
    let burst = Int(IssuanceRate.ofProcess.burst)
    for _ in 0..<burst { #expect(rate.take(.process(pid: 7), at: now)) }
    #expect(!rate.take(.process(pid: 7), at: now))
    #expect(rate.take(.process(pid: 8), at: now) && rate.take(.calls(pid: 7), at: now))
    #expect(!rate.take(.process(pid: 7), at: now + .milliseconds(199)))
    #expect(rate.take(.process(pid: 7), at: now + .milliseconds(200)))
    // Set back, the clock makes nobody wait longer than a bucket takes to fill.
    let back = now - .seconds(86_400)
    #expect(!rate.take(.process(pid: 7), at: back))
    #expect(rate.take(.process(pid: 7), at: back + .milliseconds(200)))
    let many = Int(IssuanceRate.ofWorkload.burst)
    for _ in 0..<many { #expect(rate.take(.workload("robot", uid: 1), at: now)) }
    #expect(!rate.take(.workload("robot", uid: 1), at: now))
    #expect(rate.take(.workload("robot", uid: 2), at: now))
    #expect(rate.take(.workload("other", uid: 1), at: now))
  }

  @Test func `remembers a bounded number of callers, and forgets the idle first`() {
    let rate = IssuanceRate()
    let now = Instant(seconds: 1_800_000_000)
    for _ in 0..<IssuanceRate.ofProcess.burst { _ = rate.take(.process(pid: 0), at: now) }
    for pid in 1...Int32(IssuanceRate.bucketsMax * 2) {
      _ = rate.take(.process(pid: pid), at: now + .milliseconds(Int64(pid) / 10))
      #expect(rate.count <= IssuanceRate.bucketsMax)
    }
    #expect(!rate.take(.process(pid: 0), at: now))
  }
}
