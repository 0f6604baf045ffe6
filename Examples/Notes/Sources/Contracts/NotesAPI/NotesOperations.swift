package import Vocabulary

/// What the notes service promises.
package enum NotesOperations {
  package static let service: ServiceName = "notes"
  package static let openEntry = Operation<NewNotesEntry, NotesEntry>(
    "openEntry", of: service, .post, "/v1/notes")
  package static let closeEntry = Operation<Nothing, NotesEntry>(
    "closeEntry", of: service, .post, "/v1/notes/{id}/closing")
  package static let listEntries = Operation<Nothing, NotesEntries>(
    "listEntries", of: service, .get, "/v1/notes")

  /// Longest title, characters; the shortest has one.
  package static let titleMax = 120
  /// Most entries in one answer.
  package static let listMax = 100
}

package enum NotesEntryKind {}
package typealias NotesEntryID = ID<NotesEntryKind>

package struct NewNotesEntry: Codable, Hashable, Sendable {
  package let owner: PersonID
  package let title: String
  package init(owner: PersonID, title: String) { (self.owner, self.title) = (owner, title) }
}

package struct NotesEntry: SnakeCased, Codable, Hashable, Sendable {
  package enum State: String, Codable, Sendable { case open, closed }
  package let id: NotesEntryID
  package let owner: PersonID
  package let title: String
  package var state: State
  package let openedAt: Instant
  package init(
    id: NotesEntryID, owner: PersonID, title: String, state: State, openedAt: Instant
  ) {
    (self.id, self.owner, self.title) = (id, owner, title)
    (self.state, self.openedAt) = (state, openedAt)
  }
}

package struct NotesEntries: Codable, Hashable, Sendable {
  package let entries: [NotesEntry]
  package init(entries: [NotesEntry]) { self.entries = entries }
}
