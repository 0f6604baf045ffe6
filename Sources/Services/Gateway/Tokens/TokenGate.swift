package import Chassis
import Crypto
import GatewayAPI
package import NIOCore
package import StrictJSON
import Synchronization
package import Tokens
package import Vocabulary

/// Judges outside tokens: verified ones are remembered by their SHA-256 until they expire, so that a
/// client's second request costs a digest instead of a signature. What is revoked is looked up each
/// time. A class: all event loops share what is remembered.
package final class TokenGate: Sendable {
  /// Longest token in bytes.
  package static let tokenBytesMax = 8_192
  /// Verified tokens remembered.
  package static let rememberedMax = 16_384
  /// Keys from identity are asked for at most this often because of an unknown `kid`.
  package static let unknownKeyPause: Duration = .seconds(5)
  /// Requests that may wait for one key fetch; the others are refused at once.
  package static let waitingMax = 1_024
  /// Without news of revocations for longer than this, nothing is changed for anybody …
  package static let silenceForChangesMax: Duration = .seconds(5)
  /// … and for longer than this, nothing is read.
  package static let silenceForReadsMax: Duration = .seconds(60)

  /// Longest life of a token that is let in.
  package static let lifetimeMax: Duration = .seconds(86_400)

  fileprivate struct State {
    var keys: KeySet?
    /// What identity says it has.
    var announced: [String] = []
    var remembered: [TokenDigest: AccessToken] = [:]
    var fetchedAt = Instant(nanoseconds: 0)
    var fetching: [EventLoopPromise<Void>]?

    var hasAnnounced: Bool { announced.allSatisfy { keys?.key(for: $0) != nil } }
  }
  private let state = Mutex(State())
  private let policy: TokenPolicy
  /// What is revoked.
  package let revocations: RevocationPoint
  private let clock: Clock
  private let believesAll: Bool
  private let foreign: ForeignIssuers
  private let fetch: @Sendable () async throws -> JSON

  /// - Parameters:
  ///   - issuer: the only `iss` that is believed.
  ///   - revocations: what is revoked, as somebody else keeps it up to date.
  ///   - believesAll: leaves the signature out; only in a test build, see `Weakness`.
  ///   - foreign: issuers of others whose tokens are taken.
  ///   - fetch: brings identity's JWK Set, over mutual TLS.
  package init(
    issuer: String, revocations: RevocationPoint, clock: Clock, believesAll: Bool = false,
    foreign: ForeignIssuers = .none, fetch: @escaping @Sendable () async throws -> JSON
  ) {
    policy = TokenPolicy(
      issuer: issuer, audiences: [GatewayAPI.audience], types: [GatewayAPI.accessTokenType],
      clockSkew: .seconds(2), lifetimeMax: Self.lifetimeMax)
    self.revocations = revocations
    self.clock = clock
    self.believesAll = believesAll
    self.foreign = foreign
    self.fetch = fetch
  }

  /// The token of an `Authorization: Bearer` field (RFC 6750 §2.1); nil for none or another scheme.
  package static func bearer(in field: String?) -> Substring? {
    guard let field, let gap = field.firstIndex(of: " "),
      field[..<gap].lowercased() == "bearer"
    else { return nil }
    let token = field[field.index(after: gap)...].drop { $0 == " " }
    return token.isEmpty ? nil : token
  }

  /// One verdict; synchronous. An unknown key may be worth a `refreshKeys` and a second question.
  package func check(_ token: Substring, at now: Instant) -> Result<AccessToken, EntryRefusal> {
    guard token.utf8.count <= Self.tokenBytesMax else { return .failure(.token(.tooLarge)) }
    let digest = TokenDigest(token)
    return Result { () throws(EntryRefusal) in
      let known: AccessToken
      if let earlier = try self.known(digest, at: now) {
        known = earlier
      } else {
        known = remember(try verify(token, at: now), digest, at: now)
      }
      // Asked each time, so that no revocation falls between verifying and remembering.
      guard !revocations.refuses(known.handles, issuedAt: known.issuedAt) else { throw .revoked }
      return known
    }
  }

  /// Whose token this is, where it was verified a moment ago, though it may be revoked since: refusals of an authentic token
  /// count for its owner, so that nobody's noise hides the use of another's.
  func owner(of token: Substring, at now: Instant) -> AccessToken? {
    guard token.utf8.count <= Self.tokenBytesMax else { return nil }
    return try? known(TokenDigest(token), at: now)
  }

  private func known(
    _ digest: TokenDigest, at now: Instant
  ) throws(EntryRefusal) -> AccessToken? {
    guard let known = state.withLock({ $0.remembered[digest] }) else { return nil }
    guard known.expiresAt > now else { throw .token(.expired) }
    return known
  }

  private func remember(
    _ token: AccessToken, _ digest: TokenDigest, at now: Instant
  ) -> AccessToken {
    state.withLock { state in
      state.makeRoom(at: now)
      state.remembered[digest] = token
    }
    return token
  }

  private func verified(
    _ token: UnverifiedToken, by keys: KeySet
  ) throws(TokenRefusal) -> VerifiedToken {
    #if DEBUG
      if believesAll, let key = keys.keys.first { return token.believed(with: key) }
    #endif
    return try token.verified(by: keys, algorithms: [.es256, .edDSA])
  }

  private func verify(_ token: Substring, at now: Instant) throws(EntryRefusal) -> AccessToken {
    let claims: TokenClaims
    let unverified: UnverifiedToken
    do throws(TokenRefusal) {
      unverified = try UnverifiedToken(token)
    } catch {
      throw .token(error)
    }
    if let choice = foreign.choice(for: unverified) {
      return try foreign.verify(unverified, by: choice, at: now)
    }
    do throws(TokenRefusal) {
      guard let keys = state.withLock({ $0.keys }) else { throw .unknownKey }
      claims = try policy.claims(of: try verified(unverified, by: keys), at: now)
    } catch {
      throw .token(error)
    }
    return try AccessToken(claims)
  }

  /// Whether we know enough about revocations to act on a token: all of them, and as of a moment ago.
  package func knowsRevocations(forChanges: Bool, at now: Instant) -> Bool {
    revocations.isKnown(
      within: forChanges ? Self.silenceForChangesMax : Self.silenceForReadsMax, at: now)
  }

  /// Verified tokens in memory just now.
  package var rememberedCount: Int { state.withLock { $0.remembered.count } }
}

/// What identity tells.
extension TokenGate {
  /// Replaces the keys. When one is gone or changed, what it vouched for is forgotten: everything
  /// is verified afresh.
  /// - Throws: `KeyRefusal` for a set that cannot be used; the old keys stay.
  package func replaceKeys(jwks: JSON, at now: Instant) throws(KeyRefusal) {
    let keys = try KeySet(jwks: jwks)
    state.withLock { state in
      let stays = state.keys?.keys.allSatisfy { keys.keys.contains($0) } ?? true
      if !stays { state.remembered = [:] }
      state.keys = keys
      state.fetchedAt = now
    }
  }

  /// Whether we have all the keys that identity says it has.
  package func knows(kids: [String]) -> Bool {
    state.withLock { state in
      state.announced = kids
      return state.hasAnnounced
    }
  }

  /// Whether tokens can be judged just now: keys are there, all that identity announces are among them, and revocations
  /// are heard of. Whoever is asked whether the door works must not say yes without it.
  package func isInformed(at now: Instant) -> Bool {
    guard knowsRevocations(forChanges: true, at: now) else { return false }
    return state.withLock { $0.keys != nil && $0.hasAnnounced }
  }

  /// Succeeds when the keys are as fresh as they may be made: after a fetch, or at once when the
  /// last one is too recent. However many unknown `kid`s come, identity hears one question in five
  /// seconds.
  package func refreshKeys(on loop: any EventLoop) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    let now = clock.now()
    enum Turn { case fetch, wait, enough }
    let turn = state.withLock { state -> Turn in
      if state.fetching != nil {
        guard state.fetching?.count ?? 0 < Self.waitingMax else { return .enough }
        state.fetching?.append(promise)
        return .wait
      }
      let next = state.fetchedAt + Self.unknownKeyPause
      guard now >= next || now < state.fetchedAt else { return .enough }
      state.fetchedAt = now
      state.fetching = [promise]
      return .fetch
    }
    switch turn {
    case .enough: promise.succeed()
    case .wait: break
    case .fetch: Task { await self.fetchKeys() }
    }
    return promise.futureResult
  }

  /// The same for a token of whatever issuer it says it is of.
  package func refreshKeys(
    for token: Substring, on loop: any EventLoop
  ) -> EventLoopFuture<Void> {
    guard let unverified = try? UnverifiedToken(token),
      let choice = foreign.choice(for: unverified)
    else { return refreshKeys(on: loop) }
    let promise = loop.makePromise(of: Void.self)
    promise.completeWithTask {
      if await self.foreign.ask(choice.issuer, at: self.clock.now()) { self.forgetAll() }
    }
    return promise.futureResult
  }

  /// Asks issuers of others for their keys, where those that are known have become old.
  package func followForeign() async {
    if await foreign.followAll(at: clock.now()) { forgetAll() }
  }

  /// Everything is verified afresh: a key that vouched for something is gone.
  private func forgetAll() { state.withLock { $0.remembered = [:] } }

  private func fetchKeys() async {
    // A failed fetch leaves the old keys: whoever waited is judged by them.
    if let jwks = try? await fetch() { try? replaceKeys(jwks: jwks, at: clock.now()) }
    let waiting = state.withLock { state in
      defer { state.fetching = nil }
      return state.fetching ?? []
    }
    for promise in waiting { promise.succeed() }
  }
}

extension TokenGate.State {
  /// Expired tokens go first; if none is, an eighth of the others, which then cost one signature
  /// more.
  mutating func makeRoom(at now: Instant) {
    guard remembered.count >= TokenGate.rememberedMax else { return }
    remembered = remembered.filter { $0.value.expiresAt > now }
    guard remembered.count >= TokenGate.rememberedMax else { return }
    for key in remembered.keys.prefix(TokenGate.rememberedMax / 8) { remembered[key] = nil }
  }
}

/// SHA-256 of a token, as four words: remembering the token itself would keep a credential.
private struct TokenDigest: Hashable {
  private let words: SIMD4<UInt64>

  init(_ token: Substring) {
    words = SHA256.hash(data: Array(token.utf8)).withUnsafeBytes { digest in
      SIMD4(
        digest.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        digest.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
        digest.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    }
  }
}
