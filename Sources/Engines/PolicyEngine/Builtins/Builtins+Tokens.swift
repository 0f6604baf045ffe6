import Crypto
import Vocabulary

/// A token in compact form (RFC 7519), taken apart but not verified.
private struct CompactToken {
  let header: ObjectValue
  let payload: Value
  let signature: [UInt8]
  let message: [UInt8]

  /// Tokens inside tokens that are opened.
  static let nestedMax = 8

  init(_ text: String, depth: Int = 0) throws {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 1 else {
      throw BuiltinFailure.bare("encoded JWT had no period separators")
    }
    guard parts.count == 3 else {
      throw BuiltinFailure.bare("encoded JWT must have 3 sections, found \(parts.count)")
    }
    func section(_ index: Int, _ name: String) throws -> [UInt8] {
      do {
        return try Base64.decode(String(parts[index]), .url)
      } catch let error as BuiltinFailure {
        throw BuiltinFailure.bare("JWT \(name) had invalid encoding: \(error.message)")
      }
    }
    let header = try section(0, "header")
    let payload = try section(1, "payload")
    guard case .object(let members)? = try? Value.parse(json: header) else {
      throw BuiltinFailure.bare("JWT header is not a JSON object")
    }
    guard members["enc"] == nil else {
      throw BuiltinFailure.bare("JWT is a JWE object, which is not supported")
    }
    guard let content = try? Value.parse(json: payload) else {
      throw BuiltinFailure.bare("JWT payload is not JSON")
    }
    let isNested: Bool
    if case .string(let kind)? = members["cty"] {
      isNested = kind.uppercased() == "JWT"
    } else {
      isNested = false
    }
    if isNested, case .string(let inner) = content, depth < Self.nestedMax {
      self = try CompactToken(inner, depth: depth + 1)
      return
    }
    self.header = members
    self.payload = content
    signature = try section(2, "signature")
    message = Array("\(parts[0]).\(parts[1])".utf8)
  }
}

extension Builtins {
  static let tokens: [Builtin] =
    [
      Builtin("io.jwt.decode", 1) { _, values in
        let token = try CompactToken(try Arguments(values).string(0))
        return .array([
          .object(token.header), token.payload, .string(hexText(token.signature)),
        ])
      },
      Builtin("io.jwt.decode_verify", 2) { context, values in
        let refused = Value.array([.bool(false), .object(.empty), .object(.empty)])
        let token = try CompactToken(try Arguments(values).string(0))
        let constraints = try TokenConstraints(try Arguments(values).object(1), context)
        try context.charge(10_000)
        guard case .string(let algorithm)? = token.header["alg"],
          constraints.verifies(
            token.signature, token.message, algorithm: algorithm,
            identifier: token.header["kid"]),
          try constraints.allow(token.header, token.payload)
        else { return refused }
        return .array([.bool(true), .object(token.header), token.payload])
      },
      Builtin("io.jwt.encode_sign", 3) { context, values in
        let parts = try (0...2).map { try Arguments(values).object($0) }
        return .string(
          try TokenSecret.signed(
            Value.object(parts[0]).jsonText, Value.object(parts[1]).jsonText, parts[2], &context))
      },
      Builtin("io.jwt.encode_sign_raw", 3) { context, values in
        let arguments = Arguments(values)
        guard case .object(let key)? = try? Value.parse(json: try arguments.string(2).utf8) else {
          throw TokenSecret.broken
        }
        return .string(
          try TokenSecret.signed(try arguments.string(0), try arguments.string(1), key, &context))
      },
    ]
    + ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
    .map { algorithm in
      Builtin("io.jwt.verify_\(algorithm.lowercased())", 2) { context, values in
        let token = try CompactToken(try Arguments(values).string(0))
        let keys = try TokenKey.keys(in: try Arguments(values).string(1))
        try context.charge(10_000 * (keys.count + 1))
        return .bool(
          TokenKey.verifies(
            keys, token.signature, token.message, algorithm: algorithm,
            identifier: token.header["kid"]))
      }
    }
    + ["HS256", "HS384", "HS512"].map { algorithm in
      Builtin("io.jwt.verify_\(algorithm.lowercased())", 2) { _, values in
        let token = try CompactToken(try Arguments(values).string(0))
        let secret = Array(try Arguments(values).string(1).utf8)
        return .bool(
          verifiesCode(token.signature, token.message, secret, algorithm: algorithm))
      }
    }

  /// HMAC with SHA-2 (RFC 7518 §3.2); false for another algorithm.
  fileprivate static func verifiesCode(
    _ code: [UInt8], _ message: [UInt8], _ secret: [UInt8], algorithm: String
  ) -> Bool {
    let key = SymmetricKey(data: secret)
    return switch algorithm {
    case "HS256": HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: message, using: key)
    case "HS384": HMAC<SHA384>.isValidAuthenticationCode(code, authenticating: message, using: key)
    case "HS512": HMAC<SHA512>.isValidAuthenticationCode(code, authenticating: message, using: key)
    default: false
    }
  }
}

/// What `io.jwt.decode_verify` asks of a token.
private struct TokenConstraints {
  private var keys: [TokenKey.Listed]?
  private var secret: [UInt8]?
  private var algorithm: String?
  private var issuer: Value?
  private var audience: Value?
  /// Nanoseconds since 1970.
  private var time: Number

  init(_ members: ObjectValue, _ context: BuiltinContext) throws {
    time = Number(context.nanoseconds)
    for member in members.members {
      guard case .string(let name) = member.key else { continue }
      switch (name, member.value) {
      case ("cert", .string(let text)): keys = try TokenKey.keys(in: text)
      case ("secret", .string(let text)): secret = Array(text.utf8)
      case ("alg", .string(let text)): algorithm = text
      case ("iss", .string): issuer = member.value
      case ("aud", .string): audience = member.value
      case ("time", .number(let number)): time = number
      default: throw BuiltinFailure.bare("unknown token validation constraint: \(name)")
      }
    }
    guard (keys == nil) != (secret == nil) else {
      throw BuiltinFailure.bare(
        keys == nil ? "no key constraint" : "duplicate key constraints")
    }
  }

  func verifies(
    _ signature: [UInt8], _ message: [UInt8], algorithm name: String, identifier: Value?
  ) -> Bool {
    if let algorithm, algorithm != name { return false }
    if let secret {
      return Builtins.verifiesCode(signature, message, secret, algorithm: name)
    }
    return TokenKey.verifies(
      keys ?? [], signature, message, algorithm: name, identifier: identifier)
  }

  /// Whether header and claims hold (RFC 7519 §4.1); extensions that we must understand, we don't.
  func allow(_ header: ObjectValue, _ payload: Value) throws -> Bool {
    guard header["crit"] == nil, case .object(let claims) = payload else { return false }
    if let issuer, claims["iss"] != issuer { return false }
    if let expiry = try moment("exp", claims), !(time < expiry) { return false }
    if let start = try moment("nbf", claims), time < start { return false }
    // A token for somebody is refused by who does not say who he is.
    switch claims["aud"] {
    case nil: return audience == nil
    case .array(let names)?: return audience.map(names.contains) ?? false
    case let name?: return audience == name
    }
  }

  private func moment(_ name: String, _ claims: ObjectValue) throws -> Number? {
    switch claims[name] {
    case nil: return nil
    case .number(let seconds)?: return seconds.multiplied(by: Number(Int64(1_000_000_000)))
    case _?: throw BuiltinFailure.bare("\(name) value must be a number")
    }
  }
}
