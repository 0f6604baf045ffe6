import AuditAPI
import Chassis
import Crypto
package import Storage
package import Vocabulary

/// All of this service's SQL, one file of extensions per subject. Every method is one transaction in which state, audit
/// record and revocation stand together or not at all.
package struct IdentityStore: Sendable {
  let store: Store
  /// Whether the policies' list of the suspended names this client or person. Transactions capture this alone, not all
  /// of us: what the writer's queue lets go of last must not be the store itself.
  let isBarred: @Sendable (String) -> Bool

  package init(
    _ store: Store, barring isBarred: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    self.store = store
    self.isBarred = isBarred
  }

  /// More rows than any table has: where a statement wants a LIMIT, and means none.
  static let rowsMax = 1_000_000_000

  /// What is kept of a code, a token or a cookie: enough to recognise it, too little to use it.
  static func digest(_ secret: String) -> SQLValue {
    .blob(Array(SHA256.hash(data: Array(secret.utf8))))
  }
}

/// Something that happened to a person's, a client's or a key's standing. Never a name, a login or an address.
package struct IdentityEvent: Sendable, Hashable {
  package let operation: String
  package let outcome: String
  package var reason: String?
  package var subject: String?
  package var client: String?
  package var detail: [String: String]

  package init(
    _ operation: String, _ outcome: String, reason: String? = nil, subject: String? = nil,
    client: String? = nil, detail: [String: String] = [:]
  ) {
    self.operation = operation
    self.outcome = outcome
    self.reason = reason
    self.subject = subject
    self.client = client
    self.detail = detail
  }
}

/// Turns events of one request into audit records for the outbox.
package struct Journal: Sendable {
  package let correlation: CorrelationID
  package let caller: ServiceName
  package let at: Instant
  package let randomness: Randomness

  package init(
    correlation: CorrelationID, caller: ServiceName, at: Instant, randomness: Randomness
  ) {
    self.correlation = correlation
    self.caller = caller
    self.at = at
    self.randomness = randomness
  }

  func record(_ event: IdentityEvent) -> AuditRecord {
    AuditRecord(
      id: AuditRecordID(at: at, random: randomness.bits128()), at: at, service: "identity",
      kind: .identity, correlation: correlation, caller: caller, subject: event.subject,
      client: event.client, operation: event.operation, outcome: event.outcome,
      reason: event.reason, detail: event.detail)
  }
}

extension Transaction {
  /// The event becomes durable together with what it tells of.
  func note(_ event: IdentityEvent, in journal: Journal) {
    append(OutboxMessage(journal.record(event)))
  }
}

extension Instant {
  /// As the store keeps moments: whole milliseconds since the epoch.
  var milliseconds: Int64 { nanoseconds / 1_000_000 }
  init(milliseconds: Int64) {
    self.init(nanoseconds: milliseconds.multipliedReportingOverflow(by: 1_000_000).partialValue)
  }
  var stored: SQLValue { .integer(milliseconds) }
}
