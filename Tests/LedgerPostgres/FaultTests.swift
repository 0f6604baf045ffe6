import Glibc
import LedgerStorage
import Storage
import StoragePostgres
import TestKit
import Testing
import Vocabulary

@Suite(.postgres, .serialized, .timeLimit(.minutes(3))) struct `A ledger on PostgreSQL` {
  @Test(arguments: [false, true])
  func `tells nobody that a transfer is kept when the connection is cut in mid-commit`(
    reachesServer: Bool
  ) async throws {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let proxy = try ConnectionProxy(to: server.folder)
    defer { proxy.close() }
    let books = try await Books.open(location.with("host", proxy.folder))
    let load = Load(books)
    async let running: Void = load.run()
    for cut in 1...8 {
      try await Task.sleep(for: .milliseconds(150))
      proxy.set(reachesServer ? .cutAfterCommit : .cutBeforeCommit)
      try await waitUntil("cut \(cut)") { proxy.cuts == cut }
      let before = load.result.kept.count
      try await waitUntil("going on after cut \(cut)") { load.result.kept.count > before }
    }
    load.stop()
    await running
    books.store.close()
    let seen = load.result
    print(
      "postgres: 8 cuts, \(seen.kept.count) transfers, \(seen.doubted) batches in doubt, "
        + "\(seen.keptUnheard) kept unheard")
    // A commit that reached the server is kept, and only then can that be found out later.
    #expect((seen.keptUnheard > 0) == reachesServer)
    try expectSound(location, seen)
  }

  @Test func `loses nothing when the server is killed under load`() async throws {
    let server = try PostgresServer()
    let location = try server.newStore()
    let books = try await Books.open(location)
    let load = Load(books)
    async let running: Void = load.run()
    for _ in 0..<2 {
      try await Task.sleep(for: .milliseconds(400))
      try server.crash()
      try await Task.sleep(for: .milliseconds(300))
      await #expect(throws: (any Error).self) { try await books.send([1]) }
      try server.start()
      let before = load.result.kept.count
      try await waitUntil("going on after the crash") { load.result.kept.count > before }
    }
    load.stop()
    await running
    books.store.close()
    try expectSound(location, load.result)
  }

  @Test func `waits for a server that is paused, and goes on when it wakes`() async throws {
    let server = try PostgresServer()
    let location = try server.newStore()
    let books = try await Books.open(location)
    let load = Load(books)
    async let running: Void = load.run()
    try await Task.sleep(for: .milliseconds(300))
    server.pause()
    try await Task.sleep(for: .milliseconds(100))
    let before = load.result.kept.count
    try await Task.sleep(for: .seconds(2))
    #expect(load.result.kept.count == before)
    server.wake()
    try await waitUntil("going on") { load.result.kept.count > before }
    load.stop()
    await running
    books.store.close()
    try expectSound(location, load.result)
  }

  @Test func `loses nothing when the process that serves it is killed or ended`() async throws {
    let server = try PostgresServer()
    let location = try server.newStore()
    let books = try await Books.open(location)
    let load = Load(books)
    async let running: Void = load.run()
    for sql in ["kill", "SELECT pg_terminate_backend(pid)"] {
      try await Task.sleep(for: .milliseconds(300))
      let owner =
        "FROM pg_stat_activity WHERE application_name = 'ledger' AND pid <> pg_backend_pid()"
      if sql == "kill" {
        let row = try server.sql("SELECT pid::bigint AS pid \(owner)")
        kill(pid_t(try #require(row.first).integer("pid")), SIGKILL)
      } else {
        try server.sql("\(sql) \(owner)")
      }
      let before = load.result.kept.count
      try await waitUntil("going on") { load.result.kept.count > before + 30 }
    }
    load.stop()
    await running
    books.store.close()
    try expectSound(location, load.result)
  }
}
