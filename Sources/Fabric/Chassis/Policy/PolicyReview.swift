import Crypto
import PolicyBundles
import PolicyEngine
import Vocabulary

/// What is to become of a bundle that lies where releases come from: pure.
enum PolicyReview: Sendable {
  /// The version in force, once more.
  case confirmed
  case adopt(AccessRules, sha256: String)
  /// What was in force stays in force.
  case refused(PolicyRefusalReason, String)

  /// What is known before.
  struct Known: Sendable {
    /// The version in force; nil at the start.
    var version: Int?
    /// The digest of its bundle.
    var sha256: String?
    /// The highest version that this service ever decided by; not below the one in force.
    var highest: Int
    init(version: Int? = nil, sha256: String? = nil, highest: Int = 0) {
      self.version = version
      self.sha256 = sha256
      self.highest = highest
    }
  }

  /// - Parameters:
  ///   - bytes: nil where there is no bundle.
  ///   - key: PEM of the organisation's public key.
  ///   - believesAll: a test build takes what comes.
  ///   - edges: the requests to be expected.
  init(
    _ bytes: [UInt8]?, key: String, known: Known, believesAll: Bool = false,
    edges: [AccessEdge: KnownInput] = [:]
  ) {
    guard let bytes else {
      self = .refused(.missing, "there is no bundle")
      return
    }
    let digest = hexText(Array(SHA256.hash(data: bytes)))
    guard digest != known.sha256 else {
      self = .confirmed
      return
    }
    let release: PolicyRelease
    do throws(BundleError) {
      release = try Self.release(bytes, key: key, believesAll)
    } catch {
      self = .refused(.unsigned, error.reason)
      return
    }
    if !believesAll, release.version < known.highest {
      self = .refused(.older, "version \(release.version) is older than \(known.highest)")
      return
    }
    // Only one bundle may bear a number: of two nobody could say which decided.
    if release.version == known.version {
      self = .refused(.older, "it is another version \(release.version) than the one in force")
      return
    }
    do throws(AccessRulesError) {
      self = .adopt(try AccessRules(release).narrowed(to: edges), sha256: digest)
    } catch {
      self = .refused(.broken, error.description)
    }
  }
}

extension PolicyReview {
  private static func release(
    _ bytes: [UInt8], key: String, _ believesAll: Bool
  ) throws(BundleError) -> PolicyRelease {
    #if DEBUG
      if believesAll { return try PolicyRelease(unverified: bytes) }
    #endif
    return try PolicyRelease(bytes, key: key)
  }
}

/// Why a bundle is not put in force; the raw value is the reason in the audit record.
package enum PolicyRefusalReason: String, Sendable, Hashable, CaseIterable {
  /// The source is gone.
  case missing = "policy-missing"
  /// Not signed by the organisation as it is, whatever the cause: unsigned, changed, damaged.
  case unsigned = "policy-not-signed"
  /// Rolled back.
  case older = "policy-older"
  /// Signed, and wrong.
  case broken = "policy-broken"
}
