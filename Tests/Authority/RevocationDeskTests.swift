import Authority
import AuthorityAPI
import Chassis
import NIOCore
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary
import Workload

@Suite(.serialized, .onEachStore) struct `The revocation feed of the platform` {
  private func entry(
    _ number: Int64, _ kind: RevocationKind, _ id: String, at now: Instant,
    issuedBefore: Instant? = nil, until: Instant?
  ) -> RevocationEntry {
    RevocationEntry(
      number: number, kind: kind, id: id, at: now, issuedBefore: issuedBefore, expiresAt: until)
  }

  private func publish(
    _ entries: [NewRevocation], asOf: Instant? = nil, as caller: ServiceName = "identity",
    _ chancery: Chancery
  ) async throws -> Int {
    let body = try StrictJSON.encode(PublishedRevocations(entries: entries, asOf: asOf))
    return try await chancery.call(
      "POST", "/v1/revocations", String(decoding: body, as: UTF8.self), as: caller
    ).status
  }

  private func extract(
    after: Int64 = 0, wait: Int = 0, as caller: ServiceName = "payments", _ chancery: Chancery
  ) async throws -> RevocationExtract {
    let answer = try await chancery.call(
      "GET", "/v1/revocations?after=\(after)&wait_ms=\(wait)", as: caller)
    #expect(answer.status == 200)
    let signed = try StrictJSON.decode(SignedRevocations.self, from: answer.body)
    let source = try await chancery.source(as: caller)
    defer { source.close() }
    // Believed with the trust bundle that the workload has anyway.
    return try RevocationVerifier(
      credentials: MeshCredentials(source.current, clock: chancery.clock)
    ).verify(signed, at: chancery.clock.now())
  }

  @Test func `is numbered, signed, and holds each thing once`() async throws {
    let chancery = try await Chancery()
    // Whole seconds: what travels has no nanoseconds.
    let now = Instant(seconds: chancery.clock.now().seconds)
    let end = now + .seconds(360)
    let token = NewRevocation(
      entry: entry(1, .token, "t", at: now, until: end), owner: "ada", family: "f")
    let client = NewRevocation(entry: entry(2, .client, "c", at: now, until: nil))
    for _ in 0..<2 { #expect(try await publish([token, client], chancery) == 200) }
    let first = try await extract(chancery)
    #expect(first.entries.map(\.number) == [1, 2] && first.head == 2 && first.next == 2)
    #expect(first.asOf == Instant(nanoseconds: 0), "nobody has said that this is all")
    #expect(try await publish([], asOf: now, chancery) == 200)
    #expect(try await extract(chancery).asOf == now)
    // What is lifted moves to the end; what is larger takes the place of what it covers.
    let lifted = NewRevocation(
      entry: entry(3, .client, "c", at: now, issuedBefore: now, until: end))
    let family = NewRevocation(entry: entry(4, .family, "f", at: now, until: end), owner: "ada")
    #expect(try await publish([lifted, family], chancery) == 200)
    let second = try await extract(after: 2, chancery)
    #expect(second.entries.map(\.id) == ["c", "f"] && second.head == 4)
    #expect(second.entries.first?.issuedBefore == now)
    #expect(try await extract(chancery).entries.map(\.id) == ["c", "f"])
    let person = NewRevocation(
      entry: entry(5, .person, "ada", at: now, issuedBefore: now, until: end))
    #expect(try await publish([person], chancery) == 200)
    #expect(try await extract(chancery).entries.map(\.id) == ["c", "ada"])
    // Who publishes may have lost its own numbers; the moment tells what is newer.
    let anew = NewRevocation(
      entry: entry(1, .client, "c", at: now + .seconds(1), until: nil))
    #expect(try await publish([anew], chancery) == 200)
    let last = try await extract(after: 5, chancery)
    #expect(last.entries.map(\.issuedBefore) == [nil] && last.feed == first.feed)
    await chancery.close()
  }

  @Test func `answers who waits as soon as there is something`() async throws {
    let chancery = try await Chancery()
    let now = chancery.clock.now()
    let began = ContinuousClock.now
    #expect(try await extract(wait: 300, chancery).entries.isEmpty)
    #expect(ContinuousClock.now - began >= .milliseconds(300))
    // One after the other: this process has one name at a time.
    let source = try await chancery.source(as: "ledger")
    defer { source.close() }
    let client = TransportClient(
      credentials: try MeshCredentials(source.current, clock: chancery.clock),
      group: chancery.process.context.group)
    let endpoint = try #require(chancery.process.context.endpoint(of: "authority"))
    // On a busy machine publishing itself can take longer than anybody waits; then once more.
    for number in 1...8 as ClosedRange<Int64> {
      async let waiting = client.send(
        WireRequest(method: "GET", target: "/v1/revocations?after=\(number - 1)&wait_ms=2000"),
        to: endpoint, by: Deadline(now + .seconds(60)), isRepeatable: false)
      try await Task.sleep(for: .milliseconds(100))
      let asked = ContinuousClock.now
      let token = NewRevocation(
        entry: entry(number, .token, "t\(number)", at: now, until: now + .seconds(360)))
      #expect(try await publish([token], chancery) == 200)
      let published = ContinuousClock.now
      let answer = try await waiting
      #expect(answer.status == 200)
      guard published - asked < .seconds(1) else { continue }
      #expect(ContinuousClock.now - asked < .milliseconds(1_500), "before the wait was over")
      #expect(String(buffer: answer.body).contains(#"\"number\":\#(number)"#))
      return await chancery.close()
    }
    Issue.record("nothing was published within a second")
    await chancery.close()
  }

  @Test func `names the newest sealing key of who asks, at once after a rotation`() async throws {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "customers")
    defer { source.close() }
    let client = TransportClient(
      credentials: try MeshCredentials(source.current, clock: chancery.clock),
      group: chancery.process.context.group)
    let endpoint = try #require(chancery.process.context.endpoint(of: "authority"))
    func ask(_ method: String, _ target: String) async throws -> String? {
      try await client.send(
        WireRequest(method: method, target: target), to: endpoint,
        by: Deadline(chancery.clock.now() + .seconds(30)), isRepeatable: false
      ).headers[Header.sealingVersion]
    }
    #expect(try await ask("GET", "/v1/revocations?after=0&wait_ms=0") == nil)
    _ = try await ask("POST", "/v1/sealing-keyring")
    #expect(try await ask("GET", "/v1/revocations?after=0&wait_ms=0") == "1")
    async let waiting = ask("GET", "/v1/revocations?after=0&wait_ms=2000")
    try await Task.sleep(for: .milliseconds(100))
    let began = ContinuousClock.now
    let rotated = try await chancery.call(
      "POST", "/v1/sealing-keyring/rotations", #"{"service":"customers"}"#, as: "operator")
    #expect(rotated.status == 201)
    #expect(try await waiting == "2")
    #expect(ContinuousClock.now - began < .milliseconds(1_500), "before the wait was over")
    await chancery.close()
  }

  @Test func `takes nothing that its publisher may not revoke, or that never ends`() async throws {
    let chancery = try await Chancery()
    let now = chancery.clock.now()
    let end = now + .seconds(360)
    let table: [(RevocationEntry, ServiceName, Int)] = [
      (entry(1, .token, "t", at: now, until: end), "payments", 403),
      (entry(1, .workload, "spiffe://x/ledger", at: now, until: end), "identity", 403),
      (entry(1, .token, "t", at: now, until: nil), "identity", 400),
      (entry(1, .token, "t", at: now, issuedBefore: now, until: end), "identity", 400),
      (entry(1, .token, "t", at: now, until: now + .seconds(90_000)), "identity", 400),
      (entry(0, .token, "t", at: now, until: end), "identity", 400),
      (entry(1, .token, "", at: now, until: end), "identity", 400),
      (entry(1, .token, String(repeating: "a", count: 256), at: now, until: end), "identity", 200),
      (entry(2, .token, String(repeating: "a", count: 257), at: now, until: end), "identity", 400),
    ]
    for (entry, caller, status) in table {
      #expect(
        try await publish([NewRevocation(entry: entry)], as: caller, chancery) == status,
        "\(entry) by \(caller)")
    }
    #expect(try await extract(chancery).head == 1)
    await chancery.close()
  }
}
