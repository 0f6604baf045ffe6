package import StrictJSON
import Synchronization

/// A compact JWS that is well formed, and nothing more: nobody may believe its claims. It serves to
/// pick the key; `verified` then gives the token that may be believed.
package struct UnverifiedToken: Sendable {
  package let header: TokenHeader
  /// Whether the header was read before, in a token that was believed.
  package let isHeaderKnown: Bool
  /// Claims as they were sent, before anybody vouched for them. For choosing a key only.
  package let payload: [UInt8]
  /// What the signature covers: the first two parts with the dot.
  package let signingInput: [UInt8]
  package let signature: [UInt8]

  /// Takes a compact serialisation apart (RFC 7515 §7.1).
  /// - Parameter known: headers that need not be read again.
  /// - Throws: `TokenRefusal`: `.tooLarge`, `.malformed`, `.headerRefused`, `.algorithmRefused`, in
  /// this order.
  package init(
    _ compact: some StringProtocol, known: KnownHeaders? = nil
  ) throws(TokenRefusal) {
    guard compact.utf8.count <= TokenLimits.bytesMax else { throw .tooLarge }
    let bytes = Array(compact.utf8)
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, let payload = Base64URL.decode(bytes: parts[1]),
      let signature = Base64URL.decode(bytes: parts[2])
    else { throw .malformed }
    if let header = known?.header(spelled: parts[0]) {
      (self.header, isHeaderKnown) = (header, true)
    } else {
      guard let headerBytes = Base64URL.decode(bytes: parts[0]) else { throw .malformed }
      (header, isHeaderKnown) = (try TokenHeader(headerBytes), false)
    }
    self.payload = payload
    self.signature = signature
    signingInput = Array(bytes[..<parts[1].endIndex])
  }

  /// The claims, unbelieved; nil when they are not a strict JSON object.
  package var unverifiedClaims: JSON? { try? claimsObject(payload) }

  /// Checks against the key that `kid` names in the caller's set.
  /// - Throws: `.algorithmRefused`, `.unknownKey`, `.badSignature`.
  package func verified(
    by keys: KeySet, algorithms: Set<TokenAlgorithm>
  ) throws(TokenRefusal) -> VerifiedToken {
    guard algorithms.contains(header.algorithm) else { throw .algorithmRefused }
    guard let key = keys.key(for: header.keyID) else { throw .unknownKey }
    return try verified(by: key, algorithms: algorithms)
  }

  /// Checks against one key that the caller has chosen and has its own reason to trust, for example
  /// the leaf of an `x5c` chain that it has verified. The token's `kid` is not looked at.
  /// - Throws: `.algorithmRefused`, `.unknownKey` for a key of another algorithm, `.badSignature`.
  package func verified(
    by key: VerificationKey, algorithms: Set<TokenAlgorithm>
  ) throws(TokenRefusal) -> VerifiedToken {
    guard algorithms.contains(header.algorithm) else { throw .algorithmRefused }
    guard key.algorithm == header.algorithm else { throw .unknownKey }
    guard key.isValid(signature: signature, for: signingInput) else { throw .badSignature }
    return VerifiedToken(header: header, payload: payload, key: key)
  }
}

#if DEBUG
  extension UnverifiedToken {
    /// For the test of a drill that must notice when signatures are not checked; not in a release.
    package func believed(with key: VerificationKey) -> VerifiedToken {
      VerifiedToken(header: header, payload: payload, key: key)
    }
  }
#endif

/// A token whose signature held. Only `UnverifiedToken.verified` makes one in a release; whether its claims fit
/// is for `TokenPolicy`.
package struct VerifiedToken: Sendable {
  package let header: TokenHeader
  package let payload: [UInt8]
  /// The key that vouches for it.
  package let key: VerificationKey

  fileprivate init(header: TokenHeader, payload: [UInt8], key: VerificationKey) {
    self.header = header
    self.payload = payload
    self.key = key
  }
}

/// The JOSE header, with only what may be there (RFC 7515 §4). Members that mean nothing to us are
/// ignored, as the RFC asks, except those by which a sender would choose the key or change the
/// rules.
package struct TokenHeader: Sendable {
  package let algorithm: TokenAlgorithm
  /// `typ` in lower case and without a leading `application/` (RFC 7515 §4.1.9).
  package let type: String?
  package let keyID: String?
  /// `x5c` as DER, the signer's certificate first; empty where absent. It proves nothing until its
  /// chain is verified.
  package let certificates: [[UInt8]]

  init(_ bytes: [UInt8]) throws(TokenRefusal) {
    let header = try claimsObject(bytes)
    for member in ["jwk", "jku", "x5u", "crit", "b64"] where header[member] != nil {
      throw .headerRefused(member)
    }
    switch header["typ"] {
    case nil: type = nil
    case .string(let text):
      let lower = text.lowercased()
      type = lower.hasPrefix("application/") ? String(lower.dropFirst(12)) : lower
    default: throw .headerRefused("typ")
    }
    switch header["kid"] {
    case nil: keyID = nil
    case .string(let text) where (1...TokenLimits.keyIDBytesMax).contains(text.utf8.count):
      keyID = text
    default: throw .headerRefused("kid")
    }
    certificates = try Self.certificates(header["x5c"])
    guard let name = header["alg"]?.string, let algorithm = TokenAlgorithm(rawValue: name) else {
      throw .algorithmRefused
    }
    self.algorithm = algorithm
  }

  private static func certificates(_ chain: JSON?) throws(TokenRefusal) -> [[UInt8]] {
    guard let chain else { return [] }
    guard let elements = chain.array, (1...TokenLimits.certificatesMax).contains(elements.count)
    else { throw .headerRefused("x5c") }
    var certificates: [[UInt8]] = []
    for element in elements {
      guard let text = element.string, let der = PaddedBase64.decode(text), !der.isEmpty else {
        throw .headerRefused("x5c")
      }
      certificates.append(der)
    }
    return certificates
  }
}

/// Headers of tokens that were believed. One that names its signer's certificates is longer than all the rest, and whoever
/// signs repeats it in each token. A class: all who check tokens of one sender share what is known.
package final class KnownHeaders: Sendable {
  /// A sender has one at a time, and for a while the one before.
  static let knownMax = 4
  private let known = Mutex<[(spelled: [UInt8], header: TokenHeader)]>([])

  package init() {}

  func header(spelled: ArraySlice<UInt8>) -> TokenHeader? {
    known.withLock { $0.first { $0.spelled.elementsEqual(spelled) }?.header }
  }

  /// Remembers the header of a token whose signature held.
  package func remember(_ header: TokenHeader, of compact: String) {
    let spelled = Array(compact.utf8.prefix { $0 != UInt8(ascii: ".") })
    known.withLock { known in
      guard !known.contains(where: { $0.spelled == spelled }) else { return }
      if known.count >= Self.knownMax { known.removeFirst() }
      known.append((spelled, header))
    }
  }
}

/// - Throws: `TokenRefusal.malformed` for anything but one strict JSON object within the limits.
func claimsObject(_ bytes: [UInt8]) throws(TokenRefusal) -> JSON {
  let limits = JSONLimits(
    bytesMax: TokenLimits.bytesMax, depthMax: TokenLimits.depthMax, valuesMax: 2_048)
  do {
    let json = try JSON.parse(bytes, limits: limits)
    guard json.object != nil else { throw TokenRefusal.malformed }
    return json
  } catch {
    throw .malformed
  }
}
