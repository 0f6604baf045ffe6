import Synchronization
import Telemetry
package import Vocabulary

/// What another service must hear of. Kept with the state it tells of, delivered at least once, in
/// order per topic; the receiver tells a second delivery by `id`.
package struct OutboxMessage: Hashable, Sendable {
  /// Unique for ever: a UUID's text.
  package let id: String
  /// Where it goes, for example `audit`.
  package let topic: String
  package let body: [UInt8]
  package let at: Instant

  package init(id: some CustomStringConvertible, topic: String, body: [UInt8], at: Instant) {
    self.id = id.description
    self.topic = topic
    self.body = body
    self.at = at
  }
}

/// The messages of one store that are not delivered yet.
package struct Outbox: Sendable {
  /// Messages in one batch at most.
  package static let batchMax = 1_000

  private let store: Store

  package init(store: Store) { self.store = store }

  /// The oldest messages of a topic, in the order of their commits.
  /// - Parameter limit: whole commits come up to this many messages; a single commit may come with more, up to
  ///   `OutboxBundle.messagesMax`.
  package func batch(of topic: String, limit: Int = Outbox.batchMax) async throws -> OutboxBatch {
    let limit = max(1, min(limit, Self.batchMax))
    return try await store.read { snapshot in
      let waiting = try snapshot.rows(
        "SELECT sequence, messages FROM outbox WHERE topic = ? ORDER BY sequence LIMIT ?",
        [.text(topic), .count(limit + 1)])
      var batch = OutboxBatch()
      rows: for row in waiting {
        let count = Int(try row.integer("messages"))
        guard batch.messages.isEmpty || batch.messages.count + count <= limit else {
          batch.isFull = true
          break rows
        }
        let sequence = try row.integer("sequence")
        guard
          let body = try snapshot.row(
            "SELECT body FROM outbox WHERE sequence = ?", [.integer(sequence)])
        else { continue }
        let bytes = try body.blob("body")
        let stored = OutboxBatch.StoredRow(sequence: sequence, messages: count)
        guard let messages = try? OutboxBundle.messages(count, topic: topic, in: bytes) else {
          // Those before it go first; then it stands alone.
          batch.isFull = true
          if batch.rows.isEmpty { batch.damaged = OutboxBatch.DamagedRow(row: stored, body: bytes) }
          break rows
        }
        batch.messages += messages
        batch.rows.append(stored)
      }
      return batch
    }
  }

  /// Forgets messages that the receiver has confirmed: its copy is the record now. Those that it will never take (it says
  /// they are wrong, not that it is busy) are set aside in `outbox_refused` until somebody has looked, so that those
  /// behind them go on.
  package func settle(
    _ batch: OutboxBatch, refused: Set<String> = [], reason: String = "", at now: Instant
  ) async throws {
    let aside = batch.messages.filter { refused.contains($0.id) }
    try await store.write { transaction in
      for message in aside { try transaction.setAside(message, reason, at: now) }
      // To overwrite what the receiver has durably would double what an outbox writes to the disk.
      try transaction.withoutErasing {
        for row in batch.rows { try transaction.remove(row) }
      }
    }
  }

  /// Sets a row aside that does not hold what it says, whole and as it is, so that those behind it go on.
  func setAside(_ damaged: OutboxBatch.DamagedRow, of topic: String, at now: Instant) async throws {
    let row = damaged.row
    let whole = OutboxMessage(
      id: "row-\(row.sequence)", topic: topic, body: damaged.body, at: Instant(nanoseconds: 0))
    try await store.write { transaction in
      try transaction.setAside(whole, "not the \(row.messages) messages it says", at: now)
      try transaction.remove(row)
    }
  }

  /// How many messages wait, all topics together; counted, not asked of the database.
  package var pendingCount: Int64 { store.notices.pending.value }

  /// One element after each commit that appended messages, and one at once; several may fall
  /// together into one. Ends when the store is closed.
  package func signals() -> AsyncStream<Void> { store.notices.signals() }
}

/// Some messages of one topic that wait.
package struct OutboxBatch: Sendable {
  struct StoredRow {
    let sequence: Int64
    let messages: Int
  }
  struct DamagedRow {
    let row: StoredRow
    let body: [UInt8]
  }
  /// The oldest row, where it does not hold what it says; nothing comes with it.
  fileprivate(set) var damaged: DamagedRow?
  /// Whether the oldest row does not hold what it says.
  package var isDamaged: Bool { damaged != nil }
  package fileprivate(set) var messages: [OutboxMessage] = []
  fileprivate(set) var rows: [StoredRow] = []
  /// Whether more wait behind these.
  package fileprivate(set) var isFull = false
}

extension Transaction {
  fileprivate func setAside(_ message: OutboxMessage, _ reason: String, at now: Instant) throws {
    try execute(
      """
      INSERT INTO outbox_refused (id, topic, body, appended_at, refused_at, reason)
      VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
      """,
      [
        .text(message.id), .text(message.topic), .blob(message.body),
        .integer(message.at.nanoseconds), .integer(now.nanoseconds), .text(reason),
      ])
  }

  fileprivate func remove(_ row: OutboxBatch.StoredRow) throws {
    let removed = try execute("DELETE FROM outbox WHERE sequence = ?", [.integer(row.sequence)])
    notes.removed += removed * row.messages
  }
}

/// Tells those who deliver that there is something new. A class: one per store, shared by its
/// writer and its outboxes.
final class OutboxNotices: Sendable {
  let pending = Counted()
  private let listeners = Mutex<[Int: AsyncStream<Void>.Continuation]>([:])

  init(pending count: Int64) { pending.add(count) }

  func committed(_ notes: Transaction.Notes) {
    let change = notes.messages.count - notes.removed
    if change != 0 { pending.add(Int64(change)) }
    guard !notes.messages.isEmpty else { return }
    for listener in listeners.withLock({ Array($0.values) }) { listener.yield() }
  }

  /// Sets the count to what the database has, and has all listeners look.
  func recount(_ count: Int64) {
    pending.set(count)
    for listener in listeners.withLock({ Array($0.values) }) { listener.yield() }
  }

  func signals() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let key = listeners.withLock { listeners -> Int in
      let key = (listeners.keys.max() ?? 0) + 1
      listeners[key] = continuation
      return key
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.listeners.withLock { $0.removeValue(forKey: key) }
    }
    continuation.yield()
    return stream
  }

  func close() {
    for listener in listeners.withLock({ Array($0.values) }) { listener.finish() }
  }

  /// A number that several threads change.
  final class Counted: Sendable {
    private let number = Atomic<Int64>(0)
    func add(_ more: Int64) { number.wrappingAdd(more, ordering: .relaxed) }
    func set(_ count: Int64) { number.store(count, ordering: .relaxed) }
    var value: Int64 { number.load(ordering: .relaxed) }
  }
}
