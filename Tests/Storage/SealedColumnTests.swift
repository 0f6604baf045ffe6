import Sealing
import Storage
import Testing
import Vocabulary

@Suite struct `A sealed column` {
  @Test func `opens in its own row only, and its text is nowhere in the files`() async throws {
    let folder = try TemporaryFolder()
    let table = Migration(
      1, "people", sql: Array("CREATE TABLE people (id TEXT PRIMARY KEY, name BLOB NOT NULL);".utf8)
    )
    let keyring = try Keyring(keys: [1: [UInt8](repeating: 7, count: 32)], current: 1)
    let names = SealedColumn(table: "people", column: "name", keyring: keyring)
    let store = try openStore(in: folder, migrations: [table])
    let sealed = try names.seal("Jane Example", row: "a")
    try await store.write { transaction in
      for row in ["a", "b"] {
        try transaction.execute("INSERT INTO people VALUES (?, ?)", [.text(row), sealed])
      }
    }
    let rows = try await store.read { try $0.rows("SELECT id, name FROM people ORDER BY id") }
    #expect(try names.open(rows[0], row: "a") == "Jane Example")
    #expect(throws: SealingRefusal.notAuthentic) { try names.open(rows[1], row: "b") }
    for suffix in ["", "-wal"] {
      let bytes = try folder.bytes("store/test.sqlite\(suffix)")
      #expect(!String(decoding: bytes, as: UTF8.self).contains("Jane"))
    }
  }
}
