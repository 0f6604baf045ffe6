import StrictJSON
import TestKit
import Testing
import Tokens
import Vocabulary

private let now: Int64 = 1_800_000_000
private let good: [String: JSON] = [
  "iss": "https://issuer.example", "aud": "payments", "exp": .integer(now + 60),
  "nbf": .integer(now - 1), "iat": .integer(now - 1), "sub": "p", "jti": "1", "scope": "a b",
]
private let policy = TokenPolicy(
  issuer: "https://issuer.example", audiences: ["payments", "https://payments.example"],
  types: ["at+jwt"], clockSkew: .seconds(5), lifetimeMax: .seconds(300))

private func judged(
  _ changes: [(String, JSON?)], type: String = "at+jwt", by policy: TokenPolicy = policy
) throws -> Result<TokenClaims, TokenRefusal> {
  var claims = good
  for (name, value) in changes { claims[name] = value }
  let signer = SigningKey.generate(.edDSA, .seeded(3))
  let token = try UnverifiedToken(signer.token(type: type, claims: .object(claims))).verified(
    by: signer.verificationKey, algorithms: [.edDSA])
  return Result { () throws(TokenRefusal) in
    try policy.claims(of: token, at: Instant(seconds: now))
  }
}

private func refusal(_ changes: [(String, JSON?)], type: String = "at+jwt") throws -> TokenRefusal?
{
  if case .failure(let refusal) = try judged(changes, type: type) { refusal } else { nil }
}

/// One token that differs from the good one, and what must be said of it.
private struct Row: Sendable, CustomTestStringConvertible {
  let changes: [(String, JSON?)]
  let type: String
  let expected: TokenRefusal?

  init(_ changes: (String, JSON?)..., type: String = "at+jwt", is expected: TokenRefusal?) {
    self.changes = changes
    self.type = type
    self.expected = expected
  }
  var testDescription: String { "\(type) \(changes) → \(expected?.name ?? "accepted")" }
}

// Sorted by precedence: many rows also have a fault of a later kind.
private let rows: [Row] = [
  Row(("iss", "x"), ("exp", 0), type: "jwt", is: .wrongType),
  Row(("iss", "x"), type: "application/jwt", is: .wrongType),
  Row(type: "AT+JWT", is: nil),
  Row(type: "application/at+jwt", is: nil),
  Row(("iss", nil), is: .claimRefused("iss")),
  Row(("iss", 7), ("aud", 7), is: .claimRefused("iss")),
  Row(("iss", ""), ("aud", 7), is: .claimRefused("iss")),
  Row(("sub", 7), ("iss", "x"), is: .claimRefused("sub")),
  Row(("aud", nil), ("iss", "x"), is: .claimRefused("aud")),
  Row(("aud", []), ("iss", "x"), is: .claimRefused("aud")),
  Row(("aud", ["payments", 7]), is: .claimRefused("aud")),
  Row(("exp", nil), ("iss", "x"), is: .claimRefused("exp")),
  Row(("exp", "1800000060"), is: .claimRefused("exp")),
  Row(("exp", -1), is: .claimRefused("exp")),
  Row(("exp", 253_402_300_799), is: .claimRefused("exp")),
  Row(("exp", .number(1e300)), is: .claimRefused("exp")),
  Row(("nbf", true), is: .claimRefused("nbf")),
  Row(("iat", .null), is: .claimRefused("iat")),
  Row(("jti", 1), ("iss", "x"), is: .claimRefused("jti")),
  Row(("iss", "https://issuer.example/"), ("aud", "x"), is: .wrongIssuer),
  Row(("iss", "HTTPS://issuer.example"), is: .wrongIssuer),
  Row(("aud", "Payments"), ("exp", 0), is: .wrongAudience),
  Row(("aud", ["a", "b"]), is: .wrongAudience),
  Row(("aud", ["a", "payments"]), is: nil),
  Row(("exp", .integer(now - 5)), ("nbf", .integer(now + 60)), is: .expired),
  Row(("exp", .integer(now - 4)), is: nil),
  Row(("exp", .number(Double(now) - 4.5)), is: .expired),
  Row(("nbf", .integer(now + 6)), ("iat", .integer(now + 60)), is: .notYetValid),
  Row(("nbf", .integer(now + 5)), is: nil),
  Row(("nbf", nil), is: nil),
  Row(("iat", .integer(now + 6)), is: .issuedInFuture),
  Row(("iat", .integer(now + 5)), is: nil),
  Row(("iat", nil), is: .claimRefused("iat")),
  Row(("iat", .integer(now - 240)), is: nil),
  Row(("iat", .integer(now - 241)), is: .livesTooLong),
]

@Suite struct `A token policy` {
  @Test func `gives the claims of a good token`() throws {
    let claims = try judged([]).get()
    #expect(claims.issuer == "https://issuer.example")
    #expect(claims.subject == "p")
    #expect(claims.audiences == ["payments"])
    #expect(claims.expiresAt == Instant(seconds: now + 60))
    #expect(claims.id == "1")
    #expect(claims["scope"] == "a b")
  }

  @Test(arguments: rows)
  fileprivate func `names the first fault`(_ row: Row) throws {
    #expect(try refusal(row.changes, type: row.type) == row.expected)
  }

  @Test func `takes sixteen audiences and not seventeen`() throws {
    let names = (1..<TokenLimits.audiencesMax).map { JSON.string("a\($0)") } + ["payments"]
    #expect(try refusal([("aud", .array(names))]) == nil)
    #expect(try refusal([("aud", .array(names + ["x"]))]) == .claimRefused("aud"))
  }

  @Test func `never allows more than five minutes between clocks`() {
    let lax = TokenPolicy(issuer: "i", audiences: [], types: [], clockSkew: .seconds(301))
    #expect(lax.clockSkew == .seconds(300))
  }

  @Test func `accepts a missing type only where told to`() throws {
    let signer = SigningKey.generate(.es256, .seeded(4))
    let payload = JSON.object(good).canonicalBytes
    let input = Base64URL.encode(#"{"alg":"ES256"}"#.utf8) + "." + Base64URL.encode(payload)
    let text = input + "." + Base64URL.encode(try signer.signature(for: Array(input.utf8)))
    let token = try UnverifiedToken(text).verified(
      by: signer.verificationKey, algorithms: [.es256])
    let at = Instant(seconds: now)
    #expect(throws: TokenRefusal.wrongType) { try policy.claims(of: token, at: at) }
    let lenient = TokenPolicy(
      issuer: "https://issuer.example", audiences: ["payments"], types: ["jwt"],
      allowsMissingType: true)
    #expect(throws: Never.self) { try lenient.claims(of: token, at: at) }
  }

  @Test func `tells the outside nothing but that a token is needed`() {
    for refusal in [TokenRefusal.badSignature, .expired, .unknownKey, .wrongIssuer] {
      #expect(refusal.problem == .unauthenticated)
    }
  }
}
