import NotesAPI
import Storage
import Vocabulary

/// All of this service's SQL.
struct EntryStore: Sendable {
  private let store: Store
  init(_ store: Store) { self.store = store }

  /// - Returns: the entry under this id, which may have been there before.
  func add(_ entry: NotesEntry) async throws -> NotesEntry {
    try await store.write { transaction in
      if let known = try transaction.snapshot.entry(entry.id) { return known }
      try transaction.execute(
        "INSERT INTO entries (id, owner, title, state, opened_at) VALUES (?, ?, ?, ?, ?)",
        [
          .id(entry.id), .id(entry.owner), .text(entry.title), .text(entry.state.rawValue),
          .integer(entry.openedAt.nanoseconds),
        ])
      return entry
    }
  }

  /// Reads, decides and keeps in one change.
  func change(_ id: NotesEntryID, by event: EntryMachine.Event) async throws -> NotesEntry {
    try await store.write { transaction in
      guard var entry = try transaction.snapshot.entry(id) else { throw Problem.notFound }
      var machine = EntryMachine(entry.state)
      try machine.handle(event)
      entry.state = machine.state
      try transaction.execute(
        "UPDATE entries SET state = ? WHERE id = ?", [.text(entry.state.rawValue), .id(id)])
      return entry
    }
  }

  func entries(of owner: PersonID) async throws -> [NotesEntry] {
    try await store.read { snapshot in
      try snapshot.rows(
        "SELECT * FROM entries WHERE owner = ? ORDER BY opened_at DESC, id LIMIT ?",
        [.id(owner), .count(NotesOperations.listMax)]
      ).map { try $0.entry() }
    }
  }
}

extension Snapshot {
  fileprivate func entry(_ id: NotesEntryID) throws -> NotesEntry? {
    try row("SELECT * FROM entries WHERE id = ?", [.id(id)])?.entry()
  }
}

extension Row {
  fileprivate func entry() throws -> NotesEntry {
    guard let id = NotesEntryID(try text("id")), let owner = PersonID(try text("owner")),
      let state = NotesEntry.State(rawValue: try text("state"))
    else { throw StoreError.unexpectedColumn("id") }
    return NotesEntry(
      id: id, owner: owner, title: try text("title"), state: state,
      openedAt: Instant(nanoseconds: try integer("opened_at")))
  }
}
