import Sealing
import Synchronization

/// Kept answers lie sealed, each for its own key.
extension IdempotencyStore {
  /// Seals the next kept answers anew that are in clear or under an older key, in one short change.
  /// - Returns: how many; fewer than `limit` means that none is left.
  package func resealBatch(limit: Int) async throws -> Int {
    guard let keyring = seal.withLock(\.self)?.keyring() else { return 0 }
    return try await store.write { transaction in
      var count = 0
      for comparison in ["<", ">"] where count < limit {
        let rows = try transaction.rows(
          """
          SELECT scope, key, body FROM idempotency WHERE body IS NOT NULL
          AND substr(body, 1, 5) > ? AND substr(body, 1, 5) \(comparison) ? LIMIT ?
          """, [.blob([]), .blob(keyring.fieldHead), .count(limit - count)])
        for row in rows {
          let claim = IdempotencyClaimID(scope: try row.text("scope"), key: try row.text("key"))
          let clear = try Self.opened(try row.blob("body"), of: claim, by: keyring)
          try transaction.execute(
            "UPDATE idempotency SET body = ? WHERE scope = ? AND key = ?",
            [
              .blob(try keyring.seal(clear, context: Self.context(claim))), .text(claim.scope),
              .text(claim.key),
            ])
        }
        count += rows.count
      }
      return count
    }
  }

  /// Under which versions kept answers are sealed. Needs an index on the answers' first bytes.
  package func sealedVersions() async throws -> Set<UInt32> {
    try await store.read { try $0.sealedVersions("body", of: "idempotency") }
  }

  static func context(_ claim: IdempotencyClaimID) -> SealingContext {
    SealingContext(
      tenant: "main", table: "idempotency", column: "body", row: "\(claim.scope)\u{0}\(claim.key)")
  }

  /// JSON never begins as a sealed field does, so that one can be told from the other.
  private static func opened(
    _ body: [UInt8], of claim: IdempotencyClaimID, by keyring: Keyring
  ) throws -> [UInt8] {
    guard body.first == keyring.fieldHead.first else { return body }
    return try keyring.open(body, context: context(claim))
  }

  func opened(
    _ outcome: IdempotencyOutcome, of claim: IdempotencyClaimID
  ) throws -> IdempotencyOutcome {
    guard case .replay(let kept) = outcome, let seal = seal.withLock(\.self) else {
      return outcome
    }
    let bytes = try Self.opened(kept.body, of: claim, by: seal.keyring())
    return .replay(
      try PackedAnswer.answer(kept.status, in: bytes, words: seal.words)
        ?? StoredAnswer(status: kept.status, headers: kept.headers, body: bytes))
  }
}
