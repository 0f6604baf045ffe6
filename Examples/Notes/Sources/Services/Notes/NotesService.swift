package import Chassis
import NotesAPI
package import Storage
package import Vocabulary

/// The notes service: one handler per operation of its charter.
package struct NotesService: Service {
  package static let name = NotesOperations.service
  package static let migrations = [
    Migration(
      1, "initial", sql: PackageResources._001_initial_sql,
      postgres: PackageResources._001_initial_postgres_sql)
  ]
  private let store: EntryStore

  package init(_ context: ServiceContext) async throws { store = EntryStore(context.store) }

  package var operations: [String: Handler] {
    let store = store
    return [
      NotesOperations.openEntry.id: { call in
        let new = try call.decode(NewNotesEntry.self)
        guard (1...NotesOperations.titleMax).contains(new.title.count) else {
          throw Problem.malformed("a title has 1 to 120 characters", field: "/title")
        }
        guard let claim = call.idempotency else { throw Problem.defect }
        let entry = NotesEntry(
          id: claim.resource(), owner: new.owner, title: new.title, state: .open,
          openedAt: call.receivedAt)
        return try .json(201, await store.add(entry))
      },
      NotesOperations.closeEntry.id: { call in
        try .json(200, await store.change(call.id("id"), by: .closed))
      },
      NotesOperations.listEntries.id: { call in
        try .json(200, NotesEntries(entries: await store.entries(of: call.holder())))
      },
    ]
  }
}
