package import Chassis
import OutsideReach
package import StrictJSON
import Synchronization
import Tokens
import Vocabulary

/// Issuers of others, and their keys as far as they are known: found by discovery, kept, and asked for anew while the old ones
/// still serve. A class: all event loops look at the same keys.
package final class ForeignIssuers: Sendable {
  /// One GET to the outside.
  package typealias Fetch = @Sendable (String) async throws -> (status: Int, body: [UInt8])

  /// Keys that are older are asked for anew.
  package static let freshMax: Duration = .seconds(300)
  /// Keys that nobody has confirmed for so long vouch for nothing.
  package static let staleMax: Duration = .seconds(86_400)
  /// However many unknown `kid`s come, and however often it fails, an issuer is asked once in this time.
  package static let askedEvery: Duration = .seconds(60)
  /// Between two looks whether keys have become old.
  package static let lookEvery: Duration = .seconds(5)
  /// Longest document, bytes.
  static let documentBytesMax = 256 << 10

  private struct State {
    var keys: KeySet?
    var takenAt: Instant?
    var askedAt: Instant?
    /// What went wrong the last time.
    var failure: String?
  }
  private let choices: [String: IssuerChoice]
  private let states: Mutex<[String: State]>
  private let fetch: Fetch

  package init(_ choices: [IssuerChoice], fetch: @escaping Fetch) {
    self.choices = Dictionary(
      choices.map { ($0.issuer, $0) }, uniquingKeysWith: { first, _ in first })
    states = Mutex([:])
    self.fetch = fetch
  }

  /// None, for a platform that believes its own issuer only.
  package static let none = ForeignIssuers([]) { _ in (404, []) }

  /// The choice for the issuer that a token says it is of; nothing is believed yet.
  func choice(for token: UnverifiedToken) -> IssuerChoice? {
    guard !choices.isEmpty, let issuer = token.unverifiedClaims?["iss"]?.string else { return nil }
    return choices[issuer]
  }

  /// - Throws: `.unknownKey` also where the issuer's keys are not known, or too old.
  func verify(
    _ token: UnverifiedToken, by choice: IssuerChoice, at now: Instant
  ) throws(EntryRefusal) -> AccessToken {
    let policy = TokenPolicy(
      issuer: choice.issuer, audiences: [choice.audience], types: Set(choice.types),
      clockSkew: .seconds(30), lifetimeMax: TokenGate.lifetimeMax)
    let claims: TokenClaims
    do throws(TokenRefusal) {
      guard let keys = keys(of: choice.issuer, at: now) else { throw .unknownKey }
      let algorithms = Set(choice.algorithms.compactMap(TokenAlgorithm.init))
      claims = try policy.claims(
        of: try token.verified(by: keys, algorithms: algorithms), at: now)
    } catch {
      throw .token(error)
    }
    return try AccessToken(claims, as: choice)
  }

  private func keys(of issuer: String, at now: Instant) -> KeySet? {
    states.withLock { states in
      guard let state = states[issuer], let takenAt = state.takenAt,
        now - takenAt < Self.staleMax
      else { return nil }
      return state.keys
    }
  }

  /// Asks those whose keys have become old.
  /// - Returns: whether a key is gone that may have vouched for something.
  func followAll(at now: Instant) async -> Bool {
    var isLess = false
    for issuer in choices.keys.sorted() {
      let isOld = states.withLock { states in
        states[issuer]?.takenAt.map { now - $0 >= Self.freshMax } ?? true
      }
      if isOld, await ask(issuer, at: now) { isLess = true }
    }
    return isLess
  }

  /// Discovery and keys, unless the issuer was asked a moment ago.
  /// - Returns: whether a key is gone that may have vouched for something.
  func ask(_ issuer: String, at now: Instant) async -> Bool {
    let mayAsk = states.withLock { states in
      let last = states[issuer]?.askedAt
      guard last.map({ now - $0 >= Self.askedEvery || now < $0 }) ?? true else { return false }
      states[issuer, default: State()].askedAt = now
      return true
    }
    guard mayAsk else { return false }
    do {
      let keys = try await discover(issuer)
      return states.withLock { states in
        let before = states[issuer]?.keys
        states[issuer]?.keys = keys
        states[issuer]?.takenAt = now
        states[issuer]?.failure = nil
        return before.map { !$0.keys.allSatisfy(keys.keys.contains) } ?? false
      }
    } catch {
      states.withLock { $0[issuer]?.failure = "\(error)" }
      return false
    }
  }

  /// What went wrong with whom the last time, for the log.
  var failures: [String: String] { states.withLock { $0.compactMapValues(\.failure) } }

  private func discover(_ issuer: String) async throws -> KeySet {
    var metadata = try await fetch(IssuerMetadata.openIDPath(of: issuer))
    if metadata.status == 404 { metadata = try await fetch(IssuerMetadata.oauthPath(of: issuer)) }
    let place = try IssuerMetadata.keysURL(in: try document(metadata), of: issuer)
    return try KeySet(jwks: try document(try await fetch(place)))
  }

  private func document(
    _ answer: (status: Int, body: [UInt8])
  ) throws(IssuerMetadata.Fault) -> JSON {
    guard answer.status == 200, answer.body.count <= Self.documentBytesMax,
      let document = try? JSON.parse(answer.body)
    else { throw .noDocument(status: answer.status) }
    return document
  }
}

/// What an issuer publishes of itself. Pure.
package enum IssuerMetadata {
  package enum Fault: Error, Hashable, Sendable {
    case noDocument(status: Int)
    /// It speaks of another issuer (RFC 8414 §3.3).
    case otherIssuer
    /// It says nowhere `https` where its keys are.
    case noKeys
  }

  /// OpenID Connect Discovery 1.0 §4: behind the issuer.
  package static func openIDPath(of issuer: String) -> String {
    (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer)
      + "/.well-known/openid-configuration"
  }

  /// RFC 8414 §3.1: between the host and the issuer's path.
  package static func oauthPath(of issuer: String) -> String {
    guard let url = try? OutsideURL(issuer) else { return issuer }
    let path = url.target == "/" ? "" : url.target
    return "https://\(url.hostField)/.well-known/oauth-authorization-server\(path)"
  }

  package static func keysURL(in document: JSON, of issuer: String) throws(Fault) -> String {
    guard document["issuer"]?.string == issuer else { throw .otherIssuer }
    guard let place = document["jwks_uri"]?.string, (try? OutsideURL(place)) != nil else {
      throw .noKeys
    }
    return place
  }
}

extension AccessToken {
  /// What the token of another issuer means here.
  /// - Throws: `.claim` naming the first claim that means nothing here.
  init(_ claims: TokenClaims, as choice: IssuerChoice) throws(EntryRefusal) {
    guard let person = claims[choice.subjectClaim]?.string.flatMap({ PersonID($0) }) else {
      throw .claim(choice.subjectClaim)
    }
    let named = claims["client_id"]?.string ?? claims["azp"]?.string
    guard let client = named.flatMap({ choice.clients[$0] }), client != "\(person)" else {
      throw .claim("client_id")
    }
    guard let id = claims.id, (1...128).contains(id.utf8.count) else { throw .claim("jti") }
    let words: [String]
    switch claims[choice.scopeClaim] {
    case .string(let text)?: words = text.split(separator: " ").map(String.init)
    case .array(let items)?: words = items.compactMap(\.string)
    default: throw .claim(choice.scopeClaim)
    }
    let origin = TokenOrigin(token: id, issuedAt: claims.issuedAt)
    self.init(
      subject: "\(person)", clientID: client,
      scopes: Set(words.flatMap { choice.scopes[$0] ?? [] }.compactMap { Scope($0) }),
      expiresAt: claims.expiresAt, origin: origin,
      handles: origin.handles(client: client, subject: "\(person)"))
  }
}
