import Crypto
package import Vocabulary

/// A client's promise that two requests with this key are one intent.
package struct IdempotencyClaim: Sendable, Hashable {
  package let key: IdempotencyKey
  /// Whose key: keys of two people, or for two operations, never meet.
  package let owner: String
  package let operation: String
  /// SHA-256 of method, target and body: what the key was first used for.
  package let fingerprint: [UInt8]

  init(key: IdempotencyKey, owner: String, operation: String, target: String, body: [UInt8]) {
    self.key = key
    self.owner = owner
    self.operation = operation
    var hash = SHA256()
    hash.update(data: Array(target.utf8) + [0])
    hash.update(data: body)
    fingerprint = Array(hash.finalize())
  }

  /// The id of what this request makes. It follows from owner, operation and key alone, so a request that is carried out
  /// again after a crash makes the same thing, not a second one.
  package func resource<Kind>(_ type: ID<Kind>.Type = ID<Kind>.self) -> ID<Kind> {
    var hash = SHA256()
    for part in ["strongroom/resource/v1", owner, operation, key.description] {
      // Length first, so that no two triples read the same.
      hash.update(data: Array("\(part.utf8.count):".utf8) + Array(part.utf8))
    }
    guard let id = ID<Kind>(digest: Array(hash.finalize())) else {
      preconditionFailure("a SHA-256 digest has more than sixteen bytes")
    }
    return id
  }
}
