package import Chassis
package import IdentityAPI
import Sealing
package import StrictJSON
import Synchronization
import Tokens
package import Vocabulary

/// The keys that sign tokens: the store has them sealed, memory has them ready. A class: rotation must be seen by every
/// endpoint at once.
package final class SigningKeys: Sendable {
  private struct Held: Sendable {
    let entry: KeySchedule.Entry
    let key: SigningKey
  }
  private let held = Mutex<[Held]>([])
  private let store: IdentityStore
  private let sealing: SealingKeys
  private let randomness: Randomness

  /// Opens what is stored; at the first start makes the active key and the announced one.
  package init(
    _ store: IdentityStore, sealing: SealingKeys, randomness: Randomness, journal: Journal
  ) async throws {
    self.store = store
    self.sealing = sealing
    self.randomness = randomness
    if try await load().active == nil {
      try await change(journal, to: .es256)
    }
  }

  /// A compact JWS by the active key of a series.
  package func sign(
    _ type: String, _ claims: JSON, by series: KeySchedule.Series = .own
  ) throws -> String {
    let active = held.withLock { keys in
      keys.first { $0.entry.phase == .active && $0.entry.algorithm.series == series }
    }
    guard let active else { throw Problem.defect }
    return try active.key.token(type: type, claims: claims)
  }

  /// Whether the JWK Set can be published: whoever cannot read it believes no token of ours.
  package func canBePublished(at now: Instant) -> Bool { (try? published(at: now)) != nil }

  /// The JWK Set: the announced key first known here, the retired while their tokens live.
  package func published(at now: Instant) throws -> JSON {
    try KeySet(live(at: now).map(\.key.verificationKey)).jwks
  }

  /// The ids of what is published.
  package func kids(at now: Instant) -> [String] { live(at: now).map(\.entry.kid) }

  /// The claims of an access token of ours that is still good; nil for anything else.
  package func verified(accessToken text: String, issuer: String, at now: Instant) -> JSON? {
    let policy = TokenPolicy(
      issuer: issuer, audiences: [IssuedClaims.audience], types: [IssuedClaims.accessType])
    do {
      let keys = try KeySet(live(at: now).map(\.key.verificationKey))
      let token = try UnverifiedToken(text).verified(
        by: keys, algorithms: TokenAlgorithm.own)
      return try policy.claims(of: token, at: now).members
    } catch {
      return nil
    }
  }

  /// Whom an ID token of ours was made for, however long ago; nil for anything else. Where its key is not known any more
  /// only its words are left, which say no more than a client's own `client_id` would.
  package func audience(ofIDToken text: String, issuer: String) -> String? {
    claims(ofIDToken: text, issuer: issuer)?["aud"]?.string
  }

  /// Whom an ID token of ours is about; as `audience(ofIDToken:issuer:)`.
  package func subject(ofIDToken text: String, issuer: String) -> PersonID? {
    claims(ofIDToken: text, issuer: issuer)?["sub"]?.string.flatMap { PersonID($0) }
  }

  private func claims(ofIDToken text: String, issuer: String) -> JSON? {
    guard let token = try? UnverifiedToken(text), token.header.type == "jwt",
      let claims = token.unverifiedClaims, claims["iss"]?.string == issuer
    else { return nil }
    let keys = held.withLock { $0.map(\.key.verificationKey) }
    if let key = keys.first(where: { $0.id == token.header.keyID }) {
      guard (try? token.verified(by: key, algorithms: [key.algorithm])) != nil else { return nil }
    }
    return claims
  }

  /// Makes the first keys of a series, where there are none yet.
  package func begin(_ series: KeySchedule.Series, journal: Journal) async throws {
    let schedule = KeySchedule(entries: held.withLock { $0.map(\.entry) })
    guard schedule.active(of: series) == nil else { return }
    try await change(journal, to: series == .rsa ? .rs256 : .es256)
  }

  /// From now on the announced key signs, or a fresh one of the wanted algorithm.
  /// - Throws: `KeyRotationRefusal` while too many keys still verify.
  package func rotate(
    to algorithm: KeySchedule.Algorithm, journal: Journal
  ) async throws -> KeyRotationReceipt {
    try await change(journal, to: algorithm)
    let schedule = KeySchedule(entries: held.withLock { $0.map(\.entry) })
    guard let active = schedule.active(of: algorithm.series),
      let announced = schedule.announced(of: algorithm.series)
    else {
      throw Problem.defect
    }
    return KeyRotationReceipt(
      kid: active.kid, alg: active.algorithm.rawValue, nextKid: announced.kid)
  }

  /// Takes out retired keys that no living token names.
  package func forget(at now: Instant) async throws {
    guard live(at: now).count < held.withLock({ $0.count }) else { return }
    try await store.change(keysAt: now) { $0.forget(at: now) }
    try await load()
  }

  private func live(at now: Instant) -> [Held] {
    let all = held.withLock { $0 }
    var schedule = KeySchedule(entries: all.map(\.entry))
    schedule.forget(at: now)
    let kids = Set(schedule.entries.map(\.kid))
    return all.filter { kids.contains($0.entry.kid) }
  }

  private func change(_ journal: Journal, to algorithm: KeySchedule.Algorithm) async throws {
    let fresh = SigningKey.generate(algorithm.tokenAlgorithm, randomness)
    let next = SigningKey.generate(algorithm.tokenAlgorithm, randomness)
    let entries = try [fresh, next].map { key in
      guard let kid = key.id else { throw Problem.defect }
      return KeySchedule.Entry(kid: kid, algorithm: algorithm, phase: .announced)
    }
    let keyring = sealing.current
    var made: [String: [UInt8]] = [:]
    for (key, entry) in zip([fresh, next], entries) {
      let bytes = key.privateBytes.withBytes { Array($0) }
      made[entry.kid] = try keyring.seal(bytes, context: SealedColumn.signingKey(entry.kid))
    }
    try await store.rotate(
      to: algorithm, fresh: entries[0], next: entries[1], sealed: made, journal: journal)
    try await load()
  }

  /// The store is the truth; memory follows it.
  @discardableResult
  private func load() async throws -> KeySchedule {
    let stored = try await store.signingKeys()
    let keyring = sealing.current
    let keys = try stored.map { entry, sealed in
      let bytes = try keyring.open(sealed, context: SealedColumn.signingKey(entry.kid))
      return Held(
        entry: entry,
        key: try SigningKey(
          entry.algorithm.tokenAlgorithm, privateBytes: Secret(bytes), id: entry.kid))
    }
    held.withLock { $0 = keys }
    return KeySchedule(entries: keys.map(\.entry))
  }
}

extension KeySchedule.Algorithm {
  var tokenAlgorithm: TokenAlgorithm {
    switch self {
    case .es256: .es256
    case .edDSA: .edDSA
    case .rs256: .rs256
    }
  }
}
