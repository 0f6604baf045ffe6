import Audit
import AuditAPI
import Foundation
import MerkleLog
import Sealing
import Storage
import StoragePostgres
import TestKit
import Vocabulary

/// A real store and a real log folder in a temporary directory.
final class Bench {
  // A class: it removes the directory when the test lets go of it.
  let directory: URL
  let keyring: Keyring
  /// Nil where the store is a file.
  private let location: PostgresLocation?
  static let origin = "test.strongroom.local/audit"
  static let clock = Clock { Instant(seconds: 1_795_000_000) }

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(
      path: "audit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: directory, withIntermediateDirectories: true)
    keyring = try Keyring(keys: [1: [UInt8](repeating: 9, count: 32)], current: 1)
    location = StoreKind.current == .postgres ? try PostgresServer.shared.newStore() : nil
  }
  deinit { try? FileManager.default.removeItem(at: directory) }

  /// The folder of the store.
  var storePath: String { directory.appending(path: "store").path }
  var logPath: String { directory.appending(path: "log").path }

  /// The service's inner parts on the bench's directory: as after a start, before `recover`.
  struct Parts {
    let store: Store
    let records: AuditStore
    let folder: LogFolder
    let published: PublishedLog
    let writer: LogWriter
    let signer: NoteSigner

    func append(_ records: [AuditRecord]) async throws -> AppendDecision {
      try await self.records.append(
        records.map { PreparedRecord($0, received: Bench.clock.now()) }, at: Bench.clock.now())
    }
  }

  func open(log: String? = nil, keyring: Keyring? = nil) async throws -> Parts {
    return try await parts(
      on: try await openStore(storePath), log: log ?? logPath, keyring: keyring ?? self.keyring)
  }

  /// - Parameter folder: `storePath`, or a copy of it without its lock file's word on how it was left.
  func openStore(_ folder: String) async throws -> Store {
    if let location, folder == storePath {
      return try await Store.open(
        location, for: "audit", migrations: AuditStore.migrations, clock: Self.clock,
        randomness: .system)
    }
    if folder != storePath {
      try? FileManager.default.removeItem(atPath: "\(folder)/audit.sqlite.lock")
      try? FileManager.default.removeItem(atPath: "\(folder)/audit.sqlite-shm")
    }
    return try Store.open(
      path: "\(folder)/audit.sqlite", migrations: AuditStore.migrations, clock: Self.clock)
  }

  func parts(on store: Store, log: String, keyring: Keyring? = nil) async throws -> Parts {
    let folder = try LogFolder(log)
    let records = AuditStore(store, log: folder.files)
    let signer = try await CheckpointKey.load(
      origin: Self.origin, store: records, keyring: keyring ?? self.keyring,
      randomness: .seeded(1), now: Self.clock.now())
    let published = PublishedLog()
    let writer = LogWriter(
      store: records, folder: folder, signer: signer, published: published,
      partialsStay: .zero)
    return Parts(
      store: store, records: records, folder: folder, published: published, writer: writer,
      signer: signer)
  }

  /// Copies a log folder, as a backup would.
  func copy(_ log: String, to name: String) throws -> String {
    let target = directory.appending(path: name)
    try? FileManager.default.removeItem(at: target)
    try FileManager.default.copyItem(at: URL(filePath: log), to: target)
    return target.path
  }

  /// All files of a log folder by their relative paths.
  static func files(_ log: String) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    let root = URL(filePath: log).resolvingSymlinksInPath().path + "/"
    let listing = FileManager.default.enumerator(atPath: log)
    while let path = listing?.nextObject() as? String {
      if let bytes = try? Data(contentsOf: URL(filePath: root + path)) {
        files[path] = [UInt8](bytes)
      }
    }
    return files
  }
}

/// Records that differ by a number.
func sampleRecord(
  _ number: Int, service: ServiceName = "payments", subject: String? = nil,
  outcome: String = "posted",
  correlation: UInt128? = nil
) -> AuditRecord {
  AuditRecord(
    id: AuditRecordID(bits: UInt128(number) + 1), at: Instant(seconds: Int64(number)),
    service: service, kind: .money,
    // Never zero.
    correlation: CorrelationID(bits: correlation ?? UInt128(number) + 1)!,
    caller: service, subject: subject, operation: "createPayment", outcome: outcome,
    detail: ["payment": PaymentID(bits: UInt128(number)).description, "currency": "EUR"])
}

/// As the log keeps a record that came at the bench's one moment.
func logged(_ record: AuditRecord) -> [UInt8] {
  PreparedRecord(record, received: Bench.clock.now()).entry
}

func sampleRecords(_ numbers: Range<Int>) -> [AuditRecord] { numbers.map { sampleRecord($0) } }
