package import StrictJSON

/// The public keys that a caller trusts for one issuer.
package struct KeySet: Hashable, Sendable {
  package let keys: [VerificationKey]
  private let byID: [String: Int]

  /// - Throws: `KeyRefusal.ambiguous` for two keys with one `kid`, `.tooMany` beyond the limit.
  package init(_ keys: [VerificationKey]) throws(KeyRefusal) {
    guard keys.count <= TokenLimits.keysMax else { throw .tooMany }
    var byID: [String: Int] = [:]
    for (index, key) in keys.enumerated() {
      guard let id = key.id else { continue }
      guard byID.updateValue(index, forKey: id) == nil else { throw .ambiguous }
    }
    self.keys = keys
    self.byID = byID
  }

  /// Reads a JWK Set (RFC 7517 §5). Keys of types that we do not use are passed over, as the RFC
  /// asks; a key of ours that is malformed or private is refused, and the set with it.
  /// - Throws: `KeyRefusal`.
  package init(jwks: JSON, use: String = "sig") throws(KeyRefusal) {
    guard let members = jwks["keys"]?.array else { throw .malformed("keys") }
    guard members.count <= TokenLimits.keysMax else { throw .tooMany }
    var keys: [VerificationKey] = []
    for member in members {
      do {
        keys.append(try VerificationKey(jwk: member, use: use))
      } catch {
        switch error {
        case .unsupported, .wrongUse: continue
        case .malformed, .symmetric, .privateKeyExposed, .tooMany, .ambiguous: throw error
        }
      }
    }
    try self.init(keys)
  }

  /// The JWK Set, as published at a `jwks_uri`.
  package var jwks: JSON { ["keys": .array(keys.map { $0.jwk() })] }

  /// The key that a token asks for. Without a `kid` only a set of one key answers: trying one key
  /// after the other would let the sender choose.
  package func key(for id: String?) -> VerificationKey? {
    guard let id else { return keys.count == 1 ? keys.first : nil }
    return byID[id].map { keys[$0] }
  }
}
