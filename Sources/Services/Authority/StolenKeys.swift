package import Chassis
import Foundation
import Storage
package import Vocabulary
package import WorkloadIdentity

/// What somebody holds who has copied the authority's store and its root key off the disk. Drills play that thief: they
/// need certificates that the authority itself would never make.
package struct StolenKeys: Sendable {
  package let issuer: CertificateAuthority
  package let bundle: TrustBundle

  /// Opens a copy of the store, which is removed again; the store itself is only read.
  /// - Throws: `StartFailure` where the root key is not a file that we may read, or does not open the store; `StoreError`
  ///   or a file error where the store cannot be copied.
  package static func take(
    from home: Home, trustDomain: String, clock: Clock, randomness: Randomness
  ) async throws -> StolenKeys {
    let original = home.storeFile(of: AuthorityService.name)
    let files = FileManager.default
    guard files.fileExists(atPath: home.rootKeyFile) else {
      throw StartFailure(
        "the root key is not kept in a file", hint: "a passphrase cannot be stolen here")
    }
    let owner = try files.attributesOfItem(atPath: home.rootKeyFile)[.ownerAccountID] as? NSNumber
    let root = try RootKey.load(from: home, ownedBy: uid_t(truncating: owner ?? 0))
    let folder = files.temporaryDirectory.path + "/strongroom-\(hexText(randomness.bytes(8)))"
    try files.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? files.removeItem(atPath: folder) }
    // The write-ahead log after the store: what it holds already came later than what was copied.
    for ending in ["", "-wal"] where files.fileExists(atPath: original + ending) {
      try files.copyItem(atPath: original + ending, toPath: "\(folder)/store.db\(ending)")
    }
    let store = try Store.open(
      path: "\(folder)/store.db", migrations: AuthorityService.migrations, clock: clock)
    defer { store.close() }
    let keys = try await AuthorityStore(store: store, sealing: root, trustDomain: trustDomain)
      .keys()
    guard let current = SigningKeys(keys, trustDomain: trustDomain, at: clock.now()) else {
      throw StartFailure("the authority's store holds no keys yet", hint: "wait until it is ready")
    }
    return StolenKeys(issuer: current.issuer, bundle: current.bundle.trust)
  }
}
