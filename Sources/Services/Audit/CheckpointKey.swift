package import MerkleLog
package import Sealing
package import Vocabulary

/// The log's signing key: made once, kept sealed in the store, whole only in the memory of this
/// process.
package enum CheckpointKey {
  /// Where the sealed seed lives; authenticated with it.
  private static let context = SealingContext(
    tenant: "platform", table: "log_key", column: "sealed_seed", row: "1")

  /// The signer; on the first start a new key is made and kept before anything is signed with it.
  /// - Throws: `LogFault.keyUnreadable`, `.keyDiffers`, or what the store throws.
  package static func load(
    origin: String, store: AuditStore, keyring: Keyring, randomness: Randomness, now: Instant
  ) async throws -> NoteSigner {
    if let kept = try await store.key() {
      guard let seed = try? keyring.open(kept.sealedSeed, context: context),
        let signer = NoteSigner(name: kept.origin, seed: seed)
      else { throw LogFault.keyUnreadable }
      guard signer.verifierKey.description == kept.verifierKey else { throw LogFault.keyDiffers }
      return signer
    }
    let seed = randomness.bytes(32)
    guard let signer = NoteSigner(name: origin, seed: seed) else { throw LogFault.keyUnreadable }
    try await store.keep(
      AuditStore.SealedKey(
        origin: origin, sealedSeed: try keyring.seal(seed, context: context),
        verifierKey: signer.verifierKey.description), at: now)
    return signer
  }
}
