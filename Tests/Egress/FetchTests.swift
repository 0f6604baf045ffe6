import Egress
import EgressAPI
import NIOHTTP1
import OutsideReach
import Synchronization
import TestKit
import Testing
import Tokens
import Vocabulary
import WorkloadIdentity

private let bureau = ServerNames(hosts: ["bureau.example"], addresses: [])

/// A bureau on this machine, which a charter names exactly.
private struct Bureau {
  let authority: OwnAuthority
  let server: OutsideServer
  var place: String { "bureau.example:\(server.port)" }
  var url: String { "https://\(place)" }

  init() async throws {
    authority = try OwnAuthority(
      for: ServerNames(hosts: ["bureau.example", "other.example"], addresses: [[127, 0, 0, 1]]))
    server = try await OutsideServer(authority, bureau, OutsideServer.clerk)
  }

  var destination: String { destination(at: "addresses: [127.0.0.1], ") }
  func destination(_ host: String = "bureau.example", at addresses: String = "") -> String {
    "{host: \(host), port: \(server.port), protocol: https, \(addresses)reason: credit files}"
  }
  func close() async {
    await server.close()
    authority.remove()
  }
}

@Suite struct `A call to the outside` {
  @Test func `brings the answer of the server that the charter names`() async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority)
    let answer = try await desk.fetch(
      bureau.url + "/files?of=x", .post,
      fields: [HTTPField("content-type", "text/plain"), HTTPField("accept", "text/plain")],
      body: Base64URL.encode(Array("who?".utf8)))
    #expect(answer.status == 200 && answer.address == "127.0.0.1")
    #expect(
      Base64URL.decode(answer.body).map { String(decoding: $0, as: UTF8.self) } == "POST who?")
    #expect(answer.fields == [HTTPField("content-type", "text/plain")])
    let heard = try #require(bureau.server.requests.first)
    #expect(heard.head.uri == "/files?of=x" && heard.body == "who?")
    #expect(heard.head.headers["host"] == [bureau.place])
    #expect(heard.head.headers["connection"] == ["close"])
    await bureau.close()
  }

  @Test func `is on record with place, address and bytes, and without path, query or body`()
    async throws
  {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority)
    _ = try await desk.fetch(
      bureau.url + "/hush?secret=1", .post, body: Base64URL.encode(Array("hush".utf8)))
    _ = try await desk.refusal("https://elsewhere.example/hush?secret=2")
    let (first, second) = (try #require(desk.records.all.first), desk.records.all[1])
    #expect(first.place == bureau.place && first.address == "127.0.0.1" && first.status == 200)
    #expect(first.bytesSent == 4 && first.bytesTaken == 9 && first.refusal == nil)
    #expect(first.caller == "loans")
    #expect(second.place == "elsewhere.example:443" && second.address == nil)
    #expect(second.refusal == EgressProblem.notNamed)
    #expect(!"\(desk.records.all)".contains("hush") && !"\(desk.records.all)".contains("secret"))
    await bureau.close()
  }

  @Test func `goes nowhere that the caller's own charter does not name`() async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority)
    let port = bureau.server.port
    for url in [
      "https://127.0.0.1:\(port)/", "https://localhost:\(port)/", "https://[::1]:\(port)/",
      "https://bureau.example/", "https://other.example:\(port)/",
      "https://x.bureau.example:\(port)/", "https://169.254.169.254/latest/meta-data/",
      "https://[fd00:ec2::254]/",
    ] {
      #expect(try await desk.refusal(url) == EgressProblem.notNamed, "\(url)")
    }
    #expect(try await desk.refusal(bureau.url + "/", as: "cards") == EgressProblem.notNamed)
    #expect(try await desk.refusal(bureau.url + "/", as: "stranger") == EgressProblem.notNamed)
    #expect(bureau.server.requests.isEmpty)
    await bureau.close()
  }

  @Test(arguments: [
    "https://bureau.example@127.0.0.1/", "https://BUREAU.example/", "https://2130706433/",
    "https://0x7f.1/", "https://017700000001/", "https://127.1/", "https://[::ffff:127.0.0.1]/",
    "http://bureau.example/", "https://bureau.example#/", "https://bureau.example./",
    "file:///etc/passwd",
  ])
  func `is refused where its URL can be read in two ways`(url: String) async throws {
    let desk = try Desk(
      egress: "{host: bureau.example, port: 443, protocol: https, reason: credit files}"
    ) { _ in
      Issue.record("a name was looked up")
      return []
    }
    #expect(try await desk.refusal(url) == EgressProblem.badURL)
  }

  @Test(arguments: [
    "127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.0.1", "0.0.0.0", "::1",
    "fe80::1", "fd00:ec2::254", "::ffff:7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
    "2001:0:7f00:1::", "::7f00:1", "203.0.113.1", "224.0.0.1",
  ])
  func `dials nobody where its name leads to an address that is not public`(
    address: String
  ) async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination(), authority: bureau.authority) { _ in
      [.v4(0x0808_0808), IPAddress(address)].compactMap { $0 }
    }
    #expect(try await desk.refusal(bureau.url + "/") == EgressProblem.notPublic)
    #expect(bureau.server.requests.isEmpty && desk.records.all.first?.address == nil)
    await bureau.close()
  }

  /// The first answer is public, all others lead inside: whoever looks twice is led inside.
  @Test func `looks a name up once, and dials what it judged`() async throws {
    let bureau = try await Bureau()
    let asked = Mutex(0)
    let desk = try Desk(
      egress: bureau.destination(), authority: bureau.authority, timeMax: .milliseconds(500)
    ) { _ in
      let times = asked.withLock { asked in
        asked += 1
        return asked
      }
      // TEST-NET would be refused; this one is public, and nobody is reached there from a test.
      return [.v4(times == 1 ? 0x0100_0001 : 0x7f00_0001)]
    }
    let refusal = try await desk.refusal(bureau.url + "/")
    #expect(["destination-unreachable", "destination-late"].contains(refusal))
    #expect(asked.withLock { $0 } == 1 && bureau.server.requests.isEmpty)
    #expect(desk.records.all.first?.address == "1.0.0.1")
    await bureau.close()
  }

  @Test func `asks nobody for a name whose addresses the charter names`() async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority) { _ in
      Issue.record("a name was looked up")
      return []
    }
    #expect(try await desk.fetch(bureau.url + "/").status == 200)
    await bureau.close()
  }

  @Test func `follows no redirect`() async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority)
    let answer = try await desk.fetch(bureau.url + "/redirect")
    #expect(answer.status == 302)
    #expect(answer.fields == [HTTPField("location", "https://169.254.169.254/latest/")])
    #expect(bureau.server.requests.count == 1)
    await bureau.close()
  }

  @Test func `believes no server that does not prove its name`() async throws {
    let bureau = try await Bureau()
    let other = try await OutsideServer(
      bureau.authority, ServerNames(hosts: ["other.example"], addresses: []), OutsideServer.clerk)
    let named =
      "{host: bureau.example, port: \(other.port), protocol: https, addresses: [127.0.0.1], reason: x}"
    let unproven = "destination-not-proven"
    // Another's name.
    let desk = try Desk(egress: named, authority: bureau.authority)
    #expect(try await desk.refusal("https://bureau.example:\(other.port)/") == unproven)
    // An authority that this platform does not know.
    #expect(try await Desk(egress: bureau.destination).refusal(bureau.url + "/") == unproven)
    // Our own authority does not vouch for servers whose names are looked up.
    let lookedUp = try Desk(
      egress: bureau.destination(), authority: bureau.authority, goesAnywhere: true
    ) { _ in [.v4(0x7f00_0001)] }
    #expect(try await lookedUp.refusal(bureau.url + "/") == unproven)
    #expect(bureau.server.requests.isEmpty && other.requests.isEmpty)
    await other.close()
    await bureau.close()
  }

  @Test func `verifies an address that the charter names as the host`() async throws {
    let names = ServerNames(hosts: ["bureau.example"], addresses: [[127, 0, 0, 1]])
    let authority = try OwnAuthority(for: names)
    let server = try await OutsideServer(authority, names, OutsideServer.clerk)
    let destination =
      "{host: 127.0.0.1, port: \(server.port), protocol: https, addresses: [127.0.0.1], reason: x}"
    let desk = try Desk(egress: destination, authority: authority)
    #expect(try await desk.fetch("https://127.0.0.1:\(server.port)/").status == 200)
    await server.close()
  }

  @Test
  func `takes an answer as large as it may be, and none beyond; waits as long, and no longer`()
    async throws
  {
    let bureau = try await Bureau()
    let desk = try Desk(
      egress: bureau.destination, authority: bureau.authority, timeMax: .milliseconds(700))
    #expect(try await desk.fetch(bureau.url + "/most").body.utf8.count > 1 << 20)
    #expect(try await desk.refusal(bureau.url + "/large") == "answer-too-large")
    #expect(try await desk.refusal(bureau.url + "/drop") == "answer-lost")
    let began = ContinuousClock.now
    #expect(try await desk.refusal(bureau.url + "/never") == "destination-late")
    #expect(
      try await desk.refusal(bureau.url + "/never", within: .milliseconds(200))
        == "destination-late")
    #expect(ContinuousClock.now - began < .seconds(5))
    #expect(desk.records.all.count == 5)
    await bureau.close()
  }

  @Test func `does not wait for a resolver that is silent`() async throws {
    let desk = try Desk(
      egress: "{host: bureau.example, port: 443, protocol: https, reason: credit files}",
      timeMax: .milliseconds(300)
    ) { _ in
      try await Task.sleep(for: .seconds(3))
      return [.v4(0x0808_0808)]
    }
    let began = ContinuousClock.now
    #expect(try await desk.refusal("https://bureau.example/") == "destination-not-found")
    #expect(ContinuousClock.now - began < .seconds(2))
  }

  @Test(arguments: [
    ("host", "evil.example"), ("Accept", "a"), ("connection", "upgrade"), ("cookie", "a=b"),
    ("transfer-encoding", "chunked"), ("content-length", "1"), ("x-forwarded-for", "1.2.3.4"),
    ("accept", "a\r\nhost: evil"), ("accept", ""), ("accept", " a"), ("accept", "a\u{7f}"),
    ("accept", "ä"), ("authorization", String(repeating: "a", count: 8_193)),
  ])
  func `sends no field of the connection's, and none that ends before its end`(
    name: String, value: String
  ) async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority)
    let slug = try await desk.refusal(bureau.url + "/", fields: [HTTPField(name, value)])
    #expect(slug == "malformed-request" && bureau.server.requests.isEmpty)
    await bureau.close()
  }

  @Test func `tells of an answer's fields what callers need, and no cookies`() async throws {
    let bureau = try await Bureau()
    let desk = try Desk(egress: bureau.destination, authority: bureau.authority)
    #expect(try await desk.fetch(bureau.url + "/secret").fields == [HTTPField("etag", "\"7\"")])
    #expect(try await desk.refusal(bureau.url + "/", body: "e30") == "malformed-request")
    #expect(try await desk.refusal(bureau.url + "/", .post, body: "e30=") == "malformed-request")
    await bureau.close()
  }
}

@Suite struct `A caller's share` {
  private let start = Instant(seconds: 1_800_000_000)

  @Test func `is so many calls at a time, for each caller`() throws {
    var shares = CallerShares(atOnceMax: 2, perSecond: 1_000)
    try shares.enter("loans", at: start)
    try shares.enter("loans", at: start)
    #expect(throws: FetchRefusal.tooManyAtOnce) { try shares.enter("loans", at: start) }
    try shares.enter("cards", at: start)
    shares.leave("loans")
    try shares.enter("loans", at: start)
  }

  @Test func `is so many a second, and twice as many at once`() throws {
    var shares = CallerShares(atOnceMax: 1_000, perSecond: 3)
    for _ in 0..<6 { try shares.enter("loans", at: start) }
    let refusal = FetchRefusal.tooMany(retryAfterSeconds: 1)
    #expect(throws: refusal) { try shares.enter("loans", at: start) }
    let later = start + .seconds(1)
    for _ in 0..<3 { try shares.enter("loans", at: later) }
    #expect(throws: refusal) { try shares.enter("loans", at: later) }
    // A clock that steps back gives nothing.
    #expect(throws: refusal) { try shares.enter("loans", at: start) }
    let muchLater = start + .seconds(1_000_000)
    for _ in 0..<6 { try shares.enter("loans", at: muchLater) }
    #expect(throws: refusal) { try shares.enter("loans", at: muchLater) }
  }
}
