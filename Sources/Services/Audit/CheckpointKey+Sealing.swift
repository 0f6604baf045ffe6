package import Chassis
import Sealing
import Storage

extension AuditStore {
  /// What the chassis asks of a service that seals: the seed of the checkpoint key is all that is sealed here.
  package var sealedFields: SealedFields {
    SealedFields(
      versions: {
        // One that names no version at all is under no key; `CheckpointKey.load` says that it cannot be read.
        guard let kept = try await key(), let version = try? Keyring.version(of: kept.sealedSeed)
        else { return [] }
        return [version]
      },
      reseal: { keyring in
        guard let kept = try await key(),
          let sealed = try keyring.renewed(kept.sealedSeed, CheckpointKey.context)
        else { return 0 }
        return try await replace(sealedSeed: kept.sealedSeed, with: sealed)
      })
  }
}
