import Dispatch
import Foundation
import LedgerStorage
import Storage
import StoragePostgres
import StrictJSON
import Synchronization
import TestKit
import Testing
import Vocabulary

@Suite(.postgres) struct `A store on PostgreSQL` {
  private func open(
    _ location: PostgresLocation, migrations: [Migration] = [.journal], identityFile: String? = nil
  ) async throws {
    try await Store.open(
      location, for: "test", migrations: migrations, clock: wallClock, randomness: .system,
      identityFile: identityFile
    ).close()
  }

  private func expect(
    _ kind: String, _ words: String, _ location: PostgresLocation,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let error = await #expect(throws: StoreError.self, sourceLocation: sourceLocation) {
      try await open(location)
    }
    #expect(
      error.map { "\($0)".contains(words) && !"\($0)".contains("\n") } == true,
      "\(String(describing: error))", sourceLocation: sourceLocation)
    #expect(
      error.map { String(describing: Mirror(reflecting: $0).children.first?.label ?? "") } == kind,
      sourceLocation: sourceLocation)
  }

  @Test func `says in one line why it cannot be opened`() async throws {
    let server = try PostgresServer.shared
    try server.sql("CREATE ROLE poor_\(getpid()) LOGIN")
    try server.sql("CREATE DATABASE ascii_\(getpid()) ENCODING 'SQL_ASCII' TEMPLATE template0")
    let poor = try server.newStore().with("user", "poor_\(getpid())")
    await expect(
      "unreachable", "Check that the server runs", try server.location(["host": "/tmp/nowhere"]))
    await expect("notAdmitted", "does not exist", try server.location(["dbname": "nowhere"]))
    await expect("unsuitable", "no schema", poor)
    await expect("notAdmitted", "permission denied", poor.with("options", ""))
    await expect("unsuitable", "SQL_ASCII", try server.location(["dbname": "ascii_\(getpid())"]))
  }

  @Test func `is not opened on a server that does not sync`() async throws {
    let server = try PostgresServer(settings: ["fsync=off"])
    await expect("unsuitable", "fsync off", try server.location())
  }

  @Test func `takes its password from a passfile`() async throws {
    let server = try PostgresServer(password: "open sesame")
    let passfile = "\(FileManager.default.temporaryDirectory.path)/passfile-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: passfile) }
    for (password, isRight) in [("open sesame", true), ("close sesame", false)] {
      try Data("*:*:*:*:\(password)\n".utf8).write(to: URL(filePath: passfile))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passfile)
      let location = try server.location(["passfile": passfile])
      if isRight {
        try await open(location)
      } else {
        await expect("notAdmitted", "password authentication failed", location)
      }
    }
    await expect("notAdmitted", "password", try server.location())
  }

  @Test func `refuses a schema of a newer program, and another store in the place of its own`()
    async throws
  {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let identity = "\(FileManager.default.temporaryDirectory.path)/identity-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: identity) }
    let more = Migration(2, "more", sql: [], postgres: Array("CREATE TABLE more (id bigint)".utf8))
    try await open(location, migrations: [.journal, more], identityFile: identity)
    await #expect(throws: StoreError.migratedByNewer(number: 2, known: 1)) {
      try await open(location)
    }
    try await open(location, migrations: [.journal, more], identityFile: identity)
    for other in [try server.newStore(), try server.newStore()] {
      let error = await #expect(throws: StoreError.self) {
        try await open(other, identityFile: identity)
      }
      #expect("\(try #require(error))".contains("is not the store"))
    }
  }

  /// The savepoint before a write goes out with its first statement, so it must not be lost with one that never goes.
  @Test func `undoes a write whose arguments do not fit, and none of those beside it`() async throws
  {
    let notes = Migration(
      1, "notes", sql: [], postgres: Array("CREATE TABLE notes (n bigint)".utf8))
    let store = try await Store.open(
      PostgresServer.shared.newStore(), for: "test", migrations: [notes], clock: wallClock,
      randomness: .system)
    let insert = "INSERT INTO notes (n) VALUES (?)"
    // From now on the statement is known, and goes out in one message with what is before it.
    try await store.write { try $0.execute(insert, [.integer(1)]) }
    let gate = DispatchSemaphore(value: 0)
    let kept = Mutex<[Bool]>([])
    await withCheckedContinuation { (all: CheckedContinuation<Void, Never>) in
      // Holds the queue until the others wait behind it, to share a commit.
      store.write { _ in
        gate.wait()
      } then: { _ in
      }
      for (place, value) in [SQLValue.integer(2), .text("three"), .integer(4)].enumerated() {
        store.write {
          try $0.execute(insert, [value])
        } then: { result in
          kept.withLock { $0.append((try? result.get()) != nil) }
          if place == 2 { all.resume() }
        }
      }
      gate.signal()
    }
    #expect(kept.withLock { $0 } == [true, false, true])
    let found = try await store.read { try $0.rows("SELECT n FROM notes ORDER BY n") }
    #expect(try found.map { try $0.integer("n") } == [1, 2, 4])
    store.close()
  }

  @Test func `refuses to be changed behind the ledger's back`() async throws {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let books = try await Books.open(location)
    for sql in ["UPDATE journal SET moment = 1", "DELETE FROM journal", "TRUNCATE journal"] {
      await #expect(throws: StoreError.constraint("the journal never changes")) {
        try await books.store.write { try $0.execute(sql) }
      }
    }
    books.store.close()
  }
}

@Suite struct `A location of a database` {
  @Test(arguments: [
    ("postgresql://ledger:secret@db/books", "mode 0600"), ("postgresql://db/books", "'user'"),
    ("host=db user=ledger", "'dbname'"), ("dbname=books user=ledger", "'host'"),
    ("postgresql://ledger@db:70000/books", "do not fit"), ("service=books", "service"),
    ("postgresql://ledger@db/books?hostaddr=1.2.3.4", "hostaddr"),
    ("postgresql://ledger@db/books?passfile=pass", "full path"), ("nonsense", "neither"),
    ("postgresql://ledger:secret@[db/books", "neither"), ("password='secret", "neither"),
    ("postgresql://ledger@a,b:1,2:3/books?port=1,2", "do not fit"),
  ])
  func `is refused where it is not whole, without repeating a secret`(text: String, words: String) {
    let fault = #expect(throws: PostgresLocation.Fault.self) { try PostgresLocation(parsing: text) }
    #expect(fault?.description.contains(words) == true, "\(String(describing: fault))")
    #expect(fault?.description.contains("secret") == false)
  }

  @Test func `names its servers, keeps every parameter, and can be written and read again`() throws
  {
    let location = try PostgresLocation(
      parsing:
        "postgresql://ledger@a.bank,[::1]:5433/books?sslmode=verify-full&sslrootcert=/ca'.pem")
    #expect(location.servers.map(\.host) == ["a.bank", "::1"])
    #expect(location.servers.map(\.port) == [5_432, 5_433])
    #expect(
      try StrictJSON.decode(PostgresLocation.self, from: StrictJSON.encode(location)) == location)
    let resolved = location.resolved(["a.bank": ["10.0.0.1", "10.0.0.2"], "::1": ["::1"]])
    #expect(resolved.parameters["host"] == "a.bank,a.bank,::1")
    #expect(resolved.parameters["hostaddr"] == "10.0.0.1,10.0.0.2,::1")
    #expect(resolved.parameters["port"] == "5432,5432,5433")
    #expect("\(location)" == "PostgreSQL database books at a.bank:5432, ::1:5433")
  }
}
