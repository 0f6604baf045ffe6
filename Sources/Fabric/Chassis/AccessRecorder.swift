package import AuditAPI
import Charters
package import Storage
import StrictJSON
import Vocabulary

/// Writes every access decision to the outbox, durable before the answer leaves. From there it reaches the audit
/// service at least once; the record's id makes it exactly once in the log.
package struct AccessRecorder: Sendable {
  private let service: ServiceName
  private let store: Store
  private let clock: Clock
  private let randomness: Randomness

  init(service: ServiceName, store: Store, clock: Clock, randomness: Randomness) {
    self.service = service
    self.store = store
    self.clock = clock
    self.randomness = randomness
  }

  func record(_ passage: Passage, refused reason: String?) async throws {
    guard let operation = passage.operation, let caller = passage.caller,
      let correlation = passage.correlation
    else { throw Problem.defect }
    guard reason != nil || operation.audit == .all else { return }
    let now = clock.now()
    let record = AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: service,
      kind: .access, correlation: correlation, caller: caller,
      subject: passage.transaction?.subject, client: passage.transaction?.clientID,
      operation: operation.id, outcome: reason == nil ? AuditRecord.allowed : AuditRecord.refused,
      reason: reason)
    try await write(record)
  }

  /// For decisions that are taken outside the pipeline: the gateway's own. Returns when the record is durable.
  package func write(_ record: AuditRecord) async throws {
    let message = try OutboxMessage(record)
    try await store.write { try $0.append(message) }
  }
}

extension OutboxMessage {
  /// An audit record on its way: append it in the transaction of the state it tells of.
  package init(_ record: AuditRecord) throws {
    self.init(
      id: record.id.description, topic: AuditOperations.topic, body: try StrictJSON.encode(record),
      at: record.at)
  }
}
