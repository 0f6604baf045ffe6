import FoundationEssentials
import Storage
import TestKit
import Vocabulary

/// A folder of its own for one test; gone with the value's last copy. A class for that reason.
final class TemporaryFolder: Sendable {
  let path: String
  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/strongroom-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: "\(path)/\(name)")))
  }
  var database: String { path + "/store/test.sqlite" }
}

let noon = Instant(seconds: 1_795_262_400)
let fixedClock = Clock { noon }

let notes = Migration(
  1, "notes",
  sql: Array("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);".utf8),
  postgres: Array(
    """
    CREATE TABLE notes (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL UNIQUE);
    """.utf8))

func openStore(in folder: TemporaryFolder, migrations: [Migration] = [notes]) throws -> Store {
  try Store.open(path: folder.database, migrations: migrations, clock: fixedClock)
}

func openStore(at site: StoreSite, migrations: [Migration] = [notes]) async throws -> Store {
  try await site.open(migrations, clock: fixedClock)
}

func add(_ text: String, to store: Store) async throws {
  try await store.write { try $0.execute("INSERT INTO notes (text) VALUES (?)", [.text(text)]) }
}

func texts(of store: Store) async throws -> [String] {
  try await store.read { snapshot in
    try snapshot.rows("SELECT text FROM notes ORDER BY id").map { try $0.text("text") }
  }
}
