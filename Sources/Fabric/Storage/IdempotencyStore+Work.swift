import Vocabulary

/// Who works on a key, where several processes write into one store.
extension Transaction {
  /// Writes down who works on a key.
  /// - Returns: false where another process does.
  func take(
    _ claim: IdempotencyClaimID, for worker: String, at now: Instant
  ) throws -> Bool {
    try execute(
      """
      INSERT INTO idempotency_work (scope, key, worker, until) VALUES (?, ?, ?, ?)
      ON CONFLICT (scope, key) DO UPDATE SET worker = excluded.worker, until = excluded.until
      WHERE idempotency_work.worker = excluded.worker OR idempotency_work.until <= ?
      """,
      [
        .text(claim.scope), .text(claim.key), .text(worker),
        .integer((now + IdempotencyStore.workMax).nanoseconds), .integer(now.nanoseconds),
      ]) == 1
  }

  func leave(_ claim: IdempotencyClaimID, by worker: String) throws {
    try execute(
      "DELETE FROM idempotency_work WHERE scope = ? AND key = ? AND worker = ?",
      [.text(claim.scope), .text(claim.key), .text(worker)])
  }
}
