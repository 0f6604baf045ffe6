import LedgerBook
import LedgerStorage
import Storage
import StoragePostgres
import TestKit
import Testing
import Vocabulary

/// Servers and indexes that are behind what a ledger knows.
@Suite(.postgres, .serialized, .timeLimit(.minutes(3))) struct `A ledger on several servers` {
  /// Sends transfers until all but the last of them have left the memory for the index.
  private func fill(_ books: Books, from first: Int, _ count: Int) async throws {
    for start in stride(from: first, to: first + count, by: 64) {
      try await books.send(Array(start..<start + 64))
    }
    try await waitUntil("indexed") { books.keeper.projectionLag < 64 }
  }

  @Test func `never asks a replica, though it is named first, and is behind`() async throws {
    let first = try PostgresServer()
    let location = try first.newStore()
    let replica = try PostgresServer(copyOf: first, follows: true)
    let either = location.with("host", "\(replica.folder),\(first.folder)")
      .with("port", "5432,5432")
    let books = try await Books.open(either)
    try await waitUntil("the replica has the books") {
      try replica.has("SELECT FROM pg_tables WHERE tablename = 'journal'")
    }
    try replica.sql("SELECT pg_wal_replay_pause() IS NULL AS x")
    try await fill(books, from: 1_000, 256)
    #expect(try await books.send([1_000, 1_255, 2_000]) == [.exists, .exists, .created])
    #expect(try await books.keeper.transfer(TransferID(bits: 1_001)) != nil)
    #expect(
      try replica.has("SELECT FROM pg_stat_activity WHERE application_name = 'ledger'") == false)
    books.store.close()
  }

  /// Two servers that both take writes, as after a failover that went wrong: the one that readers now reach was left
  /// behind before these transfers.
  @Test
  func `does not take an old id for a new one where its readers reach a server that is behind`()
    async throws
  {
    let first = try PostgresServer()
    let location = try first.newStore()
    let proxy = try ConnectionProxy(to: first.folder)
    defer { proxy.close() }
    let books = try await Books.open(location.with("host", proxy.folder))
    let second = try PostgresServer(copyOf: first, follows: false)
    try await fill(books, from: 1_000, 256)
    proxy.route(readersTo: second.folder)
    await #expect(throws: LedgerFault.readingAgain) { try await books.send([1_000]) }
    proxy.route(readersTo: first.folder)
    #expect(try await books.send([1_000]) == [.exists])
    books.store.close()
  }

  @Test func `goes on with its index when the answer to a commit of it was lost`() async throws {
    let location = try PostgresServer.shared.newStore()
    let proxy = try ConnectionProxy(to: PostgresServer.shared.folder)
    defer { proxy.close() }
    let books = try await Books.open(location.with("host", proxy.folder))
    proxy.set(.cutAfterIndexCommit)
    try await books.send(Array(1_000..<1_064))
    try await waitUntil("the cut") { proxy.cuts == 1 }
    // Nothing of the journal may fail meanwhile: the books would be read again, and the index with them.
    try await waitUntil("a connection") {
      (try? await books.store.write { _ = try $0.rows("SELECT 1 AS one") }) != nil
    }
    #expect(try await books.send([2_000]) == [.created])
    try await waitUntil("indexed", within: .seconds(10)) { books.keeper.projectionLag < 64 }
    try await fill(books, from: 3_000, 128)
    #expect(try await books.send([1_000, 3_000]) == [.exists, .exists])
    books.store.close()
    #expect(try LedgerVerifier(StoreReader(PostgresReader(location))).verify().findings == [])
  }
}

extension PostgresServer {
  /// Whether a question has an answer.
  fileprivate func has(_ sql: String) throws -> Bool { try !self.sql("\(sql) LIMIT 1").isEmpty }
}
