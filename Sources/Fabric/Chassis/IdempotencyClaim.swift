import Crypto
package import Storage
package import Vocabulary

/// A client's promise that two requests with this key are one intent.
package struct IdempotencyClaim: Sendable, Hashable {
  package let key: IdempotencyKey
  /// Whose key: a person's through one client, a client's that acts for itself, or a workload's. Keys of two owners, or for
  /// two operations, never meet: one application of a person must not read, probe or block what another one does.
  package let owner: String
  /// As owners were named before clients had keys of their own; nil where that is no other name.
  let formerOwner: String?
  package let operation: String
  /// What the key is used for.
  let print: RequestPrint

  /// - Parameter transaction: on whose behalf, and through which client; nil where `caller` asks for itself.
  init(
    key: IdempotencyKey, transaction: TransactionToken?, caller: ServiceName?, operation: String,
    print: RequestPrint
  ) {
    self.key = key
    if let transaction, transaction.subject != transaction.clientID {
      // Length first: an outside provider's ids may hold any letter.
      let subject = transaction.subject
      owner = "\(subject.utf8.count):\(subject) \(transaction.clientID)"
      formerOwner = subject
    } else {
      owner = transaction?.subject ?? caller?.description ?? ""
      formerOwner = nil
    }
    self.operation = operation
    self.print = print
  }

  private init(_ claim: IdempotencyClaim, owner: String) {
    key = claim.key
    self.owner = owner
    formerOwner = nil
    operation = claim.operation
    print = claim.print
  }

  /// Under which the key is kept.
  var scope: String { "\(operation) \(owner)" }
  /// The key's row: a handler names there what it makes, in the change that makes it (`Transaction.name`).
  package var id: IdempotencyClaimID { IdempotencyClaimID(scope: scope, key: key.description) }

  /// The claim as it was before clients had keys of their own: what it makes has another id.
  var former: IdempotencyClaim? { formerOwner.map { IdempotencyClaim(self, owner: $0) } }

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
