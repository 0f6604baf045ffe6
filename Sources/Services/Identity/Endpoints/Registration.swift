import Chassis
package import IdentityAPI
import Vocabulary

/// What the operator does: register clients and people.
extension Provider {
  package func registerClient(_ new: NewClient, _ visit: Visit) async throws -> ClientReceipt {
    let client = try RegisteredClient(new)
    if let unknown = scopes.unknown(client.scopes) { throw unknown }
    guard ClientAssertion.canUse(client.keys) else { throw ClientRefusal.badKeys }
    if !client.webOrigins.isEmpty {
      let all = Set(try await store.webOrigins()).union(client.webOrigins.map(\.text))
      guard all.count <= WebOrigins.originsMax else { throw ClientRefusal.tooManyOrigins }
    }
    // The keys come first: a client that wants RS256 must find one in the JWK Set.
    if client.wantsRS256 { try await keys.begin(.rsa, journal: journal(visit)) }
    let createdAt = try await store.register(new, journal: journal(visit))
    let actsForItself = client.grants.contains(.clientCredentials)
    return ClientReceipt(
      id: client.id, createdAt: createdAt,
      accountOwner: actsForItself ? ClientOwner.reference(of: "\(client.id)") : nil)
  }

  package func createPerson(_ new: NewPerson, _ visit: Visit) async throws -> PersonReceipt {
    let login = new.login.reveal(for: .signIn)
    let password = PasswordPolicy.normalized(new.password.reveal(for: .signIn))
    guard let index = LoginHandle.index(of: login, key: secrets.blindIndex) else {
      throw PersonRefusal.badLogin
    }
    if let objection = PasswordPolicy.objection(to: password, login: login) { throw objection }
    let salt = randomness.bytes(PasswordHash.saltBytes)
    guard let hash = try await pool.run({ PasswordHash.make(of: password, salt: salt) }) else {
      throw Problem.unavailable()
    }
    let isNew = try await store.add(
      Credential(person: new.id, password: hash), login: index, journal: journal(visit))
    if !isNew {
      guard let (stored, storedIndex) = try await store.credential(of: new.id),
        constantTimeEqual(storedIndex, index),
        try await pool.run({ PasswordHash.matches(stored.password, password) })
      else { throw PersonRefusal.exists }
    }
    guard let createdAt = try await store.createdAt(of: new.id) else { throw Problem.defect }
    return PersonReceipt(id: new.id, createdAt: createdAt)
  }
}

extension Provider {
  /// The way in that an operator opens: every attempt at this login is forgotten. The answer is the same for a login that
  /// nobody has.
  /// - Throws: `PersonRefusal.badLogin`.
  package func unlockSignIn(
    _ unlock: SignInUnlock, _ visit: Visit
  ) async throws -> SignInUnlockReceipt {
    let login = unlock.login.reveal(for: .signIn)
    guard let index = LoginHandle.index(of: login, key: secrets.blindIndex) else {
      throw PersonRefusal.badLogin
    }
    return SignInUnlockReceipt(
      throttles: try await store.unlock(login: index, journal: journal(visit)))
  }
}

extension Provider {
  package func rotateKey(
    _ rotation: KeyRotation, _ visit: Visit
  ) async throws -> KeyRotationReceipt {
    guard let algorithm = KeySchedule.Algorithm(rawValue: rotation.alg ?? "ES256") else {
      throw Problem.malformed("expected ES256, EdDSA or RS256", field: "/alg")
    }
    return try await keys.rotate(to: algorithm, journal: journal(visit))
  }
}
