package import AuditAPI
import Charters
package import Storage
import Synchronization
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

  /// Returns when the decision is durable.
  func record(_ passage: Passage, refused reason: String?) async throws {
    try await finish(begin(passage, refused: reason))
  }

  /// Returns when a record that was begun is durable.
  func finish(_ record: PendingRecord?) async throws { try await record?.kept(in: store) }

  /// The same without waiting; nil where the charter keeps no record of it.
  func begin(_ passage: Passage, refused reason: String?) throws -> PendingRecord? {
    guard let operation = passage.operation, let caller = passage.caller,
      let correlation = passage.correlation
    else { throw Problem.defect }
    guard reason != nil || operation.audit == .all else { return nil }
    let now = clock.now()
    var detail: [String: String] = [:]
    if let decider = passage.decider { detail["policy"] = decider }
    if let rule = passage.rule { detail["rule"] = rule }
    let record = AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: service,
      kind: .access, correlation: correlation, caller: caller,
      subject: passage.transaction?.subject, client: passage.transaction?.clientID,
      operation: operation.id, outcome: reason == nil ? AuditRecord.allowed : AuditRecord.refused,
      reason: reason, detail: detail)
    let pending = PendingRecord()
    store.append(OutboxMessage(record), then: pending.end)
    return pending
  }

  /// For decisions that are taken outside the pipeline: the gateway's own. Returns when the record is durable.
  package func write(_ record: AuditRecord) async throws {
    let message = OutboxMessage(record)
    try await store.write { $0.append(message) }
  }
}

/// A record on its way to the disk, while its request is worked on. A class: the store ends it, and the request waits
/// for that; one of them comes first.
final class PendingRecord: Sendable {
  private enum State {
    case onItsWay
    case awaited(CheckedContinuation<Void, any Error>)
    case ended(Result<Void, any Error>)
  }
  private let state = Mutex(State.onItsWay)

  /// Called once, by the store.
  func end(_ result: Result<Void, any Error>) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, any Error>? in
      defer { state = .ended(result) }
      if case .awaited(let continuation) = state { return continuation }
      return nil
    }
    waiting?.resume(with: result)
  }

  /// Returns when the record is durable; asked at most once.
  /// - Parameter store: where it was put; not held here, for the store holds this record.
  /// - Throws: `StoreError` where it never will be.
  func kept(in store: Store) async throws {
    try await withCheckedThrowingContinuation { continuation in
      let result = state.withLock { state -> Result<Void, any Error>? in
        if case .ended(let result) = state { return result }
        state = .awaited(continuation)
        return nil
      }
      if let result { continuation.resume(with: result) } else { store.hasten() }
    }
  }
}

extension OutboxMessage {
  /// An audit record on its way: append it in the transaction of the state it tells of.
  package init(_ record: AuditRecord) {
    self.init(
      id: record.id.description, topic: AuditOperations.topic, body: record.canonicalBytes,
      at: record.at)
  }
}
