import Crypto
import Gateway
import GatewayAPI
import StrictJSON
import Tokens
import Vocabulary

/// Plays identity towards the gate: one key of each algorithm, and tokens as identity would make
/// them, or not quite.
struct OutsideIssuer {
  static let issuer = "https://localhost:8443"
  static let subject = "0193501d-7b00-7a3c-9d2e-000000000001"
  static let client = "0193501d-7b00-7a3c-9d2e-000000000002"

  let es256 = SigningKey(P256.Signing.PrivateKey(), id: "es-1")
  let edDSA = SigningKey(Curve25519.Signing.PrivateKey(), id: "ed-1")

  var jwks: JSON {
    ["keys": .array([es256.verificationKey.jwk(), edDSA.verificationKey.jwk()])]
  }

  static func claims(at now: Instant, _ changes: [String: JSON?] = [:]) -> JSON {
    var members: [String: JSON] = [
      "iss": .string(issuer), "sub": .string(subject), "aud": .string(GatewayAPI.audience),
      "iat": .integer(now.seconds), "exp": .integer(now.seconds + 300),
      "client_id": .string(client), "scope": "payments:create payments:read",
      "jti": .string("token-\(now.nanoseconds)"), "family": "family-1",
    ]
    for (name, value) in changes { members[name] = value }
    return .object(members)
  }

  func token(
    at now: Instant, type: String = "at+jwt", _ changes: [String: JSON?] = [:]
  ) throws -> String {
    try es256.token(type: type, claims: Self.claims(at: now, changes))
  }

  /// A token with exactly these header members, signed by whatever `sign` does.
  static func forged(
    header: JSON, claims: JSON, sign: ([UInt8]) throws -> [UInt8]
  ) rethrows -> String {
    let input =
      Base64URL.encode(header.canonicalBytes) + "." + Base64URL.encode(claims.canonicalBytes)
    return input + "." + Base64URL.encode(try sign(Array(input.utf8)))
  }
}
