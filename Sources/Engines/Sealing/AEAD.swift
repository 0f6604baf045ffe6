package import Crypto

/// AES-256-GCM with 96-bit nonces and 128-bit tags (NIST SP 800-38D), the one combination that is
/// offered.
package enum AEAD {
  /// Nonce, ciphertext and tag in one.
  /// - Throws: `SealingRefusal.keyringRefused` for a key that is not 32 bytes or a nonce that is
  /// not 12.
  package static func seal(
    _ plaintext: [UInt8], key: SymmetricKey, nonce: [UInt8], associated: [UInt8]
  ) throws(SealingRefusal) -> [UInt8] {
    guard key.bitCount == 256, nonce.count == 12 else { throw .keyringRefused }
    do {
      let box = try AES.GCM.seal(
        plaintext, using: key, nonce: AES.GCM.Nonce(data: nonce), authenticating: associated)
      // `combined` exists exactly for nonces of 12 bytes.
      guard let combined = box.combined else { throw SealingRefusal.keyringRefused }
      return Array(combined)
    } catch {
      throw .keyringRefused
    }
  }

  /// - Throws: `.keyringRefused` for a key that is not 32 bytes, `.malformed` when too short,
  /// `.notAuthentic`.
  package static func open(
    _ sealed: ArraySlice<UInt8>, key: SymmetricKey, associated: [UInt8]
  ) throws(SealingRefusal) -> [UInt8] {
    guard key.bitCount == 256 else { throw .keyringRefused }
    guard sealed.count >= 12 + 16, let box = try? AES.GCM.SealedBox(combined: sealed) else {
      throw .malformed
    }
    guard let plaintext = try? AES.GCM.open(box, using: key, authenticating: associated) else {
      throw .notAuthentic
    }
    return Array(plaintext)
  }
}
