package import Chassis
import Foundation
package import Sealing
import Storage
package import Vocabulary
package import WorkloadIdentity

/// What somebody holds who has copied the authority's store and its root key off the disk. Drills play that thief: they
/// need certificates that the authority itself would never make, and a log that it would never sign.
package struct StolenKeys: Sendable {
  package let issuer: CertificateAuthority
  package let bundle: TrustBundle
  private let root: Keyring
  private let sealingVersions: [String: [Int]]

  /// Reads a copy of the store.
  /// - Throws: `StartFailure` where the root key is not a file that we may read, or does not open the store; what
  ///   `Store.withCopy` throws.
  package static func take(
    from home: Home, trustDomain: String, clock: Clock, randomness: Randomness
  ) async throws -> StolenKeys {
    let files = FileManager.default
    guard files.fileExists(atPath: home.rootKeyFile) else {
      throw StartFailure(
        "the root key is not kept in a file", hint: "a passphrase cannot be stolen here")
    }
    let owner = try files.attributesOfItem(atPath: home.rootKeyFile)[.ownerAccountID] as? NSNumber
    let root = try RootKey.load(from: home, ownedBy: uid_t(truncating: owner ?? 0))
    return try await Store.withCopy(
      of: home.storeFile(of: AuthorityService.name), migrations: AuthorityService.migrations,
      clock: clock, randomness: randomness
    ) { store in
      let copy = AuthorityStore(
        store: store, sealing: root, trustDomain: trustDomain, edgeNames: nil)
      guard
        let current = SigningKeys(
          try await copy.keys(), trustDomain: trustDomain, at: clock.now())
      else {
        throw StartFailure(
          "the authority's store holds no keys yet", hint: "wait until it is ready")
      }
      return StolenKeys(
        issuer: current.issuer, bundle: current.bundle.trust, root: root,
        sealingVersions: try await copy.sealingVersions())
    }
  }

  /// A service's sealing keys, as the authority would give them to it.
  /// - Throws: `SealingRefusal` where it has none.
  package func keyring(of service: ServiceName) throws -> Keyring {
    let newest = (sealingVersions["\(service)"] ?? []).suffix(SealingLimits.keysMax)
    var keys: [UInt32: [UInt8]] = [:]
    for version in newest {
      keys[UInt32(clamping: version)] = try AuthorityStore.sealingKey(
        of: service, version: version, from: root)
    }
    return try Keyring(keys: keys, current: UInt32(clamping: newest.last ?? 0))
  }
}
