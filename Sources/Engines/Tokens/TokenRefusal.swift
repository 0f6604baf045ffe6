package import Vocabulary

/// Why a token is not believed, in the order in which the checks are made: of several faults the
/// first is named. Outside, all of them look the same; the name goes to the log and the audit
/// record.
package enum TokenRefusal: Refusal, Hashable {
  /// Longer than `TokenLimits.bytesMax`.
  case tooLarge
  /// Not three Base64url parts around strict JSON objects.
  case malformed
  /// A header member that is malformed, or that would let the sender choose the key or change the
  /// rules: `jwk`, `jku`, `x5u`, `crit`, `b64`.
  case headerRefused(String)
  /// `none`, a symmetric algorithm, or any other that the caller does not list.
  case algorithmRefused
  /// No key of the caller's set has this `kid`, or the key is for another algorithm.
  case unknownKey
  case badSignature
  /// `typ` is not one the caller accepts (RFC 8725 §3.11).
  case wrongType
  /// A registered claim that is missing or has the wrong shape.
  case claimRefused(String)
  case wrongIssuer
  case wrongAudience
  /// At or after `exp`.
  case expired
  /// Before `nbf`.
  case notYetValid
  /// `iat` lies in the future.
  case issuedInFuture
  /// From `iat` to `exp` is longer than the caller allows.
  case livesTooLong

  package var problem: Problem { .unauthenticated }

  /// A stable name for logs and audit records; it never quotes the token.
  package var name: String {
    switch self {
    case .tooLarge: "token-too-large"
    case .malformed: "token-malformed"
    case .headerRefused(let member): "token-header-\(member)"
    case .algorithmRefused: "token-algorithm"
    case .unknownKey: "token-key-unknown"
    case .badSignature: "token-signature"
    case .wrongType: "token-type"
    case .claimRefused(let claim): "token-claim-\(claim)"
    case .wrongIssuer: "token-issuer"
    case .wrongAudience: "token-audience"
    case .expired: "token-expired"
    case .notYetValid: "token-not-yet-valid"
    case .issuedInFuture: "token-issued-in-future"
    case .livesTooLong: "token-lives-too-long"
    }
  }
}

/// Why a key cannot be used or registered.
package enum KeyRefusal: Refusal, Hashable {
  /// Not an object of the right members, or a point that is not on its curve; names the member.
  case malformed(String)
  /// A shared secret. Whoever can check such a token can also make it, and most of them can be
  /// guessed.
  case symmetric
  /// A key type, curve or algorithm other than P-256 with ES256, Ed25519 with EdDSA and RSA with RS256.
  case unsupported
  /// `use` or `key_ops` says that the key is for something else.
  case wrongUse
  /// A private key where a public one belongs: it is no longer private.
  case privateKeyExposed
  /// An Ed25519 point of small order, or one in a spelling that is not its own.
  case weak
  /// More keys than `TokenLimits.keysMax`, or a set of more members than `keySetMembersMax`.
  case tooMany
  /// Two keys with one `kid`.
  case ambiguous

  package var problem: Problem {
    let detail =
      switch self {
      case .malformed(let member): "the key's \(member) is missing or malformed"
      case .symmetric: "a symmetric key is too weak to identify a client"
      case .unsupported:
        "only P-256 with ES256, Ed25519 with EdDSA, and RSA of 2048 to 4096 bits with the exponent AQAB and RS256 "
          + "are accepted"
      case .wrongUse: "the key is not for signatures"
      case .privateKeyExposed: "this is a private key; make a new one and send only its public part"
      case .weak: "anybody can sign for this key; make a new one"
      case .tooMany: "at most \(TokenLimits.keysMax) keys are accepted"
      case .ambiguous: "two keys have the same kid"
      }
    return Problem("key-refused", 400, "The key is not acceptable", detail: detail)
  }
}

/// What one token or key set may cost.
package enum TokenLimits {
  /// Longest compact token, in bytes.
  package static let bytesMax = 16_384
  /// Deepest nesting in header and claims.
  package static let depthMax = 8
  /// Longest `kid`, in bytes.
  package static let keyIDBytesMax = 255
  /// Most keys in one set.
  package static let keysMax = 32
  /// Most members of a JWK Set that are looked at, whether they are keys of ours or not.
  package static let keySetMembersMax = 256
  /// Most certificates in `x5c`.
  package static let certificatesMax = 8
  /// Most members of `aud`.
  package static let audiencesMax = 16
}
