package import Sealing
package import Storage
package import Tokens
import Vocabulary

/// What somebody holds who has copied identity's store and the key that seals it. Drills play that thief: a token whose
/// signature is right tries each of the other checks by itself.
package enum StolenSigningKeys {
  /// - Parameter copy: of identity's store.
  /// - Throws: `SealingRefusal` where the keyring is another's; `StoreError`.
  package static func take(from copy: Store, keyring: Keyring) async throws -> [SigningKey] {
    try await IdentityStore(copy).signingKeys().map { entry, sealed in
      let bytes = try keyring.open(sealed, context: SealedColumn.signingKey(entry.kid))
      return try SigningKey(
        entry.algorithm.tokenAlgorithm, privateBytes: Secret(bytes), id: entry.kid)
    }
  }
}
