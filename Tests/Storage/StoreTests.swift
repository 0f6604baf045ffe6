import Dispatch
import FoundationEssentials
import Glibc
import Storage
import Synchronization
import TestKit
import Testing
import Vocabulary

@Suite struct `A store` {
  @Test func `syncs in full on every connection`() async throws {
    let folder = try TemporaryFolder()
    let store = try openStore(in: folder)
    #expect(try store.syncs() == Array(repeating: true, count: 1 + Store.readersMax))
  }

  @Test func `commits no faster than a disk can sync`() async throws {
    let folder = try TemporaryFolder()
    let store = try openStore(in: folder)
    let started = ContinuousClock.now
    for number in 0..<300 { try await add("\(number)", to: store) }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    print("store: \(Int(300 / seconds)) single commits per second")
    #expect(store.counts.commits == 300)
    // Without the sync this machine does 20,000 and more; with it 4,000–8,000 at most.
    #expect(300 / seconds < 15_000)
  }

  /// A later one may rest on what an earlier one wrote.
  @Test(arguments: StoreKind.installed)
  func `tells writes of one commit in their order, failures too`(kind: StoreKind) async throws {
    let store = try await openStore(at: StoreSite(kind))
    let told = Mutex<[String]>([])
    let gate = DispatchSemaphore(value: 0)
    await withCheckedContinuation { (all: CheckedContinuation<Void, Never>) in
      // Holds the queue until the two others wait behind it.
      store.write { _ in
        gate.wait()
      } then: { _ in
      }
      store.write {
        try $0.execute("INSERT INTO notes (nothing) VALUES (1)")
      } then: { result in
        told.withLock { $0.append("first \((try? result.get()) == nil ? "failed" : "kept")") }
      }
      store.write {
        try $0.execute("INSERT INTO notes (text) VALUES (?)", [.text("second")])
      } then: { result in
        told.withLock { $0.append("second \((try? result.get()) == nil ? "failed" : "kept")") }
        all.resume()
      }
      gate.signal()
    }
    #expect(told.withLock { $0 } == ["first failed", "second kept"])
    #expect(store.counts.writes == 2)
  }

  @Test(arguments: StoreKind.installed)
  func `lets concurrent writes share a commit`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<500 { group.addTask { try await add("\(number)", to: store) } }
      try await group.waitForAll()
    }
    let (commits, writes) = store.counts
    print("store: \(writes) writes in \(commits) commits")
    #expect(writes == 500)
    #expect(commits < 250)
    #expect(try await texts(of: store).count == 500)
  }

  @Test(arguments: StoreKind.installed)
  func `undoes a failing write and none of those beside it`(kind: StoreKind) async throws {
    struct Refused: Error {}
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let refused = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        group.addTask {
          do {
            try await store.write { transaction in
              try transaction.execute("INSERT INTO notes (text) VALUES (?)", [.text("\(number)")])
              if number % 3 == 0 { throw Refused() }
            }
            return false
          } catch {
            return error is Refused
          }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    let kept = try await texts(of: store).compactMap(Int.init)
    #expect(refused == 67)
    #expect(Set(kept) == Set((0..<200).filter { $0 % 3 != 0 }))
  }

  @Test(arguments: StoreKind.installed)
  func `keeps what it answered, after it is opened again`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    do {
      let store = try await openStore(at: site)
      try await add("kept", to: store)
      store.close()
      await #expect(throws: StoreError.closed) { try await add("late", to: store) }
    }
    #expect(try await texts(of: openStore(at: site)) == ["kept"])
  }

  @Test func `is for its owner's eyes only`() async throws {
    let folder = try TemporaryFolder()
    let store = try openStore(in: folder)
    try await add("private", to: store)
    func mode(_ path: String) throws -> Int {
      let value = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      return try #require((value as? UInt16).map(Int.init) ?? value as? Int)
    }
    for suffix in ["", "-wal", "-shm", ".lock"] {
      #expect(try mode(folder.database + suffix) == 0o600)
    }
    #expect(try mode(folder.path + "/store") == 0o700)
  }

  @Test func `is refused to a second opener until the first is gone`() async throws {
    let folder = try TemporaryFolder()
    do {
      let first = try openStore(in: folder)
      #expect(throws: StoreError.inUse(path: folder.database)) { try openStore(in: folder) }
      first.close()
    }
    _ = try openStore(in: folder)
  }

  @Test func `tells of a full disk and goes on when there is room again`() async throws {
    let folder = try TemporaryFolder()
    let store = try openStore(in: folder)
    // SQLite's own limit gives the same result code as the disk does.
    try await store.write { transaction in
      let pages = try transaction.rows("PRAGMA page_count")[0].integer("page_count")
      _ = try transaction.rows("PRAGMA max_page_count = \(pages + 2)")
    }
    let large = String(repeating: "x", count: 100_000)
    await #expect(throws: StoreError.diskFull) { try await add(large, to: store) }
    #expect(StoreError.diskFull.problem.status == 503)
    try await store.write { _ = try $0.rows("PRAGMA max_page_count = 1000000") }
    try await add(large, to: store)
    #expect(try await texts(of: store) == [large])
  }

  @Test(arguments: StoreKind.installed)
  func `names the rule that a write breaks, and not the value`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    try await add("secret value", to: store)
    let error = await #expect(throws: StoreError.self) { try await add("secret value", to: store) }
    let rule =
      kind == .sqlite
      ? "UNIQUE constraint failed: notes.text"
      : "duplicate key value violates unique constraint \"notes_text_key\""
    #expect(error == .constraint(rule))
  }

  @Test(arguments: StoreKind.installed)
  func `tells a wrong column from a missing value`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let raw = kind == .sqlite ? "x'00ff'" : "'\\x00ff'::bytea"
    let sql = "SELECT 1 AS one, NULL AS none, \(raw) AS raw"
    let row = try await store.read { try $0.row(sql) }
    let found = try #require(row)
    #expect(try found.integer("one") == 1)
    #expect(try found.optionalText("none") == nil)
    #expect(try found.blob("raw") == [0, 255])
    #expect(throws: StoreError.unexpectedColumn("one")) { try found.text("one") }
    #expect(throws: StoreError.unexpectedColumn("two")) { try found.integer("two") }
  }
}

@Suite struct `A damaged store` {
  private func overwrite(_ path: String, at offset: UInt64, with bytes: [UInt8]) throws {
    let handle = try #require(fopen(path, "r+"))
    defer { fclose(handle) }
    fseek(handle, Int(offset), SEEK_SET)
    fwrite(bytes, 1, bytes.count, handle)
  }

  @Test func `refuses to start and says how to restore`() async throws {
    let folder = try TemporaryFolder()
    do {
      let store = try openStore(in: folder)
      for number in 0..<2_000 where number % 50 == 0 {
        try await add(String(repeating: "\(number) ", count: 400), to: store)
      }
      store.close()
    }
    let path = folder.database
    try? FileManager.default.removeItem(atPath: path + "-wal")
    let garbage = [UInt8](repeating: 0xa5, count: 4_096)
    let size = try #require(FileManager.default.contents(atPath: path)).count
    for offset in stride(from: 8_192, to: size - 4_096, by: 8_192) {
      try overwrite(path, at: UInt64(offset), with: garbage)
    }
    let before = FileManager.default.contents(atPath: path)
    let error = #expect(throws: StoreError.self) { try openStore(in: folder) }
    guard case .corrupt = error else {
      Issue.record("expected corrupt, got \(String(describing: error))")
      return
    }
    #expect(error?.description.contains("To restore: move") == true)
    #expect(FileManager.default.contents(atPath: path) == before)
  }

  /// What `kill -9` leaves: the files as they lie there while the owner works.
  private func crashed(_ folder: TemporaryFolder, notes count: Int) async throws -> TemporaryFolder
  {
    let store = try openStore(in: folder)
    for number in 0..<count { try await add("note \(number)", to: store) }
    let copy = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: folder.path + "/store", toPath: copy.path + "/store")
    store.close()
    return copy
  }

  @Test func `is one file once it is closed, and that file is a backup`() async throws {
    let folder = try TemporaryFolder()
    _ = try await crashed(folder, notes: 20)
    #expect(FileManager.default.contents(atPath: folder.database + "-wal")?.isEmpty ?? true)
    let backup = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: backup.path + "/store", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: folder.database, toPath: backup.database)
    #expect(try await texts(of: openStore(in: backup)).count == 20)
  }

  @Test func `never forgets a commit because a bit of its log was flipped`() async throws {
    let seed = testSeed("flipped log")
    let random = Randomness.seeded(seed)
    let original = try await crashed(TemporaryFolder(), notes: 40)
    let log = try original.bytes("store/test.sqlite-wal")
    var refused = 0
    for round in 0..<60 {
      let copy = try TemporaryFolder()
      try FileManager.default.copyItem(
        atPath: original.path + "/store", toPath: copy.path + "/store")
      let offset = Int(random.next() % UInt64(log.count))
      try overwrite(
        copy.database + "-wal", at: UInt64(offset),
        with: [log[offset] ^ 1 << UInt8(random.next() % 8)])
      do {
        let kept = try await texts(of: openStore(in: copy)).count
        // A wrong end may be a torn one: only what the last transaction or two brought can be missing.
        #expect(
          kept >= 38,
          "\(kept) left after a flip at \(offset) of \(log.count), seed \(seed), \(round)")
      } catch StoreError.corrupt {
        refused += 1
      }
    }
    #expect(refused > 40, "only \(refused) of 60 flips were seen")
    print("store: \(refused) of 60 flipped logs refused, the rest lost nothing that is certain")
  }

  @Test func `opens with all whole transactions when its log ends torn`() async throws {
    let original = try await crashed(TemporaryFolder(), notes: 10)
    let log = try original.bytes("store/test.sqlite-wal")
    var before = 0
    for end in stride(from: log.count / 2, through: log.count, by: 1_713) {
      let copy = try TemporaryFolder()
      try FileManager.default.copyItem(
        atPath: original.path + "/store", toPath: copy.path + "/store")
      try Data(log[..<end]).write(to: URL(filePath: copy.database + "-wal"))
      let kept = try await texts(of: openStore(in: copy)).count
      #expect(kept >= before)
      before = kept
    }
    #expect(before >= 9)
  }

  /// A long transaction was cut short, the process came back, and the power went during a shorter one in its place.
  @Test func `opens when an older, longer transaction shows behind a torn end`() async throws {
    let original = try await crashed(TemporaryFolder(), notes: 10)
    func log(after note: String) async throws -> [UInt8] {
      let copy = try TemporaryFolder()
      try FileManager.default.copyItem(
        atPath: original.path + "/store", toPath: copy.path + "/store")
      let store = try openStore(in: copy)
      try await add(note, to: store)
      let log = try copy.bytes("store/test.sqlite-wal")
      store.close()
      return log
    }
    let long = try await log(after: String(repeating: "x", count: 100_000))
    var short = try await log(after: "short")
    try #require(short.count + 8_000 < long.count)
    let count = short.count
    // The first frame of the short one is torn, its commit is there.
    let first = try original.bytes("store/test.sqlite-wal").count
    try #require(first < count)
    short[first + 100] ^= 1
    let copy = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: original.path + "/store", toPath: copy.path + "/store")
    try Data(short + long[count...]).write(to: URL(filePath: copy.database + "-wal"))
    #expect(try await texts(of: openStore(in: copy)).count == 10)
  }

  @Test(arguments: ["test.sqlite-wal", "test.sqlite"])
  func `misses a file that went while nobody looked`(name: String) async throws {
    let crashed = try await crashed(TemporaryFolder(), notes: 5)
    try FileManager.default.removeItem(atPath: crashed.path + "/store/" + name)
    let error = #expect(throws: StoreError.self) { try openStore(in: crashed) }
    guard case .corrupt = error else {
      Issue.record("expected corrupt, got \(String(describing: error))")
      return
    }
  }

  @Test func `is told from a file that is no database`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.path + "/store", withIntermediateDirectories: true)
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000)
    try Data(text).write(to: URL(filePath: folder.database))
    let error = #expect(throws: StoreError.self) { try openStore(in: folder) }
    guard case .corrupt(_, let reason) = error else {
      Issue.record("expected corrupt, got \(String(describing: error))")
      return
    }
    print("store: \(reason)")
  }

  @Test func `is unreadable where its folder cannot be made`() throws {
    let error = #expect(throws: StoreError.self) {
      try Store.open(path: "/proc/nowhere/a.sqlite", migrations: [], clock: fixedClock)
    }
    guard case .unreadable = error else {
      Issue.record("expected unreadable, got \(String(describing: error))")
      return
    }
  }
}

@Suite struct `Migrations` {
  private let more = Migration(
    2, "more", sql: Array("ALTER TABLE notes ADD COLUMN extra TEXT;".utf8),
    postgres: Array("ALTER TABLE notes ADD COLUMN extra text;".utf8))

  @Test(arguments: StoreKind.installed)
  func `run once, in order, and again only when new`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    do { try await add("first", to: openStore(at: site)) }
    let store = try await openStore(at: site, migrations: [notes, more])
    let row = try await store.read { try $0.row("SELECT text, extra FROM notes") }
    #expect(try row?.optionalText("extra") == nil)
    #expect(try row?.text("text") == "first")
  }

  @Test(arguments: StoreKind.installed)
  func `refuse to start when a merged one was edited, or one is gone`(kind: StoreKind) async throws
  {
    let site = try StoreSite(kind)
    do { _ = try await openStore(at: site, migrations: [notes, more]) }
    let edited = Migration(
      1, "notes", sql: notes.sql + [UInt8(ascii: " ")],
      postgres: notes.postgres + [UInt8(ascii: " ")])
    await #expect(throws: StoreError.migrationEdited(number: 1, name: "notes")) {
      try await openStore(at: site, migrations: [edited, more])
    }
    await #expect(throws: StoreError.migratedByNewer(number: 2, known: 1)) {
      try await openStore(at: site)
    }
    await #expect(throws: StoreError.migrationsOutOfOrder(number: 2)) {
      try await openStore(at: site, migrations: [more])
    }
  }

  @Test(arguments: StoreKind.installed)
  func `leave nothing behind when one fails`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let broken = Migration(
      2, "broken", sql: Array("CREATE TABLE half (id INTEGER); CREATE TABEL other;".utf8),
      postgres: Array("CREATE TABLE half (id bigint); CREATE TABEL other;".utf8))
    let error = await #expect(throws: StoreError.self) {
      try await openStore(at: site, migrations: [notes, broken])
    }
    guard case .migrationFailed(2, "broken", _) = error else {
      Issue.record("expected migrationFailed, got \(String(describing: error))")
      return
    }
    let store = try await openStore(at: site)
    let half = try await store.read {
      try $0.rows(
        kind == .sqlite
          ? "SELECT name FROM sqlite_master WHERE name = 'half'"
          : "SELECT relname FROM pg_class WHERE oid = to_regclass('half')")
    }
    #expect(half.isEmpty)
  }
}
