import Crypto
import Foundation
import Vocabulary
import _CryptoExtras

/// An RSA key that passed `RSAKeyRules`.
struct RSAPublicKey: Sendable {
  private let key: _RSA.Signing.PublicKey
  /// Big-endian, without leading zeros.
  let modulus: [UInt8]

  /// - Throws: `KeyRefusal`: `.unsupported` for a modulus that is too short or too long, or another exponent than 65,537;
  ///   `.malformed("n")` for a number that is no modulus.
  init(modulus: [UInt8], exponent: [UInt8]) throws(KeyRefusal) {
    let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    guard RSAKeyRules.modulusBits.contains(bits), exponent == RSAKeyRules.exponent else {
      throw .unsupported
    }
    // A product of two odd primes is odd.
    guard let last = modulus.last, last & 1 == 1,
      let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
    else { throw .malformed("n") }
    self.key = key
    self.modulus = modulus
  }

  func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
    guard signature.count == modulus.count else { return false }
    return key.isValidSignature(
      _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: message),
      padding: .insecurePKCS1v1_5)
  }
}

/// The private half.
struct RSAPrivateKey: Sendable {
  /// Of the keys made here.
  static let modulusBits = 2_048

  private let key: _RSA.Signing.PrivateKey
  let publicKey: RSAPublicKey

  private init(_ key: _RSA.Signing.PrivateKey) throws {
    let primitives = try key.publicKey.getKeyPrimitives()
    self.key = key
    publicKey = try RSAPublicKey(
      modulus: Array(primitives.modulus.drop { $0 == 0 }),
      exponent: Array(primitives.publicExponent.drop { $0 == 0 }))
  }

  /// A new key. The library draws its primes from the system's randomness.
  static func generate() throws -> RSAPrivateKey {
    try RSAPrivateKey(_RSA.Signing.PrivateKey(keySize: .bits2048))
  }

  /// What `der` gave (PKCS #1, RFC 8017 appendix A.1.2).
  init(der: [UInt8]) throws { try self.init(_RSA.Signing.PrivateKey(derRepresentation: der)) }

  var der: Data { key.derRepresentation }

  func signature(for message: [UInt8]) throws -> [UInt8] {
    Array(
      try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
        .rawRepresentation)
  }
}
