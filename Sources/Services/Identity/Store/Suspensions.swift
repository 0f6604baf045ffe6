import AuthorityAPI
package import IdentityAPI
import Storage
package import Vocabulary

/// Who can be cut off.
package enum SuspendedSubject: Sendable, Hashable {
  /// Nothing goes through it any more: no sign-in, no token, no request.
  case client(ClientID)
  /// May do nothing any more, through whatever client.
  case person(PersonID)

  var kind: RevocationKind {
    switch self {
    case .client: .client
    case .person: .person
    }
  }
  var id: String {
    switch self {
    case .client(let id): "\(id)"
    case .person(let id): "\(id)"
    }
  }
  fileprivate static let query = "SELECT since FROM suspensions WHERE kind = ? AND subject = ?"
  fileprivate var names: [SQLValue] { [.text(kind.description), .text(id)] }
  fileprivate static func all(_ client: ClientID?, _ person: PersonID?) -> [SuspendedSubject] {
    (client.map { [.client($0)] } ?? []) + (person.map { [.person($0)] } ?? [])
  }

  /// Table and column in which it is registered, which its grants have a column of the same name for.
  fileprivate var place: (table: String, column: String) {
    switch self {
    case .client: ("clients", "client")
    case .person: ("people", "person")
    }
  }
}

extension IdentityStore {
  /// Cuts off: sessions, grants and codes end in this transaction, access tokens by the feed. Again it changes nothing.
  /// - Throws: `Problem.notFound` for somebody who is not registered here.
  package func suspend(
    _ subject: SuspendedSubject, journal: Journal
  ) async throws -> SubjectStanding {
    try await store.write { transaction in
      try transaction.requireKnown(subject)
      if let since = try transaction.suspension(subject) {
        return SubjectStanding(id: subject.id, state: .suspended, since: since)
      }
      _ = try transaction.execute(
        "INSERT INTO suspensions (kind, subject, since) VALUES (?, ?, ?)",
        [.text(subject.kind.description), .text(subject.id), journal.at.stored])
      let column = subject.place.column
      _ = try transaction.execute(
        """
        UPDATE codes SET state = 'void' WHERE family IN
          (SELECT family FROM families WHERE \(column) = ? AND revoked IS NULL)
        """, [.text(subject.id)])
      // Without an entry for each: the one below names them all.
      let grants = try transaction.execute(
        "UPDATE families SET revoked = ? WHERE \(column) = ? AND revoked IS NULL",
        [.text(RefreshFamily.Reason.suspended.rawValue), .text(subject.id)])
      if case .person = subject {
        _ = try transaction.execute("DELETE FROM sessions WHERE person = ?", [.text(subject.id)])
      }
      try transaction.announce(
        RevokedThing(kind: subject.kind, id: subject.id), journal: journal)
      transaction.note(subject.event("suspended", ["grants": "\(grants)"]), in: journal)
      return SubjectStanding(
        id: subject.id, state: .suspended, since: Instant(milliseconds: journal.at.milliseconds))
    }
  }

  /// Lifts a suspension: from now on there are sign-ins and tokens again; what was issued before stays dead.
  /// - Throws: `Problem.notFound` as above.
  package func resume(
    _ subject: SuspendedSubject, journal: Journal
  ) async throws -> SubjectStanding {
    try await store.write { transaction in
      try transaction.requireKnown(subject)
      let now = Instant(milliseconds: journal.at.milliseconds)
      let active = SubjectStanding(id: subject.id, state: .active, since: now)
      guard let since = try transaction.suspension(subject) else { return active }
      _ = try transaction.execute(
        "DELETE FROM suspensions WHERE kind = ? AND subject = ?",
        [.text(subject.kind.description), .text(subject.id)])
      // Tokens name their time in whole seconds: one of the second in which it was suspended is from before.
      let end = Instant(seconds: max(now.seconds, since.seconds + 1))
      try transaction.lift(
        RevokedThing(
          kind: subject.kind, id: subject.id, issuedBefore: end,
          until: end + TokenLifetimes.revocationMax), journal: journal)
      transaction.note(subject.event("resumed", [:]), in: journal)
      return active
    }
  }

  /// Whether nothing may go through this client, or for this person, by the operator's word here or in the policies.
  package func isCutOff(client: ClientID? = nil, person: PersonID? = nil) async throws -> Bool {
    let subjects = SuspendedSubject.all(client, person)
    guard !subjects.contains(where: { isBarred($0.id) }) else { return true }
    return try await store.read { snapshot in
      try subjects.contains { try !snapshot.rows(SuspendedSubject.query, $0.names).isEmpty }
    }
  }

  /// Notes what is about to be given to a client that acts for itself.
  /// - Returns: false, and nothing is noted, when it is cut off.
  package func admit(
    _ client: ClientID, _ event: IdentityEvent, journal: Journal
  ) async throws -> Bool {
    try await store.write { [isBarred] transaction in
      guard try !transaction.isCutOff(client: client, person: nil, isBarred) else { return false }
      transaction.note(event, in: journal)
      return true
    }
  }
}

extension SuspendedSubject {
  fileprivate func event(_ outcome: String, _ detail: [String: String]) -> IdentityEvent {
    switch self {
    case .client(let id):
      IdentityEvent("standing", "client-\(outcome)", client: "\(id)", detail: detail)
    case .person(let id):
      IdentityEvent("standing", "person-\(outcome)", subject: "\(id)", detail: detail)
    }
  }
}

extension Transaction {
  fileprivate func requireKnown(_ subject: SuspendedSubject) throws {
    let (table, column) = subject.place
    let found = try rows("SELECT 1 AS n FROM \(table) WHERE \(column) = ?", [.text(subject.id)])
    guard !found.isEmpty else { throw Problem.notFound }
  }

  fileprivate func suspension(_ subject: SuspendedSubject) throws -> Instant? {
    try rows(SuspendedSubject.query, subject.names).first.map {
      Instant(milliseconds: try $0.integer("since"))
    }
  }

  /// In the transaction that gives something out: whoever is suspended meanwhile gets nothing.
  func isCutOff(
    client: ClientID?, person: PersonID?, _ isBarred: (String) -> Bool
  ) throws -> Bool {
    try SuspendedSubject.all(client, person).contains {
      try isBarred($0.id) || suspension($0) != nil
    }
  }
}
