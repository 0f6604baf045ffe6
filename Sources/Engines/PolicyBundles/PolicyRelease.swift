package import PolicyEngine

/// Access policies before they have a version: what a release is made from.
package struct PolicyDraft: Sendable {
  package let modules: [(file: String, source: String)]
  /// Only what lies below `PolicyRelease.roots` goes into a release.
  package let data: Value

  package init(modules: [(file: String, source: String)], data: Value) {
    self.modules = modules
    self.data = data
  }

  /// Without tests, which decide nothing, and without other lists.
  package var distributed: PolicyDraft {
    var lists = ObjectValue.empty
    if case .object(let members) = data { lists[.string("access")] = members["access"] }
    return PolicyDraft(
      modules: modules.filter { !$0.file.hasSuffix("_test.rego") }, data: .object(lists))
  }
}

/// A version of the access policies, as the organisation signed it: an OPA bundle whose revision is
/// a number that only grows. What services decide by comes in no other way.
package struct PolicyRelease: Sendable {
  /// What the signature must be for, so that another bundle of the same key is no release.
  package static let scope = "strongroom-access"
  package static let algorithm = "ES256"
  /// The paths below `data` that a release owns.
  package static let roots = ["access", "strongroom/access"]
  /// Largest release, packed, in bytes.
  package static let bytesMax = 4 << 20
  /// A number with room for a version each second, for ever.
  package static let versionMax = 999_999_999_999

  /// From 1.
  package let version: Int
  package let draft: PolicyDraft

  /// - Parameter key: PEM of the public key.
  /// - Throws: `BundleError`: too large, damaged, unsigned, changed, by somebody else, for something
  ///   else, or without a version.
  package init(_ bytes: [UInt8], key: String) throws(BundleError) {
    guard bytes.count <= Self.bytesMax else {
      throw BundleError("larger than \(Self.bytesMax) bytes")
    }
    try self.init(
      PolicyBundle(
        bytes,
        verification: BundleVerification(algorithm: Self.algorithm, key: key, scope: Self.scope)))
  }

  #if DEBUG
    /// For tests of the drills only: whoever made it.
    package init(unverified bytes: [UInt8]) throws(BundleError) {
      try self.init(PolicyBundle(bytes, verification: nil))
    }
  #endif

  private init(_ bundle: PolicyBundle) throws(BundleError) {
    let revision = bundle.manifest.revision
    guard let version = Int(revision), (1...Self.versionMax).contains(version),
      "\(version)" == revision
    else { throw BundleError("its revision '\(revision)' is no version") }
    guard bundle.manifest.roots.sorted() == Self.roots else {
      throw BundleError("it claims more or less than \(Self.roots.joined(separator: " and "))")
    }
    self.version = version
    draft = PolicyDraft(modules: bundle.modules, data: bundle.data)
  }

  /// The bytes of a release.
  /// - Throws: `BundleError`.
  package static func packed(
    _ draft: PolicyDraft, version: Int, key: BundleSigningKey
  ) throws(BundleError) -> [UInt8] {
    let draft = draft.distributed
    let bytes = try PolicyBundle.packed(
      BundleManifest(revision: "\(version)", roots: roots), modules: draft.modules,
      data: draft.data, signing: key, scope: scope)
    // Every service would refuse it, and decide nothing any more once the last one is too old.
    guard bytes.count < bytesMax else {
      throw BundleError(
        "packed it has \(bytes.count) bytes, and services read less than \(bytesMax): shorten the lists"
      )
    }
    return bytes
  }
}
