import AuthorityAPI
import Chassis
import NIOCore
import NIOPosix
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Transport
import Vocabulary

/// The authority's feed, as a test wants it.
private struct FeedKeeper: Service {
  static let name: ServiceName = "authority"
  let feed = Feed()
  private let context: ServiceContext

  init(_ context: ServiceContext) async throws { self.context = context }

  var operations: [String: Handler] {
    [
      "listRevocations": { [context, feed] call in
        let after = Int64(try call.integer("after", in: 0...Int.max, default: 0))
        for _ in 0..<100 where feed.isQuiet(after: after) {
          try await Task.sleep(for: .milliseconds(5))
        }
        let now = context.clock.now()
        let signed = try RevocationSigner(credentials: context.credentials).sign(
          feed.extract(after: after, at: now), at: now)
        return try .json(200, signed)
      }
    ]
  }

  final class Feed: Sendable {
    private struct State {
      var entries: [RevocationEntry] = []
      var isDown = false
      var silence = Duration.zero
    }
    private let state = Mutex(State())

    func revoke(_ kind: RevocationKind, _ id: String, at now: Instant) {
      state.withLock {
        $0.entries.append(
          RevocationEntry(
            number: Int64($0.entries.count + 1), kind: kind, id: id, at: now, issuedBefore: nil,
            expiresAt: now + .seconds(360)))
      }
    }
    /// Whoever publishes has been silent for so long.
    func silence(for span: Duration) { state.withLock { $0.silence = span } }

    func isQuiet(after: Int64) -> Bool { state.withLock { $0.entries.count == after } }
    func extract(after: Int64, at now: Instant) -> RevocationExtract {
      state.withLock { state in
        let head = Int64(state.entries.count)
        return RevocationExtract(
          feed: "test", after: after, entries: state.entries.filter { $0.number > after },
          next: head, head: head, asOf: now - state.silence)
      }
    }
  }

  static func charters() -> [String: String] {
    var charters = Greeter.charters
    charters["greeter.yaml"] = charters["greeter.yaml"]?.replacing(
      "calls: []", with: "calls: [{service: authority, operations: [listRevocations]}]")
    charters["operator.yaml"] = """
      apiVersion: strongroom/v1
      service: operator
      summary: Looks.
      calls: []
      """
    charters["authority.yaml"] = """
      apiVersion: strongroom/v1
      service: authority
      summary: Keeps the feed.
      port: 7005
      operations:
        - {id: listRevocations, method: GET, path: /v1/revocations, callers: [greeter], query: [after, wait_ms], body_bytes_max: 0}
      calls: []
      egress: []
      data: []
      secrets: []
      limits: {memory_mib: 64, open_files: 256, connections: 64}
      """
    return charters
  }
}

private let correlation = CorrelationID(bits: 0xfeed)!  // A constant other than zero.
private let origin = TokenOrigin(token: "t", family: "f", session: "s")

private struct Neighbourhood {
  let street: Street
  let keeper: ServiceProcess<FeedKeeper>

  init() async throws {
    let started = Mutex<ServiceProcess<FeedKeeper>?>(nil)
    street = try await Street(charters: FeedKeeper.charters()) { place, authority in
      let clock = Clock.system
      let keeper = try await ServiceProcess.start(
        FeedKeeper.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
        log: Log(service: "authority", sink: LogSink { _ in }, clock: clock), clock: clock,
        randomness: .system, credentials: .issued(by: authority))
      started.withLock { $0 = keeper }
    }
    keeper = try #require(started.withLock { $0 })
  }

  func pay(_ origin: TokenOrigin = origin) async throws -> (status: Int, slug: String) {
    let body = #"{"name":"Ada"}"#
    let token = try street.token(for: body, origin: origin, correlation: correlation)
    let answer = try await street.send(
      body, to: "/v1/payments", as: "gateway",
      headers: [
        Header.transactionToken: token, Header.correlation: "\(correlation)",
        Header.idempotencyKey: "k\(Randomness.system.next())",
      ])
    let problem = try? JSON.parse(Array(answer.body.readableBytesView))
    return (answer.status, problem?["type"]?.string ?? "")
  }

  func close() async {
    await street.close()
    await keeper.drain()
  }
}

@Suite(.serialized) struct `A service that follows the revocation feed` {
  @Test func `refuses within a second what is done for somebody who was cut off`() async throws {
    let neighbourhood = try await Neighbourhood()
    let feed = neighbourhood.keeper.service.feed
    let handles: [(RevocationKind, String, TokenOrigin)] = [
      (.token, "t1", TokenOrigin(token: "t1")), (.family, "f1", TokenOrigin(family: "f1")),
      (.session, "s1", TokenOrigin(session: "s1")),
      (.client, "app", TokenOrigin(token: "t2")),
    ]
    var slowest = Duration.zero
    for (kind, id, origin) in handles {
      #expect(try await neighbourhood.pay(origin).status == 201)
      let began = ContinuousClock.now
      feed.revoke(kind, id, at: Clock.system.now())
      var answer = try await neighbourhood.pay(origin)
      while answer.status == 201, ContinuousClock.now - began < .seconds(10) {
        answer = try await neighbourhood.pay(origin)
      }
      slowest = max(slowest, ContinuousClock.now - began)
      #expect(answer.status == 403 && answer.slug.hasSuffix("transaction-token-revoked"), "\(kind)")
    }
    print("revoked → refused: \(slowest) at the most")
    #expect(slowest < .seconds(5), "the machine may be busy; alone it is below a second")
    let metrics = neighbourhood.street.process.context.metrics.exposition()
    #expect(metrics.contains("strongroom_revocation_effect_seconds_count 4"))
    await neighbourhood.close()
  }

  @Test func `changes nothing for anybody while the feed is old, and says so`() async throws {
    let neighbourhood = try await Neighbourhood()
    #expect(try await neighbourhood.pay().status == 201)
    neighbourhood.keeper.service.feed.silence(for: .seconds(6))
    var answer = try await neighbourhood.pay()
    for _ in 0..<1_000 where answer.status == 201 {
      try await Task.sleep(for: .milliseconds(5))
      answer = try await neighbourhood.pay()
    }
    #expect(answer.status == 503 && answer.slug.hasSuffix("revocations-unknown"))
    // What is done for nobody goes on, and the operator sees how it stands.
    let greeting = try await neighbourhood.street.send(#"{"name":"Ada"}"#, to: "/v1/greetings")
    #expect(greeting.status == 200)
    #expect(try await standing(neighbourhood)?["stale"] == true)
    neighbourhood.keeper.service.feed.silence(for: .zero)
    for _ in 0..<1_000 where answer.status != 201 {
      try await Task.sleep(for: .milliseconds(5))
      answer = try await neighbourhood.pay()
    }
    #expect(answer.status == 201)
    #expect(try await standing(neighbourhood)?["stale"] == false)
    await neighbourhood.close()
  }

  private func standing(_ neighbourhood: Neighbourhood) async throws -> JSON? {
    let answer = try await neighbourhood.street.send(
      "", to: "/readyz", as: "operator", method: "GET")
    #expect(answer.status == 200)
    return try JSON.parse(Array(answer.body.readableBytesView))["revocations"]
  }

  @Test func `opens without the feed where it cannot be had, and acts on no token`() async throws {
    let street = try await Street(charters: FeedKeeper.charters())
    let body = #"{"name":"Ada"}"#
    let answer = try await street.send(
      body, to: "/v1/payments", as: "gateway",
      headers: [
        Header.transactionToken: try street.token(for: body, correlation: correlation),
        Header.correlation: "\(correlation)", Header.idempotencyKey: "k",
      ])
    #expect(answer.status == 503)
    await street.close()
  }
}

@Suite struct `An extract of the revocation feed` {
  @Test func `is believed when the authority signed it a moment ago, as it is`() throws {
    let now = Clock.system.now()
    let clock = Clock { now }
    let mesh = try MeshAuthority(at: now - .seconds(60))
    func credentials(_ service: ServiceName) throws -> MeshCredentials {
      try MeshCredentials(mesh.credentials(for: service, at: now), clock: clock)
    }
    let verifier = RevocationVerifier(credentials: try credentials("payments"))
    let extract = RevocationExtract(
      feed: "f", after: 0, entries: [], next: 0, head: 0, asOf: Instant(seconds: 1))
    let signed = try RevocationSigner(credentials: credentials("authority")).sign(extract, at: now)
    #expect(try verifier.verify(signed, at: now) == extract)
    let byAnother = try RevocationSigner(credentials: credentials("gateway")).sign(extract, at: now)
    let stranger = try MeshAuthority(at: now - .seconds(60))
    let byStranger = try RevocationSigner(
      credentials: MeshCredentials(
        stranger.credentials(for: "authority", at: now), clock: clock)
    ).sign(extract, at: now)
    let table: [(SignedRevocations, Instant, RevocationDoubt)] = [
      (byAnother, now, .unsigned), (byStranger, now, .unsigned),
      (SignedRevocations(extract: signed.extract, signature: "x.y.z"), now, .unsigned),
      (signed, now + RevocationVerifier.lifetime + .seconds(3), .unsigned),
      (
        SignedRevocations(
          extract: signed.extract.replacing(#""head":0"#, with: #""head":1"#),
          signature: signed.signature), now, .changed
      ),
    ]
    for (signed, moment, doubt) in table {
      #expect(throws: doubt) { try verifier.verify(signed, at: moment) }
    }
  }
}
