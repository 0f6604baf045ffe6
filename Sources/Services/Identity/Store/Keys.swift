import Storage
import Vocabulary

extension IdentityStore {
  /// All signing keys with their sealed private bytes, in a stable order.
  package func signingKeys() async throws -> [(KeySchedule.Entry, sealed: [UInt8])] {
    try await store.read { try $0.signingKeys() }
  }

  /// One rotation: decided on what is stored, so two at once are two, one after the other.
  /// - Throws: `KeyRotationRefusal`.
  func rotate(
    to algorithm: KeySchedule.Algorithm, fresh: KeySchedule.Entry, next: KeySchedule.Entry,
    sealed: [String: [UInt8]], journal: Journal
  ) async throws {
    try await store.write { transaction in
      var schedule = KeySchedule(entries: try transaction.snapshot.signingKeys().map(\.0))
      try schedule.rotate(to: algorithm, fresh: fresh, next: next, at: journal.at)
      try transaction.keep(schedule, sealed: sealed)
      transaction.note(
        IdentityEvent(
          "rotateSigningKey", "signing-key-rotated",
          detail: [
            "kid": schedule.active(of: algorithm.series)?.kid ?? "", "alg": algorithm.rawValue,
          ]), in: journal)
    }
  }

  func change(
    keysAt now: Instant, _ change: @escaping @Sendable (inout KeySchedule) -> Void
  ) async throws {
    try await store.write { transaction in
      var schedule = KeySchedule(entries: try transaction.snapshot.signingKeys().map(\.0))
      change(&schedule)
      try transaction.keep(schedule, sealed: [:])
    }
  }
}

extension Snapshot {
  fileprivate func signingKeys() throws -> [(KeySchedule.Entry, sealed: [UInt8])] {
    try rows("SELECT kid, algorithm, secret, phase, retired_at FROM signing_keys ORDER BY kid")
      .map { row in
        guard let algorithm = KeySchedule.Algorithm(rawValue: try row.text("algorithm")) else {
          throw ForeignRow(column: "algorithm")
        }
        let phase: KeySchedule.Phase
        switch (try row.text("phase"), try row.optionalInteger("retired_at")) {
        case ("announced", nil): phase = .announced
        case ("active", nil): phase = .active
        case ("retired", let since?): phase = .retired(at: Instant(milliseconds: since))
        default: throw ForeignRow(column: "phase")
        }
        let entry = KeySchedule.Entry(
          kid: try row.text("kid"), algorithm: algorithm, phase: phase)
        return (entry, try row.blob("secret"))
      }
  }
}

extension Transaction {
  /// Makes the table say what the schedule says. `sealed` has the private bytes of keys that are new.
  fileprivate func keep(_ schedule: KeySchedule, sealed: [String: [UInt8]]) throws {
    let stored = Set(try rows("SELECT kid FROM signing_keys").map { try $0.text("kid") })
    for kid in stored.subtracting(schedule.entries.map(\.kid)) {
      try execute("DELETE FROM signing_keys WHERE kid = ?", [.text(kid)])
    }
    for entry in schedule.entries {
      let (phase, retiredAt): (String, SQLValue) =
        switch entry.phase {
        case .announced: ("announced", .null)
        case .active: ("active", .null)
        case .retired(let since): ("retired", since.stored)
        }
      if stored.contains(entry.kid) {
        try execute(
          "UPDATE signing_keys SET phase = ?, retired_at = ? WHERE kid = ?",
          [.text(phase), retiredAt, .text(entry.kid)])
      } else if let secret = sealed[entry.kid] {
        try execute(
          """
          INSERT INTO signing_keys (kid, algorithm, secret, phase, retired_at)
          VALUES (?, ?, ?, ?, ?)
          """,
          [
            .text(entry.kid), .text(entry.algorithm.rawValue), .blob(secret), .text(phase),
            retiredAt,
          ])
      } else {
        throw ForeignRow(column: "kid")
      }
    }
  }
}
