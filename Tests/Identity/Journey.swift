import AuditAPI
import Chassis
import Crypto
import CustomersAPI
import Foundation
import Identity
import IdentityAPI
import Sealing
import Storage
import StrictJSON
import Synchronization
import Telemetry
import Testing
import TestKit
import Tokens
import Transport
import Vocabulary

/// A provider with a real store in a folder of its own, a clock that only moves when told to, and a browser.
final class Journey: Sendable {
  // A class: the browser's cookies and the clock change while tests hold it.
  static let issuer = "https://localhost:8443"
  static let start = Instant(seconds: 1_800_000_000)
  static let password = "correct staple horse"

  let folder: String
  let store: IdentityStore
  let rawStore: Store
  let provider: Provider
  let sealing: SealingKeys
  let keys: SigningKeys
  let randomness: Randomness
  let pool = HashingPool()
  private let cookies = Mutex<[String: String]>([:])

  init(seed: UInt64 = testSeed("identity")) async throws {
    let randomness = Randomness.seeded(seed)
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("identity-\(UUID().uuidString)").path
    let shared = Shared(time: Journey.start)
    self.shared = shared
    let moving = Clock { shared.now }
    rawStore = try await StoreSite.open(
      file: folder + "/identity.sqlite", IdentityService.migrations, clock: moving)
    store = IdentityStore(rawStore)
    self.randomness = randomness
    sealing = SealingKeys(
      try Keyring(keys: [1: randomness.bytes(32)], current: 1, randomness: randomness))
    let journal = Journal(
      correlation: try #require(CorrelationID(bits: 1)), caller: "identity", at: Self.start,
      randomness: randomness)
    keys = try await SigningKeys(
      store, sealing: sealing, randomness: randomness, journal: journal)
    provider = try Provider(
      issuer: Self.issuer, store: store, keys: keys,
      secrets: try await store.secrets(sealing.current, randomness: randomness),
      pool: pool, clock: moving, randomness: randomness,
      claims: { _ in
        CustomerClaims(
          givenName: Masked("Ada"), familyName: Masked("Byron"), birthDate: Masked("1985-12-10"),
          email: Masked("ada@example.org"))
      }
    ) { _, _ in Masked("Ada <Byron>") }
  }
  private let shared: Shared

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var now: Instant { shared.now }
  func wait(_ span: Duration) { shared.advance(by: span) }

  // MARK: Requests

  func visit(
    query: [String: String] = [:], form: [(String, String)]? = nil, address: String = "192.0.2.1",
    origin: String? = nil, authorization: String? = nil, contentType: String? = nil
  ) -> Visit {
    let jar = cookies.withLock { $0 }
    return Visit(
      query: query,
      body: form.map { Array(Form.encode($0.map { (name: $0.0, value: $0.1) }).utf8) } ?? [],
      contentType: contentType ?? (form == nil ? nil : "application/x-www-form-urlencoded"),
      cookies: jar.isEmpty
        ? nil
        : jar.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; "),
      origin: origin, authorization: authorization, address: address, caller: "gateway",
      context: context)
  }

  var context: CallContext {
    // Never zero: the low bit is set.
    let correlation = CorrelationID(bits: randomness.bits128() | 1)!
    return CallContext(
      correlation: correlation,
      trace: TraceContext(startingAt: correlation, randomness: randomness),
      deadline: Deadline(now + .seconds(5)))
  }

  /// Keeps the cookies of an answer, as a browser does.
  func keep(_ answer: Answer) {
    cookies.withLock { jar in
      for line in answer.headers.values("set-cookie") {
        let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
        let isGone = line.contains("Max-Age=0")
        jar[String(pair[0])] = isGone ? nil : String(pair[1])
      }
    }
  }
  func keep(mark: String) { cookies.withLock { $0[Cookie.browser.rawValue] = mark } }
  func forgetCookies() { cookies.withLock { $0 = [:] } }
  var cookieNames: Set<String> { cookies.withLock { Set($0.keys) } }
  func cookie(_ cookie: Cookie) -> String? { cookies.withLock { $0[cookie.rawValue] } }

  // MARK: Steps

  let person = PersonID("0194a2b0-7c1e-7d8a-9f00-3b7a5e1c2d4f")!  // A well formed UUID.

  func addPerson(login: String = "Ada@Example.org") async throws {
    _ = try await provider.createPerson(
      NewPerson(id: person, login: login, password: Self.password), visit())
  }

  static let clientID = ClientID("0194a2b0-0000-7000-8000-000000000001")!  // A well formed UUID.
  static let redirect = "http://127.0.0.1:49152/callback"
  /// Of the same client; no other program of the device receives what goes there.
  static let webRedirect = "https://app.example/callback"
  static let verifier = String(repeating: "v", count: 43)

  static func publicClient(
    scopes: [String] = ["openid", "payments:create", "accounts:read", "offline_access"]
  ) -> NewClient {
    NewClient(
      id: clientID, name: "Book & Co <keeping>", kind: .public,
      grants: [.authorizationCode, .refreshToken],
      redirectURIs: ["http://127.0.0.1/callback", webRedirect],
      postLogoutRedirectURIs: ["https://app.example/bye"], scopes: scopes)
  }

  static func request(
    scope: String = "openid payments:create offline_access", _ changes: [String: String?] = [:]
  ) -> [String: String] {
    var query = [
      "client_id": "\(clientID)", "redirect_uri": redirect, "response_type": "code",
      "scope": scope, "state": "s&1", "nonce": "n1", "code_challenge": digest(verifier),
      "code_challenge_method": "S256",
    ]
    for (name, value) in changes { query[name] = value }
    return query
  }

  /// The same for the client's address on the web.
  static func webRequest(
    scope: String = "openid payments:create offline_access", _ changes: [String: String?] = [:]
  ) -> [String: String] {
    request(scope: scope, changes.merging(["redirect_uri": webRedirect]) { _, web in web })
  }

  /// Follows the login form, as a browser would.
  func signIn(
    _ query: [String: String], login: String = "ada@example.org",
    password: String = Journey.password, address: String = "192.0.2.1"
  ) async throws -> Answer {
    let redirect = try await provider.authorize(visit(query: query))
    let form = try await provider.getLogin(visit(query: try parameters(of: redirect)))
    keep(form)
    let answer = try await provider.login(
      visit(
        form: [
          ("csrf", try hidden("csrf", form)), ("continue", try hidden("continue", form)),
          ("login", login), ("password", password),
        ], address: address))
    keep(answer)
    return answer
  }

  /// Signs in and allows; the parameters with which the client is called back.
  func allow(_ query: [String: String]) async throws -> [String: String] {
    let signedIn = try await signIn(query)
    let page = try await provider.authorize(visit(query: try parameters(of: signedIn)))
    return try parameters(of: try await decide("allow", on: page))
  }

  func decide(_ decision: String, on page: Answer) async throws -> Answer {
    try await provider.consent(
      visit(
        form: [
          ("csrf", try hidden("csrf", page)), ("continue", try hidden("continue", page)),
          ("decision", decision),
        ]))
  }

  func redeem(
    _ code: String, _ changes: [String: String] = [:]
  ) async throws -> (status: Int, JSON) {
    var form = [
      "grant_type": "authorization_code", "client_id": "\(Self.clientID)", "code": code,
      "redirect_uri": Self.redirect, "code_verifier": Self.verifier,
    ]
    for (name, value) in changes { form[name] = value }
    return try await token(form.map { ($0.key, $0.value) })
  }

  func refresh(
    _ token: String, _ more: [(String, String)] = []
  ) async throws -> (status: Int, JSON) {
    try await self.token(
      [
        ("grant_type", "refresh_token"), ("client_id", "\(Self.clientID)"),
        ("refresh_token", token),
      ] + more)
  }

  func token(_ form: [(String, String)]) async throws -> (status: Int, JSON) {
    let answer = try await provider.token(visit(form: form))
    #expect(answer.headers["cache-control"] == "no-store")
    return (answer.status, try JSON.parse(answer.body))
  }

  func isGood(_ accessToken: String) -> Bool {
    keys.verified(accessToken: accessToken, issuer: Self.issuer, at: now) != nil
  }

  // MARK: What was written down

  func records() async throws -> [AuditRecord] {
    try await Outbox(store: rawStore).batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }
  }
  func outcomes() async throws -> [String] { try await records().map(\.outcome) }
}

/// A moment that tests move. A class: the clock and the journey share it.
private final class Shared: Sendable {
  private let time: Mutex<Instant>
  init(time: Instant) { self.time = Mutex(time) }
  var now: Instant { time.withLock { $0 } }
  func advance(by span: Duration) { time.withLock { $0 = $0 + span } }
}

/// The query of the address that an answer sends the browser to.
func parameters(of answer: Answer) throws -> [String: String] {
  #expect(answer.status == 303)
  let location = try #require(answer.headers["location"])
  let query = location.split(separator: "?", maxSplits: 1).last ?? ""
  let form = try Form(Array(query.utf8))
  return Dictionary(uniqueKeysWithValues: form.names.map { ($0, form[$0] ?? "") })
}

/// The value of a hidden field, unescaped.
func hidden(_ name: String, _ answer: Answer) throws -> String {
  let html = String(decoding: answer.body, as: UTF8.self)
  let start = try #require(html.range(of: "name=\"\(name)\" value=\""), "\(html)")
  let value = html[start.upperBound...].prefix { $0 != "\"" }
  return value.replacingOccurrences(of: "&lt;", with: "<")
    .replacingOccurrences(of: "&gt;", with: ">").replacingOccurrences(of: "&quot;", with: "\"")
    .replacingOccurrences(of: "&#39;", with: "'").replacingOccurrences(of: "&amp;", with: "&")
}

func claims(_ token: JSON?) throws -> JSON {
  let text = try #require(token?.string)
  return try #require(UnverifiedToken(text).unverifiedClaims)
}
