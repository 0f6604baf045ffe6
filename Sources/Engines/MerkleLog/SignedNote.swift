import Crypto
import Vocabulary

/// A public key for signed notes (C2SP signed-note), Ed25519. Written `name+hash+key`.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
  /// Signature type identifier byte of Ed25519.
  static let ed25519: UInt8 = 1
  /// Longest text of a key, in bytes.
  package static let textBytesMax = 512

  package let name: String
  /// First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key).
  package let keyID: UInt32
  /// The 32 bytes of RFC 8032.
  package let publicKey: [UInt8]

  /// Nil for a name that notes do not allow, a key of another length than 32, or a point that anybody can sign for.
  package init?(name: String, publicKey: [UInt8]) {
    guard Self.isName(name), Ed25519Encoding.isSound(publicKey) else { return nil }
    self.name = name
    self.publicKey = publicKey
    let hash = SHA256.hash(data: Array(name.utf8) + [0x0a, Self.ed25519] + publicKey)
    keyID = hash.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// From its text, with or without a final newline; nil when malformed or when the hash does not
  /// fit.
  package init?(_ text: String) {
    guard text.utf8.count <= Self.textBytesMax else { return nil }
    let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
    let parts = line.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let encoded = Base64.decode(parts[2]), encoded.first == Self.ed25519
    else { return nil }
    self.init(name: String(parts[0]), publicKey: Array(encoded.dropFirst()))
    guard description == line else { return nil }
  }

  package var description: String {
    let digits = String(keyID, radix: 16)
    let hash = String(repeating: "0", count: 8 - digits.count) + digits
    return "\(name)+\(hash)+\(Base64.encode([Self.ed25519] + publicKey))"
  }

  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 255
      && name.unicodeScalars.allSatisfy {
        $0 != "+" && $0.value >= 0x20 && !$0.properties.isWhitespace
      }
  }
}

/// The log's own key: 32 bytes of Ed25519 seed, held by swift-crypto, which zeroes it.
package struct NoteSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  package let verifierKey: VerifierKey

  /// Nil for a name that notes do not allow, or a seed of another length than 32.
  package init?(name: String, seed: some Collection<UInt8>) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: Array(seed)),
      let verifier = VerifierKey(name: name, publicKey: Array(key.publicKey.rawRepresentation))
    else { return nil }
    self.key = key
    verifierKey = verifier
  }

  /// The signed note for a text; nil when the text is not fit for one: it must end in a newline and
  /// hold no other control character.
  package func sign(_ text: String) -> String? {
    guard SignedNote.isText(text), let signature = try? key.signature(for: Array(text.utf8)) else {
      return nil
    }
    let keyID = withUnsafeBytes(of: verifierKey.keyID.bigEndian) { Array($0) }
    return "\(text)\n— \(verifierKey.name) \(Base64.encode(keyID + Array(signature)))\n"
  }
}

/// A text with signatures (C2SP signed-note), parsed but not trusted: only `verified` gives the
/// text out.
package struct SignedNote: Hashable, Sendable {
  /// Longest note, in bytes.
  package static let bytesMax = 65_536
  /// Most signature lines; the format asks for 16 at least.
  package static let signaturesMax = 32

  private struct Signature: Hashable {
    let name: String
    let keyID: UInt32
    let bytes: [UInt8]
  }
  private let text: String
  private let signatures: [Signature]

  /// Why a note is not to be believed.
  package enum Flaw: Error, Hashable, Sendable {
    /// No signature of the key: it may be honest, but we cannot tell.
    case notSignedByKey
    /// A signature in the key's name that does not fit the text: altered or forged.
    case signatureInvalid
  }

  /// Nil for anything that is not a note.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.bytesMax, let whole = String(validating: bytes, as: UTF8.self),
      Self.isText(whole)
    else { return nil }
    // The text is separated from the signatures by the last empty line.
    var lines = whole.split(separator: "\n", omittingEmptySubsequences: false)
    lines.removeLast()
    guard let blank = lines.lastIndex(of: ""), blank > 0, blank < lines.count - 1,
      lines.count - 1 - blank <= Self.signaturesMax
    else { return nil }
    text = lines[..<blank].joined(separator: "\n") + "\n"
    var signatures: [Signature] = []
    for line in lines[(blank + 1)...] {
      let parts = line.split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 3, parts[0] == "—", VerifierKey.isName(String(parts[1])),
        let decoded = Base64.decode(parts[2]), decoded.count > 4
      else { return nil }
      let keyID = decoded.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      signatures.append(
        Signature(name: String(parts[1]), keyID: keyID, bytes: Array(decoded.dropFirst(4))))
    }
    self.signatures = signatures
  }

  /// The text, when the key signed it. Signatures of unknown keys are ignored; one of this key that
  /// does not verify condemns the note.
  package func verified(by key: VerifierKey) throws(Flaw) -> String {
    let own = signatures.filter { $0.name == key.name && $0.keyID == key.keyID }
    guard !own.isEmpty else { throw .notSignedByKey }
    guard let publicKey = try? Curve25519.Signing.PublicKey(rawRepresentation: key.publicKey),
      own.allSatisfy({ publicKey.isValidSignature($0.bytes, for: Array(text.utf8)) })
    else { throw .signatureInvalid }
    return text
  }

  static func isText(_ text: String) -> Bool {
    text.utf8.last == 0x0a && text.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0a }
  }
}
