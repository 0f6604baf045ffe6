package import MerkleLog
package import Sealing
import Storage
package import Vocabulary

/// The log's signing key: made once, kept sealed in the store, whole only in the memory of this
/// process.
package enum CheckpointKey {
  /// Where the sealed seed lives; authenticated with it.
  static let context = SealingContext(
    tenant: "platform", table: "log_key", column: "sealed_seed", row: "1")

  /// The signer; on the first start a new key is made and kept before anything is signed with it.
  /// - Throws: `LogFault.keyUnreadable`, `.keyDiffers`, or what the store throws.
  package static func load(
    origin: String, store: AuditStore, keyring: Keyring, randomness: Randomness, now: Instant
  ) async throws -> NoteSigner {
    if let kept = try await store.key() {
      return try unsealed(kept, keyring)
    }
    let seed = randomness.bytes(32)
    guard let signer = NoteSigner(name: origin, seed: seed) else { throw LogFault.keyUnreadable }
    try await store.keep(
      AuditStore.SealedKey(
        origin: origin, sealedSeed: try keyring.seal(seed, context: context),
        verifierKey: signer.verifierKey.description), at: now)
    return signer
  }

  /// The signer as somebody makes it who took the service's store and its keyring: a drill. Reads one row of a store that
  /// somebody else has open, however large it is.
  /// - Throws: `LogFault`, `StoreError`.
  package static func taken(from store: String, keyring: Keyring) throws -> NoteSigner {
    guard let kept = try StoreReader(path: store).read({ try AuditStore.key($0) }) else {
      throw LogFault.keyUnreadable
    }
    return try unsealed(kept, keyring)
  }

  private static func unsealed(
    _ kept: AuditStore.SealedKey, _ keyring: Keyring
  ) throws(LogFault) -> NoteSigner {
    guard let seed = try? keyring.open(kept.sealedSeed, context: context),
      let signer = NoteSigner(name: kept.origin, seed: seed)
    else { throw .keyUnreadable }
    guard signer.verifierKey.description == kept.verifierKey else { throw .keyDiffers }
    return signer
  }
}
