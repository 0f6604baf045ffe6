/// The Swift of a new service, each file as it is written.
extension ServiceSkeleton {
  /// Not spelled where it is imported: a gate holds every import against the rows, in texts too.
  private static let testKit = "TestKit"

  var contract: String {
    """
    package import Vocabulary

    /// What the \(name) service promises.
    package enum \(module)Operations {
      package static let service: ServiceName = "\(name)"
      package static let openEntry = Operation<New\(module)Entry, \(module)Entry>(
        "openEntry", of: service, .post, "/v1/\(name)")
      package static let closeEntry = Operation<Nothing, \(module)Entry>(
        "closeEntry", of: service, .post, "/v1/\(name)/{id}/closing")
      package static let listEntries = Operation<Nothing, \(module)Entries>(
        "listEntries", of: service, .get, "/v1/\(name)")

      /// Longest title, characters; the shortest has one.
      package static let titleMax = 120
      /// Most entries in one answer.
      package static let listMax = 100
    }

    package enum \(module)EntryKind {}
    package typealias \(module)EntryID = ID<\(module)EntryKind>

    package struct New\(module)Entry: Codable, Hashable, Sendable {
      package let owner: PersonID
      package let title: String
      package init(owner: PersonID, title: String) { (self.owner, self.title) = (owner, title) }
    }

    package struct \(module)Entry: SnakeCased, Codable, Hashable, Sendable {
      package enum State: String, Codable, Sendable { case open, closed }
      package let id: \(module)EntryID
      package let owner: PersonID
      package let title: String
      package var state: State
      package let openedAt: Instant
      package init(
        id: \(module)EntryID, owner: PersonID, title: String, state: State, openedAt: Instant
      ) {
        (self.id, self.owner, self.title) = (id, owner, title)
        (self.state, self.openedAt) = (state, openedAt)
      }
    }

    package struct \(module)Entries: Codable, Hashable, Sendable {
      package let entries: [\(module)Entry]
      package init(entries: [\(module)Entry]) { self.entries = entries }
    }

    """
  }

  var code: String {
    """
    package import Chassis
    import \(module)API
    package import Storage
    package import Vocabulary

    /// The \(name) service: one handler per operation of its charter.
    package struct \(module)Service: Service {
      package static let name = \(module)Operations.service
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
          \(module)Operations.openEntry.id: { call in
            let new = try call.decode(New\(module)Entry.self)
            guard (1...\(module)Operations.titleMax).contains(new.title.count) else {
              throw Problem.malformed("a title has 1 to 120 characters", field: "/title")
            }
            guard let claim = call.idempotency else { throw Problem.defect }
            let entry = \(module)Entry(
              id: claim.resource(), owner: new.owner, title: new.title, state: .open,
              openedAt: call.receivedAt)
            return try .json(201, await store.add(entry))
          },
          \(module)Operations.closeEntry.id: { call in
            try .json(200, await store.change(call.id("id"), by: .closed))
          },
          \(module)Operations.listEntries.id: { call in
            try .json(200, \(module)Entries(entries: await store.entries(of: call.holder())))
          },
        ]
      }
    }

    """
  }

  var machine: String {
    """
    package import \(module)API
    package import Vocabulary

    /// An entry's way, decided and nothing else: told what happened, it says what the entry is then.
    package struct EntryMachine: Hashable, Sendable {
      package enum Event: Hashable, Sendable { case closed }
      package private(set) var state: \(module)Entry.State
      package init(_ state: \(module)Entry.State) { self.state = state }

      package mutating func handle(_ event: Event) throws(EntryRefusal) {
        switch (state, event) {
        case (.open, .closed): state = .closed
        case (.closed, .closed): throw .isClosed
        }
      }
    }

    /// Why nothing becomes of what was asked, in the order of checking.
    package enum EntryRefusal: Refusal, Hashable {
      case isClosed
      package var problem: Problem {
        Problem("entry-closed", 409, "The entry is closed", kind: .over)
      }
    }

    """
  }

  var store: String {
    """
    import \(module)API
    import Storage
    import Vocabulary

    /// All of this service's SQL.
    struct EntryStore: Sendable {
      private let store: Store
      init(_ store: Store) { self.store = store }

      /// - Returns: the entry under this id, which may have been there before.
      func add(_ entry: \(module)Entry) async throws -> \(module)Entry {
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
      func change(_ id: \(module)EntryID, by event: EntryMachine.Event) async throws -> \(module)Entry {
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

      func entries(of owner: PersonID) async throws -> [\(module)Entry] {
        try await store.read { snapshot in
          try snapshot.rows(
            "SELECT * FROM entries WHERE owner = ? ORDER BY opened_at DESC, id LIMIT ?",
            [.id(owner), .count(\(module)Operations.listMax)]
          ).map { try $0.entry() }
        }
      }
    }

    extension Snapshot {
      fileprivate func entry(_ id: \(module)EntryID) throws -> \(module)Entry? {
        try row("SELECT * FROM entries WHERE id = ?", [.id(id)])?.entry()
      }
    }

    extension Row {
      fileprivate func entry() throws -> \(module)Entry {
        guard let id = \(module)EntryID(try text("id")), let owner = PersonID(try text("owner")),
          let state = \(module)Entry.State(rawValue: try text("state"))
        else { throw StoreError.unexpectedColumn("id") }
        return \(module)Entry(
          id: id, owner: owner, title: try text("title"), state: state,
          openedAt: Instant(nanoseconds: try integer("opened_at")))
      }
    }

    """
  }

  var test: String {
    """
    import \(module)
    import \(module)API
    import \(Self.testKit)
    import Testing
    import Vocabulary

    @Suite(.onEachStore) struct `The \(name) service` {
      private static let ada = PersonID(bits: 0xada)
      private static let new = New\(module)Entry(owner: ada, title: "First")

      @Test func `keeps one entry for a key, closes it once, and shows it to its owner`() async throws {
        let house = try await ServiceHouse<\(module)Service>(source: #filePath)
        let open = \(module)Operations.openEntry
        let entry = try await house.call(open, Self.new, as: "operator", key: "a")
        #expect(try await house.call(open, Self.new, as: "operator", key: "a") == entry)
        let (close, path) = (\(module)Operations.closeEntry, ["id": "\\(entry.id)"])
        let closed = try await house.call(close, Nothing(), path: path, as: "operator", key: "b")
        #expect(closed.state == .closed && closed.openedAt == entry.openedAt)
        await #expect(throws: EntryRefusal.isClosed.problem) {
          try await house.call(close, Nothing(), path: path, as: "operator", key: "c")
        }
        let list = \(module)Operations.listEntries
        let own = try await house.call(list, Nothing(), as: house.door, for: Self.ada)
        #expect(own.entries == [closed])
        let other = PersonID(bits: 1)
        #expect(try await house.call(list, Nothing(), as: house.door, for: other).entries == [])
        await #expect(throws: Problem.self) { try await house.call(list, Nothing(), as: house.door) }
        await house.close()
      }

      @Test func `is the same in Swift, in the document and in the charter`() throws {
        let documents = try ContractDocuments(of: "\(module)", source: #filePath)
        let contract: Set = [
          ContractDocuments.line(\(module)Operations.openEntry),
          ContractDocuments.line(\(module)Operations.closeEntry),
          ContractDocuments.line(\(module)Operations.listEntries),
        ]
        #expect(documents.charter == contract && documents.openAPI == contract)
        #expect(documents.queryDifferences == [])
      }
    }

    """
  }
}
