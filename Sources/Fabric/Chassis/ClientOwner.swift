import Crypto
package import Vocabulary

/// Under which reference a client that acts for itself owns accounts and payments. It is a digest of the client's id: no
/// client, whatever its id reads like, owns what is a person's, and nobody can choose an id for the reference he wants.
package enum ClientOwner {
  /// The first 128 bits of SHA-256 over a fixed text and the id, marked as a UUID of version 8 (RFC 9562 §5.8).
  package static func reference(of clientID: String) -> PersonID {
    let digest = SHA256.hash(data: Array("strongroom-client-owner\u{0}\(clientID)".utf8))
    var bytes = Array(digest.prefix(16))
    bytes[6] = bytes[6] & 0x0f | 0x80
    bytes[8] = bytes[8] & 0x3f | 0x80
    return PersonID(bits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
  }
}
