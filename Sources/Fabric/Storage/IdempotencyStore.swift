import StrictJSON
import Synchronization
package import Vocabulary

/// An answer as it was given, so that it can be given again.
package struct StoredAnswer: Hashable, Sendable {
  package let status: Int
  /// Names and values in order; only those that belong to the answer, not to the connection.
  package let headers: [[String]]
  package let body: [UInt8]
  package init(status: Int, headers: [[String]], body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// The right to work on one key, until `finish` or `abandon`.
package struct IdempotencyClaimID: Hashable, Sendable {
  package let scope: String
  package let key: String
}

/// What a key turned out to be.
package enum IdempotencyOutcome: Sendable {
  /// Never seen, or seen and never finished by a process that is gone: do the work.
  case fresh(IdempotencyClaimID)
  /// Done before: give this answer again.
  case replay(StoredAnswer)
  /// Used before for another request; `resource` names what that one made, where known.
  case conflict(firstAt: Instant, resource: String?)
  /// The same request is being worked on right now.
  case inFlight
}

/// Idempotency keys, kept as long as what they made. A class: it knows which keys this process
/// works on, so that a key that a dead process left half done is not locked for ever.
package final class IdempotencyStore: Sendable {
  private let store: Store
  private let live = Mutex<Set<IdempotencyClaimID>>([])

  package init(store: Store) { self.store = store }

  /// Claims a key, durably.
  /// - Parameters:
  ///   - scope: who and what for: subject and operation. Keys of different scopes never meet.
  ///   - fingerprint: a digest of everything in the request that matters.
  package func begin(
    scope: String, key: IdempotencyKey, fingerprint: [UInt8], at now: Instant
  ) async throws -> IdempotencyOutcome {
    let claim = IdempotencyClaimID(scope: scope, key: key.description)
    let isMine = live.withLock { $0.insert(claim).inserted }
    do {
      let outcome = try await store.write { transaction in
        try Self.begin(claim, fingerprint, now, isMine: isMine, in: transaction)
      }
      if case .fresh = outcome { return outcome }
      if isMine { release(claim) }
      return outcome
    } catch {
      if isMine { release(claim) }
      throw error
    }
  }

  private static func begin(
    _ claim: IdempotencyClaimID, _ fingerprint: [UInt8], _ now: Instant, isMine: Bool,
    in transaction: Transaction
  ) throws -> IdempotencyOutcome {
    let known = try transaction.row(
      """
      SELECT fingerprint, begun_at, resource, status, headers, body FROM idempotency
      WHERE scope = ? AND key = ?
      """, [.text(claim.scope), .text(claim.key)])
    guard let known else {
      guard isMine else { return .inFlight }
      try transaction.execute(
        "INSERT INTO idempotency (scope, key, fingerprint, begun_at) VALUES (?, ?, ?, ?)",
        [
          .text(claim.scope), .text(claim.key), .blob(fingerprint), .integer(now.nanoseconds),
        ])
      return .fresh(claim)
    }
    guard constantTimeEqual(try known.blob("fingerprint"), fingerprint) else {
      return .conflict(
        firstAt: Instant(nanoseconds: try known.integer("begun_at")),
        resource: try known.optionalText("resource"))
    }
    guard let status = try known.optionalInteger("status") else {
      return isMine ? .fresh(claim) : .inFlight
    }
    let headers = try StrictJSON.decode([[String]].self, from: known.blob("headers"))
    return .replay(
      StoredAnswer(status: Int(status), headers: headers, body: try known.blob("body")))
  }

  /// Keeps the answer for ever and gives the key free for replays.
  package func finish(
    _ claim: IdempotencyClaimID, answer: StoredAnswer, resource: String? = nil
  ) async throws {
    defer { release(claim) }
    let headers = try StrictJSON.encode(answer.headers)
    try await store.write { transaction in
      try transaction.execute(
        """
        UPDATE idempotency SET status = ?, headers = ?, body = ?, resource = coalesce(?, resource)
        WHERE scope = ? AND key = ? AND status IS NULL
        """,
        [
          .count(answer.status), .blob(headers), .blob(answer.body), .optional(resource),
          .text(claim.scope), .text(claim.key),
        ])
    }
  }

  /// Ends the work without an answer worth keeping (503, 500, deadline): the next one with this key
  /// works again. With `forgetting`, the key is as if never used, for requests that were refused
  /// before they meant anything.
  package func abandon(_ claim: IdempotencyClaimID, forgetting: Bool = false) async throws {
    defer { release(claim) }
    guard forgetting else { return }
    try await store.write { transaction in
      try transaction.execute(
        "DELETE FROM idempotency WHERE scope = ? AND key = ? AND status IS NULL",
        [.text(claim.scope), .text(claim.key)])
    }
  }

  private func release(_ claim: IdempotencyClaimID) { live.withLock { _ = $0.remove(claim) } }
}

extension Transaction {
  /// Says which resource a claimed key is about, in the change that makes it, so that a conflict
  /// can name it even when the answer was never stored.
  package func name(_ resource: String, for claim: IdempotencyClaimID) throws {
    try execute(
      "UPDATE idempotency SET resource = ? WHERE scope = ? AND key = ?",
      [.text(resource), .text(claim.scope), .text(claim.key)])
  }
}
