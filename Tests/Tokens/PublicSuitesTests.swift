import StrictJSON
import TestKit
import Testing
import Tokens
import Vocabulary

/// Wycheproof and the cookbook write many levels and long texts.
private let limits = JSONLimits(depthMax: 64)

@Suite struct `Tokens against public suites` {
  @Test func `Ed25519 signing gives the cookbook's bytes`() throws {
    guard let text = try Testdata.file("jwt/jose-cookbook/curve25519/jws.json") else { return }
    let example = try JSON.parse(text, limits: limits)
    let key = try SigningKey(jwk: try #require(example["input"]?["key"]))
    let input = try #require(example["signing"]?["sig-input"]?.string)
    let signature = Base64URL.encode(try key.signature(for: Array(input.utf8)))
    #expect(signature == example["signing"]?["sig"]?.string)
  }
}
