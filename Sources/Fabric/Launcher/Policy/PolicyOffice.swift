package import Chassis
package import Charters
import Crypto
import Foundation
import Sandbox
package import PolicyBundles
package import Vocabulary

/// Signs access policies and lays them where services find them. Whoever may read `HOME/operator` publishes; services
/// believe the signature and not the folder.
package struct PolicyOffice {
  private let home: Home
  private let clock: Clock
  private let randomness: Randomness
  private let isGated: Bool

  /// - Parameter platform: what the home says of itself; a test build may leave the gate out.
  package init(_ home: Home, platform: Platform?, clock: Clock, randomness: Randomness) {
    self.home = home
    isGated = platform?.lacks(.policies) != true
    self.clock = clock
    self.randomness = randomness
  }

  /// What `publish` did.
  package struct Published: Sendable {
    package let version: Int
    /// Lower-case hex.
    package let sha256: String
  }

  /// A home's first version, from a folder of policies; nothing where there is one already.
  package func prepare(from folder: String, for charters: CharterSet) throws(LaunchFailure) {
    try makeKeys()
    guard !WholeFile.exists(home.policyBundleFile), !WholeFile.exists(KnownGood(home).keptBundle)
    else { return }
    _ = try publish(from: folder, for: charters)
  }

  /// Judges the policies of a folder, signs them as the next version, and lays them down in one step.
  /// - Throws: `badPolicies` with all that is wrong; nothing changed then.
  package func publish(
    from folder: String, for charters: CharterSet
  ) throws(LaunchFailure) -> Published {
    let draft = try PolicyFolder.read(folder)
    let faults = AccessGate(charters, at: clock.now(), randomness: randomness).faults(of: draft)
    guard faults.isEmpty || !isGated else { throw .badPolicies(folder: folder, faults: faults) }
    return try republish(draft, folder)
  }

  /// Signs policies that were judged before as the next version: what was in force, once more.
  package func republish(
    _ draft: PolicyDraft, _ folder: String = "policies"
  ) throws(LaunchFailure) -> Published {
    // Two who publish at once must not both take the next number.
    let lock = open("\(home.operatorFolder)/publish.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX) == 0 else {
      throw .system(call: "lock \(home.operatorFolder)", code: errno)
    }
    defer { close(lock) }
    let version = try (current()?.version ?? 0) + 1
    guard let pem = try WholeFile.read(home.policySigningKeyFile) else {
      throw .badHome(
        path: home.policySigningKeyFile,
        reason: "it is missing; only who has the key can publish access policies")
    }
    let bytes: [UInt8]
    do throws(BundleError) {
      let key = try BundleSigningKey(
        String(decoding: pem, as: UTF8.self), algorithm: PolicyRelease.algorithm)
      bytes = try PolicyRelease.packed(draft, version: version, key: key)
    } catch {
      throw .badPolicies(folder: folder, faults: [error.reason])
    }
    try layDown(bytes)
    try awaitGuard(bytes)
    return Published(version: version, sha256: FileDigest.of(bytes))
  }

  /// Longest wait for the guard to take a new bundle for the one to keep.
  private static let guardMax: Duration = .seconds(5)

  /// Until it has, the next publisher must wait: two bundles in one look, and it would put the first one back.
  private func awaitGuard(_ bytes: [UInt8]) throws(LaunchFailure) {
    guard HomeLock.isHeld(home), ImmutableStanding.read(in: home) != nil else { return }
    let end = ContinuousClock.now + Self.guardMax
    while ContinuousClock.now < end {
      if (try? WholeFile.read(KnownGood(home).keptBundle)) == bytes { return }
      usleep(10_000)
    }
    throw .notAsPinned(path: home.policyBundleFile)
  }

  /// The version that lies there; nil where there is none.
  /// - Throws: `badHome` for one that is not the organisation's.
  package func current() throws(LaunchFailure) -> PolicyRelease? {
    guard let bytes = try WholeFile.read(home.policyBundleFile) else { return nil }
    let key = try WholeFile.read(home.policyKeyFile) ?? []
    do throws(BundleError) {
      return try PolicyRelease(bytes, key: String(decoding: key, as: UTF8.self))
    } catch {
      throw .badHome(path: home.policyBundleFile, reason: error.reason)
    }
  }

  /// Beside, then renamed, with the mode and owner of what is there: services read the old one or the new one.
  private func layDown(_ bytes: [UInt8]) throws(LaunchFailure) {
    let beside = "\(home.knownGoodFolder)/policy.\(getpid()).new"
    try WholeFile.write(bytes, to: beside)
    let facts = FileFacts(at: home.policyBundleFile)
    let isSettled = facts.map {
      FileCopy.settle(beside, mode: $0.mode, user: $0.user, group: $0.group)
    }
    guard isSettled ?? true else {
      let code = errno
      unlink(beside)
      throw .system(call: "write \(home.policyBundleFile)", code: code)
    }
    try WholeFile.place(beside, at: home.policyBundleFile)
  }

  /// The pair of a home that has none.
  private func makeKeys() throws(LaunchFailure) {
    if WholeFile.exists(home.policyKeyFile) { return }
    // With a bundle, or versions that services remember, a new key would only hide that the old one is lost.
    guard !WholeFile.exists(home.policyBundleFile), !WholeFile.exists(home.policySigningKeyFile)
    else {
      throw .badHome(
        path: home.policyKeyFile,
        reason: "it is missing. Restore it from your backup, or write the public key of "
          + "\(home.policySigningKeyFile) into it")
    }
    guard let key = newKey() else {
      throw .system(call: "make the key for access policies", code: EAGAIN)
    }
    try WholeFile.write(Array((key.pemRepresentation + "\n").utf8), to: home.policySigningKeyFile)
    try WholeFile.write(
      Array((key.publicKey.pemRepresentation + "\n").utf8), to: home.policyKeyFile)
  }

  /// Of 2^32 draws one is no key.
  private func newKey() -> P256.Signing.PrivateKey? {
    for _ in 0..<4 {
      if let key = try? P256.Signing.PrivateKey(rawRepresentation: randomness.bytes(32)) {
        return key
      }
    }
    return nil
  }
}
