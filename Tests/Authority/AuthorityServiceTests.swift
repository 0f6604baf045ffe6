import AuditAPI
import Authority
import AuthorityAPI
import Chassis
import Crypto
import Foundation
import NIOCore
import NIOPosix
import Sealing
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Transport
import Vocabulary
import Workload
import WorkloadIdentity

private func eventually(_ condition: @escaping () -> Bool) async throws -> Bool {
  for _ in 0..<500 {
    if condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}

@Suite(.serialized, .onEachStore) struct `The authority` {
  @Test func `certifies a launched process, and writes down that it did`() async throws {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "customers")
    let credentials = source.current
    #expect(credentials.svid.id.description == "spiffe://strongroom.test/customers")
    #expect(credentials.svid.notAfter - credentials.svid.notBefore == .seconds(3_600))
    let verified = PeerVerifier(trustDomain: "strongroom.test").verify(
      chain: credentials.svid.chain, bundle: credentials.bundle, at: chancery.clock.now())
    #expect(verified == .success(credentials.svid.id))
    let token = try await source.jwt(audience: ["ledger"])
    #expect(token.split(separator: ".").count == 3)
    let issued = try await chancery.records().filter { $0.outcome == "issued" }
    #expect(issued.map(\.caller) == Array(repeating: "customers", count: issued.count))
    #expect(Set(issued.map(\.operation)) == ["FetchX509SVID", "FetchJWTSVID"])
    source.close()
    await chancery.close()
  }

  @Test func `denies a process that nobody started, and writes it down once`() async throws {
    let chancery = try await Chancery()
    try chancery.name(nil)
    await #expect(throws: WorkloadFailure.denied) {
      _ = try await WorkloadSource.connect(
        socket: chancery.place.home.workloadSocket, log: chancery.log,
        firstFetchMax: .seconds(3))
    }
    let refused = try await chancery.records().filter { $0.outcome == "refused" }
    #expect(refused.map(\.reason) == ["no-record"])
    #expect(refused.first?.detail["pid"] == "\(getpid())")
    await chancery.close()
  }

  @Test func `ends the open stream of a workload that was removed`() async throws {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "customers")
    #expect(try await chancery.records().allSatisfy { $0.outcome != "refused" })
    try chancery.name(nil)
    var refused: [AuditRecord] = []
    for _ in 0..<300 where refused.isEmpty {
      try await Task.sleep(for: .milliseconds(20))
      refused = try await chancery.records().filter { $0.outcome == "refused" }
    }
    #expect(refused.first?.operation == "FetchX509SVID" && refused.first?.reason == "no-record")
    source.close()
    await chancery.close()
  }

  @Test func `answers nobody who leaves out the security header`() async throws {
    let chancery = try await Chancery()
    // The socket appears a moment after the service: its own certificate comes first.
    try await chancery.source(as: "customers").close()
    let client = try await GRPCClient.connect(path: chancery.place.home.workloadSocket)
    await #expect(throws: GRPCStatus(code: 3, "security header missing from request")) {
      _ = try await client.call(
        "/SpiffeWorkloadAPI/FetchX509SVID", [], timeout: .seconds(2))
    }
    client.close()
    await chancery.close()
  }

  @Test func `gives each service its own sealing keys, and keeps old versions`() async throws {
    let chancery = try await Chancery()
    let first = try await chancery.keyring(of: "customers")
    #expect(first.current == 1 && first.keys.count == 1)
    let audit = try await chancery.keyring(of: "audit")
    #expect(audit.keys.first?.key != first.keys.first?.key)
    let rotated = try await chancery.call(
      "POST", "/v1/sealing-keyring/rotations", #"{"service":"customers"}"#, as: "operator")
    #expect(rotated.status == 201)
    let second = try await chancery.keyring(of: "customers")
    #expect(second.current == 2 && second.keys.first == first.keys.first)
    #expect(second.keys[1].key != second.keys[0].key)
    let unknown = try await chancery.call(
      "POST", "/v1/sealing-keyring/rotations", #"{"service":"gateway"}"#, as: "operator")
    #expect(unknown.status == 404)
    let refused = try await chancery.call("POST", "/v1/sealing-keyring", as: "gateway")
    #expect(refused.status == 403)
    await chancery.close()
  }

  @Test func `gives the gateway a public certificate under the published edge authority`()
    async throws
  {
    let chancery = try await Chancery()
    let body = #"{"hosts":["localhost"],"addresses":["127.0.0.1","::1"]}"#
    let answer = try await chancery.call("POST", "/v1/edge-certificates", body, as: "gateway")
    #expect(answer.status == 201)
    let issued = try StrictJSON.decode(IssuedEdgeCertificate.self, from: answer.body)
    let published = try String(
      contentsOfFile: chancery.place.home.edgeAuthorityFile, encoding: .utf8)
    #expect(issued.authority == published)
    #expect(issued.privateKey.hasPrefix("-----BEGIN PRIVATE KEY-----"))
    for wrong in [
      #"{"hosts":["localhost"],"addresses":["localhost"]}"#, #"{"hosts":[],"addresses":[]}"#,
      #"{"hosts":["UPPER"],"addresses":[]}"#,
    ] {
      let refused = try await chancery.call("POST", "/v1/edge-certificates", wrong, as: "gateway")
      #expect(refused.status == 400, "\(wrong)")
    }
    await chancery.close()
  }

  @Test func `renews everybody at once when the issuer is replaced`() async throws {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "operator")
    let before = source.current
    let answer = try await chancery.call("POST", "/v1/issuer/rotations", as: "operator")
    #expect(answer.status == 201)
    #expect(try await eventually { source.current.svid.chain[1] != before.svid.chain[1] })
    let now = chancery.clock.now()
    for credentials in [before, source.current] {
      #expect(
        PeerVerifier(trustDomain: "strongroom.test").verify(
          chain: credentials.svid.chain, bundle: source.current.bundle, at: now)
          == .success(before.svid.id))
    }
    source.close()
    await chancery.close()
  }

  @Test func `replaces the root so that at no moment two workloads disbelieve each other`()
    async throws
  {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "operator")
    let before = source.current
    let answer = try await chancery.call("POST", "/v1/roots/rotations", as: "operator")
    let rotation = try StrictJSON.decode(RotationAnswer.self, from: answer.body)
    #expect(answer.status == 201 && rotation.roots == 2)
    #expect(try await eventually { source.current.bundle.authorities.count == 2 })
    // Published, but not yet in use: who has not heard of it yet still believes everybody.
    let prepared = source.current
    let verifier = PeerVerifier(trustDomain: "strongroom.test")
    #expect(
      verifier.verify(
        chain: prepared.svid.chain, bundle: before.bundle, at: chancery.clock.now())
        == .success(before.svid.id))
    chancery.push(KeySchedule.lead)
    #expect(
      try await eventually {
        verifier.verify(
          chain: source.current.svid.chain, bundle: before.bundle, at: chancery.clock.now())
          == .failure(.noTrustedIssuer)
      })
    for credentials in [before, prepared, source.current] {
      #expect(
        verifier.verify(
          chain: credentials.svid.chain, bundle: source.current.bundle, at: chancery.clock.now())
          == .success(before.svid.id))
    }
    source.close()
    await chancery.close()
  }

  @Test func `comes back with the same roots and keys`() async throws {
    let place = try TestHome(charters: Chancery.charters())
    func firstLife() async throws -> ([[UInt8]], SealingKeyring) {
      let first = try await Chancery(in: place)
      let source = try await first.source(as: "customers")
      let keys = try await first.keyring(of: "customers")
      source.close()
      await first.close(keepHome: true)
      return (source.current.bundle.authorityBytes, keys)
    }
    let (root, keys) = try await firstLife()
    let second = try await Chancery.reopened(place)
    let source = try await second.source(as: "customers")
    #expect(source.current.bundle.authorityBytes == root)
    let again = try await second.keyring(of: "customers")
    #expect(again == keys)
    source.close()
    await second.close()
  }

  @Test func `takes a sealed root key from whoever started it, and from nobody else`() throws {
    let place = try TestHome(charters: Chancery.charters())
    defer { place.remove() }
    let key = try Data(contentsOf: URL(filePath: place.home.rootKeyFile))
    let label = "sealing/customers/1"
    func subkey(_ keyring: Keyring) throws -> [UInt8] {
      try keyring.subkey(label: label, version: 1).withBytes { Array($0) }
    }
    let open = try subkey(RootKey.load(from: place.home))
    try FileManager.default.moveItem(
      atPath: place.home.rootKeyFile, toPath: place.home.sealedRootKeyFile)
    func load(_ handed: Data) throws -> [UInt8] {
      let pipe = Pipe()
      try pipe.fileHandleForWriting.write(contentsOf: handed)
      try pipe.fileHandleForWriting.close()
      return try subkey(
        RootKey.load(from: place.home, input: pipe.fileHandleForReading.fileDescriptor))
    }
    #expect(try load(key + Data("\n".utf8)) == open)
    for wrong in [Data(), Data("\n".utf8), key.dropLast(), key + key] {
      #expect { try load(wrong) } throws: {
        "\($0)".contains("sealed under a passphrase, and nobody handed it over")
      }
    }
  }

  @Test func `does not start with a key that others can read, or that is not its own`()
    async throws
  {
    let place = try TestHome(charters: Chancery.charters())
    try await Chancery(in: place).close(keepHome: true)
    let path = place.home.rootKeyFile
    let good = try String(contentsOfFile: path, encoding: .utf8)
    let table: [(String, Int, String)] = [
      (good, 0o644, "can be read by others"), ("00", 0o600, "64 lower-case hex digits"),
      (good + good, 0o600, "too long"),
      (String(repeating: "ab", count: 32), 0o600, "does not open the authority's keys"),
    ]
    for (text, mode, reason) in table {
      try Data(text.utf8).write(to: URL(filePath: path))
      chmod(path, mode_t(mode))
      do {
        let wrong = try await Chancery.reopened(place)
        Issue.record("started although \(reason)")
        await wrong.close(keepHome: true)
      } catch let failure as StartFailure {
        #expect(failure.reason.contains(reason), "\(failure)")
      }
    }
    place.remove()
  }
}
