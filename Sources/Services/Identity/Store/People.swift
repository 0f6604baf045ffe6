import Storage
package import Vocabulary

/// What is known of somebody who can sign in.
package struct Credential: Sendable {
  package let person: PersonID
  /// PHC string.
  package let password: String
  /// Until when a one-time password is good; nil for one of the person's own.
  package var oneTimeUntil: Instant?

  package var isOneTime: Bool { oneTimeUntil != nil }
  package func isGood(at now: Instant) -> Bool { oneTimeUntil.map { now < $0 } ?? true }
}

package enum PersonRefusal: Refusal, Equatable, CaseIterable {
  case exists, loginTaken, badLogin, idOfClient

  package var problem: Problem {
    switch self {
    case .exists:
      Problem(
        "person-exists", 409, "This person signs in with another login or password", kind: .differs)
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
        """
        SELECT people.person AS person, password, expires_at FROM people
        LEFT JOIN password_resets ON password_resets.person = people.person WHERE login_index = ?
        """, [.blob(index)]
      ).first.map { row in
        Credential(
          person: try row.id("person"), password: try row.text("password"),
          oneTimeUntil: try row.optionalInteger("expires_at").map { Instant(milliseconds: $0) })
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
