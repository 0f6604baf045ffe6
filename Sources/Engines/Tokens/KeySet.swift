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

  /// Reads a JWK Set (RFC 7517 §5). Members that are not understood, lack what they must have, or have values that we do
  /// not take are passed over, as the RFC asks: one key of somebody else's must not take the others with it. What was
  /// passed over is not believed.
  /// - Throws: `KeyRefusal`: `.malformed("keys")` for no set at all, `.tooMany` beyond the limits, `.ambiguous`; and the
  ///   first member's refusal where there are members and none can be used.
  package init(jwks: JSON, use: String = "sig") throws(KeyRefusal) {
    guard let members = jwks["keys"]?.array else { throw .malformed("keys") }
    guard members.count <= TokenLimits.keySetMembersMax else { throw .tooMany }
    var keys: [VerificationKey] = []
    var refusal: KeyRefusal?
    for member in members {
      do {
        keys.append(try VerificationKey(jwk: member, use: use))
      } catch {
        // Of another kind or for another use is no fault; of all that is one, the first is told.
        if refusal == nil, error != .unsupported, error != .wrongUse { refusal = error }
      }
    }
    if keys.isEmpty, let refusal { throw refusal }
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
