import Storage
package import Vocabulary

/// What is known of somebody who can sign in.
package struct Credential: Sendable {
  package let person: PersonID
  /// PHC string.
  package let password: String
}

package enum PersonRefusal: Refusal, Equatable, CaseIterable {
  case exists, loginTaken, badLogin, idOfClient

  package var problem: Problem {
    switch self {
    case .exists:
      Problem("person-exists", 409, "This person signs in with another login or password")
    case .idOfClient: Problem("subject-taken", 409, "This id is a client's")
    case .loginTaken: Problem("login-taken", 409, "Somebody else signs in with this login")
    case .badLogin:
      Problem(
        "invalid-login", 422, "The login cannot be used",
        detail: "1 to \(LoginHandle.charactersMax) characters, no control characters")
    }
  }
}

extension IdentityStore {
  package func credential(login index: [UInt8]) async throws -> Credential? {
    try await store.read { snapshot in
      try snapshot.rows(
        "SELECT person, password FROM people WHERE login_index = ?", [.blob(index)]
      ).first.map { row in
        Credential(person: try row.id("person"), password: try row.text("password"))
      }
    }
  }

  package func credential(of person: PersonID) async throws -> (Credential, login: [UInt8])? {
    try await store.read { snapshot in
      try snapshot.rows(
        "SELECT person, password, login_index FROM people WHERE person = ?", [.text("\(person)")]
      ).first.map { row in
        (
          Credential(person: try row.id("person"), password: try row.text("password")),
          try row.blob("login_index")
        )
      }
    }
  }

  /// - Returns: false when the person was there already (then nothing changed); the caller compares.
  /// - Throws: `PersonRefusal.loginTaken`, `.idOfClient`.
  package func add(
    _ credential: Credential, login index: [UInt8], journal: Journal
  ) async throws -> Bool {
    try await store.write { transaction in
      let others = try transaction.rows(
        "SELECT person FROM people WHERE person = ? OR login_index = ?",
        [.text("\(credential.person)"), .blob(index)])
      if try others.contains(where: { try $0.text("person") == "\(credential.person)" }) {
        return false
      }
      guard others.isEmpty else { throw PersonRefusal.loginTaken }
      let clients = try transaction.rows(
        "SELECT client FROM clients WHERE client = ?", [.text("\(credential.person)")])
      guard clients.isEmpty else { throw PersonRefusal.idOfClient }
      _ = try transaction.execute(
        "INSERT INTO people (person, login_index, password, created_at) VALUES (?, ?, ?, ?)",
        [
          .text("\(credential.person)"), .blob(index), .text(credential.password),
          journal.at.stored,
        ])
      transaction.note(
        IdentityEvent("createPerson", "person-created", subject: "\(credential.person)"),
        in: journal)
      return true
    }
  }

  package func createdAt(of person: PersonID) async throws -> Instant? {
    try await store.read { snapshot in
      try snapshot.rows("SELECT created_at FROM people WHERE person = ?", [.text("\(person)")])
        .first.map { Instant(milliseconds: try $0.integer("created_at")) }
    }
  }

  /// Counts an attempt for each subject with its limits, or refuses and counts none.
  /// - Returns: the longest wait, in whole seconds; nil to proceed.
  package func attempt(
    _ subjects: [(index: [UInt8], limits: ThrottleMachine.Limits)], at now: Instant
  ) async throws -> Int? {
    try await store.write { transaction in
      var counted: [([UInt8], ThrottleMachine.State)] = []
      var refused: [([UInt8], ThrottleMachine.State)] = []
      var wait: Int?
      for (index, limits) in subjects {
        let row = try transaction.rows(
          "SELECT attempts, last_at FROM throttles WHERE subject = ?", [.blob(index)]
        ).first
        let state = try row.map {
          ThrottleMachine.State.counting(
            attempts: try $0.integer("attempts"),
            last: Instant(milliseconds: try $0.integer("last_at")))
        }
        var machine = ThrottleMachine(state: state ?? .quiet, limits: limits)
        if case .refuse(let seconds) = machine.handle(.attempted(at: now)) {
          wait = max(wait ?? 0, seconds)
          refused.append((index, machine.state))
        } else {
          counted.append((index, machine.state))
        }
      }
      for (index, state) in wait == nil ? counted : refused {
        guard case .counting(let attempts, let last) = state else { continue }
        _ = try transaction.execute(
          """
          INSERT INTO throttles (subject, attempts, last_at) VALUES (?, ?, ?)
          ON CONFLICT (subject) DO UPDATE SET attempts = excluded.attempts,
            last_at = excluded.last_at
          """, [.blob(index), .integer(attempts), last.stored])
      }
      return wait
    }
  }

  /// Takes an attempt back that nobody looked at.
  package func takeBack(_ subjects: [[UInt8]]) async throws {
    try await store.write { transaction in
      for subject in subjects { try transaction.redeem(subject) }
    }
  }
}

extension Transaction {
  /// Takes one attempt back from a throttle.
  func redeem(_ subject: [UInt8]) throws {
    guard
      let row = try rows(
        "SELECT attempts, last_at FROM throttles WHERE subject = ?", [.blob(subject)]
      ).first
    else { return }
    var machine = ThrottleMachine(
      state: .counting(
        attempts: try row.integer("attempts"),
        last: Instant(milliseconds: try row.integer("last_at"))), limits: .perAddress)
    _ = machine.handle(.redeemed)
    switch machine.state {
    case .quiet: _ = try execute("DELETE FROM throttles WHERE subject = ?", [.blob(subject)])
    case .counting(let attempts, _):
      _ = try execute(
        "UPDATE throttles SET attempts = ? WHERE subject = ?", [.integer(attempts), .blob(subject)])
    }
  }
}

extension Row {
  /// An identifier we wrote ourselves; a malformed one means the file was touched by somebody else.
  func id<Kind>(_ column: String) throws -> ID<Kind> {
    guard let id = ID<Kind>(try text(column)) else { throw ForeignRow(column: column) }
    return id
  }
}

/// A stored value that this service cannot have written.
struct ForeignRow: Error { let column: String }
