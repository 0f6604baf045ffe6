import Crypto
import PolicyEngine
import Testing
import Tokens

@Suite struct `Tokens that a policy signs` {
  private func value(_ query: String, _ input: [(String, String)]) throws -> Value? {
    let members = input.map { (Value.string($0.0), Value.string($0.1)) }
    let policy = try CompiledPolicy.compile([])
    let document = EvaluationInput(input: .object(ObjectValue(members)), isStrict: true)
    return try policy.evaluate("x := \(query)", document).bindings.first?["x"]
  }

  private func signed(_ algorithm: String, _ key: String) throws -> String {
    let query = """
      io.jwt.encode_sign({"alg": "\(algorithm)"}, {"sub": "ada"}, json.unmarshal(input.key))
      """
    guard case .string(let token)? = try value(query, [("key", key)]) else {
      throw NoToken(algorithm: algorithm)
    }
    return token
  }

  private struct NoToken: Error { let algorithm: String }

  private func isBelieved(_ token: String, _ algorithm: String, _ key: String) throws -> Bool {
    try value(
      "io.jwt.verify_\(algorithm.lowercased())(input.token, input.key)",
      [("token", token), ("key", key)]) == .bool(true)
  }

  private func text(_ bytes: some Sequence<UInt8>) -> String {
    Base64URL.encode(bytes)
  }

  @Test func `are believed by who holds the public key of the curve`() throws {
    let small = P256.Signing.PrivateKey()
    let middle = P384.Signing.PrivateKey()
    let large = P521.Signing.PrivateKey()
    for (algorithm, curve, secret, point) in [
      ("ES256", "P-256", text(small.rawRepresentation), Array(small.publicKey.rawRepresentation)),
      ("ES384", "P-384", text(middle.rawRepresentation), Array(middle.publicKey.rawRepresentation)),
      ("ES512", "P-521", text(large.rawRepresentation), Array(large.publicKey.rawRepresentation)),
    ] {
      let half = point.count / 2
      let known =
        #""kty":"EC","crv":"\#(curve)","x":"\#(text(point[..<half]))","y":"\#(text(point[half...]))""#
      let token = try signed(algorithm, "{\(known),\"d\":\"\(secret)\"}")
      #expect(try isBelieved(token, algorithm, "{\(known)}"))
      #expect(try !isBelieved(token.dropLast(8) + "AAAAAAAA", algorithm, "{\(known)}"))
    }
  }

  @Test(arguments: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
  func `are believed by who holds the public RSA key`(_ algorithm: String) throws {
    let key = try value(
      "json.marshal(crypto.x509.parse_rsa_private_key(input.key))", [("key", Self.rsa)])
    guard case .string(let secret)? = key else { throw NoToken(algorithm: algorithm) }
    let token = try signed(algorithm, secret)
    #expect(try isBelieved(token, algorithm, secret))
    // What kind of key it is nobody says.
    for kind in ["?", "EC", "OKP", "oct", "rsa"] {
      let other = secret.replacing("\"RSA\"", with: "\"\(kind)\"")
      #expect(other != secret)
      #expect((try? isBelieved(token, algorithm, other)) != true)
    }
    #expect(try isBelieved(token, algorithm, Self.rsaPublic))
    #expect(try !isBelieved(token.dropLast(8) + "AAAAAAAA", algorithm, Self.rsaPublic))
  }

  @Test(arguments: [
    #"{"kty":"EC","crv":"P-384","x":"AA","y":"AA","d":"AA"}"#, #"{"kty":"EC","crv":"P-256"}"#,
    #"{"kty":"EC","crv":"P-256","d":"AA"}"#, #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
  ])
  func `need a whole key of the algorithm's kind`(_ key: String) throws {
    for algorithm in ["ES256", "PS256"] {
      #expect(throws: PolicyError.self) { try signed(algorithm, key) }
    }
  }

  private static let rsa = """
    -----BEGIN RSA PRIVATE KEY-----
    MIIEowIBAAKCAQEAzpl3VMhvpcxooJSQEHrfv2Lk7Nf7DxAXEsnRyxZ/jaoILYvX
    extM60i7Elhg+PJ2rfm+GQ3CZsHo2IAfUsxTYn5raLKf3pOLDwHnFv4xJDquHSV3
    j9FYubgf9S8nCbVoFlvcdIndPxMMhtu0yybJHFnlradCaBNnhaBojjMwHDJQY1AY
    6fL+ynQaQdgonHHesXiDVd9uUSV1xhhQ/ZdRKi9+DZHOdWi+2RrJ2HR8SpAuMIFs
    CZcApvlRxVexLHDoX3WxB8fzbSbqqxFk44ju02lXahRYD4EdLzDxAPqz8GJPU0wF
    4ggzN7F9gZiXpqVsg4NetpYweaP1Jk2YWAfrlQIDAQABAoIBAAYDYn1FvjYprmvq
    Fw1bvjJwWvBn0udb1QgXdrM+CuVhKw7EULfFEiaQ/dzpVJ06VWj36WgKRfu+rhvL
    Et5SkyS9QDwSYuPUEIqVyBebu2tuB85SXloBwl7ZdJiq0CyQqqBn+REtSBLDZ6xv
    LaJyFQ1tsmktAppL4kn54sEszTwsz1CTZPe0e417E1rm9UCRKW/8PoHRFntmyknn
    7oPSNq7lto0L1ail0bT81wZQXz58BTw8EVwJH0P7mb419luPOYXH+hW6BG7rnzWu
    O5kdAjq8RdKtOANxsOm/vVOLjoRFoigWzSnCtq7+xqBtq61FPuUtCYL3tmfhP+O5
    W5IA4XsCgYEA80F9bUV1Jj5Q/L9Nt4mj1/6NBnkwJjWcOadrMK4TpzBwNVrJCG87
    pyaIxrIn3jhryMYC8wNTGKWHt5OLdOA1waXC2rByZUKs+PfSXtqFYlW5P+SgLclR
    qRwePskk6+HPZy4aguKcfkUDtf2vLY5ck7kcFcbYR8oTOH4V2UkxbrsCgYEA2WxY
    zfx4k8VtJwqm33SWD6vIU5XPhLQXzejUZHQwdHqqwdpBqqXz32xw3Ite/vzVuKhB
    docbRKla0uwd5DAahycCpC//cKYS2wuyRSIYo/HG1QdLI60YQTfTRfEfp3e0d9no
    q6d2660qPXS027WEv4DMyZLF+nSx2ZUPYKlzce8CgYEA02XklKO6DUQ2qY+vAIPT
    KZCECk4jM/F/FPOTybheR/tmaFe/QV85Xie00chdsVcjBFZglcQb4N1ptnW4yhdX
    YDSnw9l3cNyi6bKk1d3d8PlChm4vbdr45pgTCMlRFtUkoyyDyZ8aFPnxIaWXKWYA
    ujgyWhJ2Pt00GvIoFq7vEKUCgYA6WkbXOdxOpJzv7n7s2AhyOkNwk3N3hTIiVEu0
    ji53BHkRv/cByrpSC3Oa7VjYjJj7j0TKf+ZEnkM++pnnJTXpcgHWeP9Qh3HmEhSN
    U2JTlc8sW2HCOHGbB1WPnvBE7O6lf/lfIHndNMNybQEhOm1fTD0qGFdEKc+Vuti+
    s5vFRwKBgHYR3lq3P9ER+kAhGl8gabxxCQLuPUI/wmI4QZ/Xoc77WWX/D78heHKN
    5hrBHiFwTYFF99BxTNURS13dqkreNWXlWaH/pUGMYFhEfwZmndP4rGi9I8N+3tHZ
    4K7IfFEMUJ0SVgnmyQBtcyeK4XCMUrm9HFM/zTI3E2ywrYQpgIM3
    -----END RSA PRIVATE KEY-----
    """

  private static let rsaPublic = """
    -----BEGIN PUBLIC KEY-----
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzpl3VMhvpcxooJSQEHrf
    v2Lk7Nf7DxAXEsnRyxZ/jaoILYvXextM60i7Elhg+PJ2rfm+GQ3CZsHo2IAfUsxT
    Yn5raLKf3pOLDwHnFv4xJDquHSV3j9FYubgf9S8nCbVoFlvcdIndPxMMhtu0yybJ
    HFnlradCaBNnhaBojjMwHDJQY1AY6fL+ynQaQdgonHHesXiDVd9uUSV1xhhQ/ZdR
    Ki9+DZHOdWi+2RrJ2HR8SpAuMIFsCZcApvlRxVexLHDoX3WxB8fzbSbqqxFk44ju
    02lXahRYD4EdLzDxAPqz8GJPU0wF4ggzN7F9gZiXpqVsg4NetpYweaP1Jk2YWAfr
    lQIDAQAB
    -----END PUBLIC KEY-----
    """
}
