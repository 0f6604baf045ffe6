import Authority
import Chassis
import Crypto
import Demo
import Foundation
import Identity
import Launcher
import Storage
import StrictJSON
import Tokens
import Transport
import Vocabulary

/// G2, P2, P3, Z5: a token that identity did not sign for this use opens nothing, and a revoked one closes at once.
package enum TokenDrill {
  package static let drill = Drill(
    name: "tokens",
    promise:
      "G2 P2 P3: no service sees a request whose token is not identity's own, unaltered, in force and for this API.",
    attacks: forgeries + [refreshReuse, revoked, clientAsPerson])

  /// How long a revocation may take.
  static let revokedWithin: Duration = .seconds(1)

  // MARK: forgeries

  /// Signs with a key of ours under whatever the header says.
  private static let mallory = SigningKey(P256.Signing.PrivateKey())
  private static func byMallory(_ message: [UInt8]) throws -> [UInt8] {
    try mallory.signature(for: message)
  }

  private static func forgery(
    _ name: String, _ steps: String,
    _ forge: @escaping @Sendable (DrillRange, String) async throws -> String
  ) -> Attack {
    Attack(name, steps: steps, expectation: "401, and recorded") { range in
      let real = try await range.tokens(of: 0).accessToken
      let control = try await range.ask("GET", "/v1/accounts", token: real)
      guard control.status == 200 else {
        return .notTried("the real token is answered with \(control.text)")
      }
      let forged = try await forge(range, real)
      let answer = try await range.ask("GET", "/v1/accounts", token: forged)
      return .when(answer.status == 401, answer.text, recordedAs: answer.correlation)
    }
  }

  /// The header or claims changed, signed anew by ourselves.
  private static func changed(
    _ name: String, _ steps: String,
    _ change: @escaping @Sendable (inout [String: JSON], inout [String: JSON]) -> Void
  ) -> Attack {
    forgery(name, steps) { _, real in
      var parts = try TakenToken(real)
      change(&parts.header, &parts.claims)
      return try parts.signed(byMallory)
    }
  }

  /// The header or claims changed and signed anew with identity's own key: nothing but the check in question refuses it.
  private static func wellSigned(
    _ name: String, _ steps: String,
    _ change: @escaping @Sendable (inout [String: JSON], inout [String: JSON]) -> Void
  ) -> Attack {
    forgery(name, "\(steps), signed with identity's stolen key") { range, real in
      var parts = try TakenToken(real)
      let keys = try await stolenKeys(range)
      guard let kid = parts.header["kid"]?.string, let key = keys.first(where: { $0.id == kid })
      else { throw DemoFailure("the key that signs was not in the store") }
      // The same way round, unchanged, is believed: or a refusal below would mean nothing.
      let control = try await range.ask(
        "GET", "/v1/accounts", token: parts.signed(key.signature(for:)))
      guard control.status == 200 else {
        throw DemoFailure("signed anew without a change: \(control.text)")
      }
      change(&parts.header, &parts.claims)
      return try parts.signed(key.signature(for:))
    }
  }

  private static func stolenKeys(_ range: DrillRange) async throws -> [SigningKey] {
    try await range.withCopy(of: "identity", IdentityService.migrations) { store, keyring in
      try await StolenSigningKeys.take(from: store, keyring: keyring)
    }
  }

  private static func moved(_ claims: inout [String: JSON], by seconds: Int64) {
    for name in ["iat", "nbf", "exp", "auth_time"] {
      if let time = claims[name]?.integer { claims[name] = .integer(time + seconds) }
    }
  }

  private static let forgeries: [Attack] = [
    forgery("alg-none", "alg none, no signature") { _, real in
      var parts = try TakenToken(real)
      parts.header["alg"] = "none"
      return parts.signed { _ in [] }
    },
    forgery("hmac-with-public-key", "HS256 with identity's public key as the secret") {
      range, real in
      var parts = try TakenToken(real)
      parts.header["alg"] = "HS256"
      let keys = try await range.ask("GET", "/oauth2/jwks", token: nil).body
      return parts.signed {
        Array(HMAC<SHA256>.authenticationCode(for: $0, using: SymmetricKey(data: keys)))
      }
    },
    forgery("signature-of-another-token", "claims altered under the real signature") { _, real in
      var parts = try TakenToken(real)
      parts.claims["scope"] = "accounts:read payments:create admin"
      return parts.signed { _ in parts.signature }
    },
    forgery("zero-signature", "r and s are zero (CVE-2022-21449)") { _, real in
      try TakenToken(real).signed { _ in Array(repeating: 0, count: 64) }
    },
    changed("own-key-same-kid", "signed by our key under identity's kid") { _, _ in },
    changed("another-subject", "another person as the subject") { _, claims in
      claims["sub"] = "0194a2b0-0000-7000-8000-00000000beef"
    },
    changed("wider-scope", "more scopes than were granted") { _, claims in
      claims["scope"] = "accounts:read payments:create clients:write"
    },
    wellSigned("expired", "expired an hour ago") { _, claims in moved(&claims, by: -3_900) },
    wellSigned("not-yet-valid", "good from in an hour") { _, claims in moved(&claims, by: 3_600) },
    wellSigned("wrong-issuer", "issued by somebody else") { _, claims in
      claims["iss"] = "https://evil.example"
    },
    wellSigned("wrong-audience", "made for another API") { _, claims in claims["aud"] = "other" },
    wellSigned("wrong-type", "typ JWT instead of at+jwt") { header, _ in header["typ"] = "JWT" },
    changed("unknown-kid", "a kid that nobody has") { header, _ in header["kid"] = "drill" },
    changed("path-in-kid", "a kid that is a path") { header, _ in
      header["kid"] = "../../../../dev/null"
    },
    wellSigned("jku", "our own key set by URL") { header, _ in
      header["jku"] = "https://evil.example/jwks.json"
    },
    wellSigned("x5u", "our own certificate by URL") { header, _ in
      header["x5u"] = "https://evil.example/c.pem"
    },
    changed("jwk", "our own key in the header") { header, _ in
      header["jwk"] = mallory.verificationKey.jwk()
    },
  ]

  // MARK: what was good once

  private static let refreshReuse = Attack(
    "refresh-reuse",
    steps: "spend a refresh token and its successor, then the first again; use what was given",
    expectation: "the second spending is refused and the whole family dies within a second"
  ) { range in
    let stolen = try await range.signIn(1, more: " offline_access")
    guard let refresh = stolen.refreshToken else { return .notTried("no refresh token was given") }
    let first = try await spend(refresh, range.bank.clientID, range)
    guard first.status == 200, let members = try? JSON.parse(first.body),
      let access = members["access_token"]?.string,
      let successor = members["refresh_token"]?.string
    else { return .notTried("the first spending answered \(first.status)") }
    // While the successor is unused, the owner may have lost the answer and gets it once more.
    let onward = try await spend(successor, range.bank.clientID, range)
    guard onward.status == 200 else {
      return .notTried("the successor's spending answered \(onward.status)")
    }
    let second = try await spend(refresh, range.bank.clientID, range)
    guard second.status == 400 else { return .breach("the second spending: \(second.text)") }
    return try await dies(access, "the second spending 400", range)
  }

  static func spend(
    _ refresh: String, _ client: ClientID, _ range: DrillRange
  ) async throws -> DrillRange.Answer {
    try await post(
      "/oauth2/token",
      [
        ("grant_type", "refresh_token"), ("refresh_token", refresh),
        ("client_id", "\(client)"),
      ], range)
  }

  /// RFC 7009, by a public client.
  static func revoke(
    _ token: String, _ client: ClientID, _ range: DrillRange, through outside: OutsideClient? = nil
  ) async throws -> DrillRange.Answer {
    try await post(
      "/oauth2/revoke", [("token", token), ("client_id", "\(client)")], range, through: outside)
  }

  private static func post(
    _ target: String, _ items: [(name: String, value: String)], _ range: DrillRange,
    through outside: OutsideClient? = nil
  ) async throws -> DrillRange.Answer {
    try await range.ask(
      "POST", target, token: nil,
      headers: [("content-type", "application/x-www-form-urlencoded")],
      body: Array(PercentEncoding.encode(items).utf8), through: outside)
  }

  static func dies(_ token: String, _ before: String, _ range: DrillRange) async throws
    -> Sighting
  {
    let began = range.clock.now()
    while range.clock.now() < began + revokedWithin {
      let answer = try await range.ask("GET", "/v1/accounts", token: token)
      if answer.status == 401 {
        let took = (range.clock.now() - began).nanoseconds / 1_000_000
        return .held("\(before); the access token was dead \(took) ms later")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return .breach("\(before); the access token still lives after a second")
  }

  private static let revoked = Attack(
    "revoked", steps: "sign out the client by RFC 7009 and keep using its access token",
    expectation: "401 within a second"
  ) { range in
    let tokens = try await range.signIn(2, more: " offline_access")
    guard let refresh = tokens.refreshToken else { return .notTried("no refresh token was given") }
    let answer = try await revoke(refresh, range.bank.clientID, range)
    guard answer.status == 200 else { return .notTried("revocation answered \(answer.text)") }
    return try await dies(tokens.accessToken, "revoked", range)
  }

  private static let clientAsPerson = Attack(
    "client-as-person",
    steps: "register a client under a person's id, to get tokens with that subject",
    expectation: "409: an id belongs to a person or to a client"
  ) { range in
    let body =
      #"{"id":"\#(range.bank.residents[0].id)","name":"Impostor","kind":"public","#
      + #""grants":["authorization_code"],"redirect_uris":["https://evil.example/cb"],"scopes":["openid"]}"#
    let answer = try await range.line.send(
      .post, "/v1/clients", to: "identity",
      headers: ["correlation-id": "\(range.newCorrelation())", "content-type": "application/json"],
      body: Array(body.utf8))
    return .when(answer.status == 409, "\(answer.status)")
  }
}
