package import Chassis
import Crypto
import Foundation
import Launcher
package import PolicyBundles
package import PolicyEngine
import Vocabulary

/// The platform's own access policies, signed with a key of this test run, and others that tests sign with it.
package enum TestPolicies {
  private static let key = P256.Signing.PrivateKey()

  /// The checkout's `Policies`.
  package static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Policies")
    .path(percentEncoded: false)

  package static let shipped = Result { try PolicyFolder.read(folder) }
  private static let first = Result { try release(shipped.get(), version: 1) }

  /// The bytes of a release.
  package static func release(_ draft: PolicyDraft, version: Int) throws -> [UInt8] {
    try PolicyRelease.packed(
      draft, version: version,
      key: BundleSigningKey(key.pemRepresentation, algorithm: PolicyRelease.algorithm))
  }

  /// Lays version 1 of the platform's own policies into a home, and the key that it is signed with.
  package static func settle(_ home: Home) throws {
    try FileManager.default.createDirectory(
      atPath: home.policyFolder, withIntermediateDirectories: true)
    try Data(key.publicKey.pemRepresentation.utf8).write(to: URL(filePath: home.policyKeyFile))
    try put(first.get(), into: home)
  }

  /// Beside, then renamed, as a publisher does it.
  package static func put(_ bytes: [UInt8], into home: Home) throws {
    try Data(bytes).write(to: URL(filePath: home.policyBundleFile), options: .atomic)
  }
}

extension PolicyDraft {
  /// The platform's own policies with one of their lists changed.
  package static func shipped(
    _ list: String, _ entries: [String: Value]
  ) throws -> PolicyDraft {
    let draft = try TestPolicies.shipped.get()
    guard case .object(var data) = draft.data, case .object(var access)? = data["access"] else {
      throw Problem.defect
    }
    access[.string(list)] = .object(ObjectValue(entries.map { (.string($0.key), $0.value) }))
    data[.string("access")] = .object(access)
    return PolicyDraft(modules: draft.modules, data: .object(data))
  }
}
