import Storage
package import Vocabulary

extension IdentityStore {
  /// Rows that the throttles keep at most from one housekeeping to the next; what strangers make of logins and addresses
  /// must not fill the disk. Between two of them the gateway's rate for the sign-in bounds what is added.
  package static let throttlesMax: Int64 = 50_000

  /// Counts an attempt for each subject with its limits, or refuses and counts none.
  /// - Returns: the longest wait, in whole seconds; nil to proceed.
  package func attempt(_ subjects: [ThrottledSubject], at now: Instant) async throws -> Int? {
    try await store.write { transaction in
      var counted: [(ThrottledSubject, ThrottleMachine.State)] = []
      var refused: [(ThrottledSubject, ThrottleMachine.State)] = []
      var wait: Int?
      for subject in subjects {
        let row = try transaction.rows(
          "SELECT attempts, last_at FROM throttles WHERE subject = ?", [.blob(subject.index)]
        ).first
        let state = try row.map {
          ThrottleMachine.State.counting(
            attempts: try $0.integer("attempts"),
            last: Instant(milliseconds: try $0.integer("last_at")))
        }
        var machine = ThrottleMachine(state: state ?? .quiet, limits: subject.limits)
        if case .refuse(let seconds) = machine.handle(.attempted(at: now)) {
          wait = max(wait ?? 0, seconds)
          refused.append((subject, machine.state))
        } else {
          counted.append((subject, machine.state))
        }
      }
      for (subject, state) in wait == nil ? counted : refused {
        guard case .counting(let attempts, let last) = state else { continue }
        _ = try transaction.execute(
          """
          INSERT INTO throttles (subject, login, attempts, last_at) VALUES (?, ?, ?, ?)
          ON CONFLICT (subject) DO UPDATE SET attempts = excluded.attempts,
            last_at = excluded.last_at
          """,
          [
            .blob(subject.index), subject.login.map { .blob($0) } ?? .null, .integer(attempts),
            last.stored,
          ])
      }
      return wait
    }
  }

  /// Takes an attempt back that nobody looked at.
  package func takeBack(_ subjects: [ThrottledSubject]) async throws {
    try await store.write { transaction in
      for subject in subjects { try transaction.redeem(subject) }
    }
  }

  /// Forgets every attempt at one login, whatever address or browser it came from, and says so in the audit log.
  /// - Returns: how many throttles it stood in.
  package func unlock(login index: [UInt8], journal: Journal) async throws -> Int {
    try await store.write { transaction in
      let cleared = try transaction.rows(
        "SELECT subject FROM throttles WHERE login = ? OR subject = ?",
        [.blob(index), .blob(index)]
      ).count
      _ = try transaction.execute(
        "DELETE FROM throttles WHERE login = ? OR subject = ?", [.blob(index), .blob(index)])
      let person = try transaction.rows(
        "SELECT person FROM people WHERE login_index = ?", [.blob(index)]
      ).first.map { try $0.text("person") }
      transaction.note(
        IdentityEvent(
          "unlockSignIn", "sign-in-unlocked", subject: person, detail: ["throttles": "\(cleared)"]),
        in: journal)
      return cleared
    }
  }

  /// Forgets what is too old to matter, and what is more than `most`: those with the fewest attempts first, the oldest
  /// of them first, because forgetting those forgives least.
  package func forgetThrottles(
    at now: Instant, keeping most: Int64 = throttlesMax
  ) async throws {
    try await store.write { transaction in
      _ = try transaction.execute(
        "DELETE FROM throttles WHERE last_at <= ?",
        [(now - ThrottleMachine.Limits.longestMemory).stored])
      _ = try transaction.execute(
        """
        DELETE FROM throttles WHERE subject IN (
          SELECT subject FROM throttles ORDER BY attempts DESC, last_at DESC
          LIMIT \(Self.rowsMax) OFFSET ?)
        """, [.integer(most)])
    }
  }
}

extension Transaction {
  /// What a sign-in that was right does to the throttles that let it pass.
  func succeed(_ attempt: SignInAttempt) throws {
    for subject in attempt.forgottenBySuccess {
      _ = try execute("DELETE FROM throttles WHERE subject = ?", [.blob(subject.index)])
    }
    for subject in attempt.redeemedBySuccess { try redeem(subject) }
  }

  /// Takes one attempt back from a throttle.
  func redeem(_ subject: ThrottledSubject) throws {
    guard
      let row = try rows(
        "SELECT attempts, last_at FROM throttles WHERE subject = ?", [.blob(subject.index)]
      ).first
    else { return }
    var machine = ThrottleMachine(
      state: .counting(
        attempts: try row.integer("attempts"),
        last: Instant(milliseconds: try row.integer("last_at"))), limits: subject.limits)
    _ = machine.handle(.redeemed)
    switch machine.state {
    case .quiet:
      _ = try execute("DELETE FROM throttles WHERE subject = ?", [.blob(subject.index)])
    case .counting(let attempts, _):
      _ = try execute(
        "UPDATE throttles SET attempts = ? WHERE subject = ?",
        [.integer(attempts), .blob(subject.index)])
    }
  }
}
