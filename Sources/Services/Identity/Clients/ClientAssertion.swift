import IdentityAPI
import StrictJSON
import Tokens

/// A client's signed statement about itself (RFC 7523), taken apart.
struct ClientAssertion {
  private let token: UnverifiedToken
  /// As sent; to be believed only after `isSigned`.
  let claims: JSON

  /// Nil for anything but a compact JWS over a JSON object. A `typ` other than `JWT` is some other kind of token (RFC
  /// 8725 §3.11); many libraries send none.
  init?(_ text: String) {
    guard let token = try? UnverifiedToken(text), let claims = token.unverifiedClaims,
      [nil, "jwt", "client-authentication+jwt"].contains(token.header.type)
    else { return nil }
    self.token = token
    self.claims = claims
  }

  /// Whether one of the client's registered keys made the signature.
  func isSigned(by keys: [PublishedKey]) -> Bool {
    guard let set = Self.keySet(keys) else { return false }
    return (try? token.verified(by: set, algorithms: Set(TokenAlgorithm.allCases))) != nil
  }

  /// Whether the keys are points on their curves, with distinct names.
  static func canUse(_ keys: [PublishedKey]) -> Bool { keySet(keys) != nil }

  private static func keySet(_ keys: [PublishedKey]) -> KeySet? {
    var parsed: [VerificationKey] = []
    for key in keys {
      guard let bytes = try? StrictJSON.encode(key), let jwk = try? JSON.parse(bytes),
        let verification = try? VerificationKey(jwk: jwk)
      else { return nil }
      parsed.append(verification)
    }
    return try? KeySet(parsed)
  }
}
