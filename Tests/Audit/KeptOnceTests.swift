import Audit
import AuditAPI
import Foundation
import Glibc
import MerkleLog
import Storage
import TestKit
import Testing
import Vocabulary

@Suite(.serialized, .onEachStore) struct `A record's bytes` {
  @Test func `are kept once: in the store until they stand in a full bundle, then in the log`()
    async throws
  {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    let records = (0..<1_000).map {
      sampleRecord($0, subject: "person-\($0 % 3)", correlation: UInt128($0 / 9 + 1))
    }
    _ = try await parts.append(records)
    try await parts.writer.publish()
    #expect(try await rows("audit_record", parts.store) == 1_000 - 768)
    #expect(try await rows("logged_id", parts.store) == 768)
    #expect(try await parts.records.count() == 1_000)

    // They are found as before, over the seam between log and store.
    for number in [0, 255, 256, 767, 768, 999] {
      let entry = try #require(try await parts.records.entry(sampleRecord(number).id))
      #expect(entry.sequence == UInt64(number) && entry.bytes == logged(records[number]))
    }
    let correlation = records[765].correlation
    let found = try await parts.records.find(.correlation(correlation), after: -1, limit: 100)
    #expect(found.map(\.sequence) == Array(765..<774))
    var page: [UInt64] = []
    while true {
      let next = try await parts.records.find(
        .subject("person-1"), after: page.last.map { Int64($0) } ?? -1, limit: 50)
      page += next.map(\.sequence)
      guard next.count == 50 else { break }
    }
    #expect(page == stride(from: 1, to: 1_000, by: 3).map { UInt64($0) })
    let all = try await parts.records.find(.all, after: 700, limit: 200)
    #expect(all.map(\.sequence) == Array(701..<901))

    // An id keeps its one meaning, wherever its record stands.
    let decision = try await parts.append([
      records[5], sampleRecord(6, outcome: "other"), records[999],
    ])
    #expect(decision.duplicates == 2 && decision.conflicts.map(\.record.id) == [records[6].id])
  }

  @Test func `take less than half of what their text takes, index included`() async throws {
    // About files.
    guard StoreKind.current == .sqlite else { return }
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    let randomness = Randomness.seeded(3)
    var text = 0
    for batch in 0..<30 {
      var records: [AuditRecord] = []
      for number in 0..<400 {
        records.append(try paymentRecord(batch * 400 + number, randomness, last: records.last))
      }
      text += records.reduce(0) { $0 + $1.canonicalBytes.count }
      _ = try await parts.append(records)
      try await parts.writer.publish()
    }
    parts.store.close()
    let used = try diskBytes(bench.directory.path)
    print("disk: \(used / 12_000) bytes a record, its text \(text / 12_000)")
    #expect(used * 2 < text)
  }

  @Test func `of an earlier build follow, while the log goes on, and its bundles are packed`()
    async throws
  {
    // About files.
    guard StoreKind.current == .sqlite else { return }
    let bench = try Bench()
    let path = bench.directory.appending(path: "store/audit.sqlite").path
    let count = 17_000
    let log = try await layEarlier(bench, path, count)
    let parts = try await bench.open(log: log)
    try await parts.writer.recover()
    _ = try await parts.append(sampleRecords(count..<count + 1_000))
    try await parts.writer.publish()
    // Nothing is let go of before it was compared.
    #expect(try await rows("audit_record", parts.store) == count + 1_000)
    try await parts.writer.comparePast()
    let size = count + 1_000
    #expect(try await rows("audit_record", parts.store) == size % 256)
    #expect(try await rows("logged_id", parts.store) == size - size % 256)
    let names = Bench.files(log).keys.filter { $0.hasPrefix("tile/entries/") }
    #expect(names.allSatisfy { $0.hasSuffix(".gz") || $0.contains(".p/") })
    let report = LogVerification(files: parts.folder.files, key: parts.signer.verifierKey).verify()
    #expect(report.findings == [] && report.entries == UInt64(size))
    let decision = try await parts.append(sampleRecords(100..<110))
    #expect(decision.duplicates == 10)
  }

  @Test func `go when their time is over, and what remains still verifies`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    _ = try await parts.append(sampleRecords(0..<1_000))
    try await parts.writer.publish()
    let older = try #require(parts.folder.read("checkpoint"))
    let now = Bench.clock.now()
    // All came at one moment: up to it nothing goes, after it all full bundles do.
    #expect(try await parts.writer.expire(before: now) == nil)
    #expect(try await parts.writer.expire(before: now + .seconds(1)) == 0..<768)
    #expect(try await parts.writer.expire(before: now + .seconds(1)) == nil)
    let names = Bench.files(bench.logPath).keys
    #expect(!names.contains { $0.hasPrefix("tile/entries/00") && $0.hasSuffix(".gz") })
    #expect(try await rows("logged_id", parts.store) == 0)
    #expect(try await rows("logged_term", parts.store) == 0)
    #expect(try await parts.records.entry(sampleRecord(1).id) == nil)
    #expect(try await parts.records.find(.all, after: -1, limit: 10).first?.sequence == 768)

    _ = try await parts.append(sampleRecords(1_000..<1_500))
    try await parts.writer.publish()
    let verification = LogVerification(files: parts.folder.files, key: parts.signer.verifierKey)
    let report = verification.verify(older: older)
    #expect(report.findings == [] && report.entries == 732 && report.expired == 768)

    // A bundle that somebody took away is not mistaken for one whose time is over.
    let robbed = try bench.copy(bench.logPath, to: "robbed")
    try FileManager.default.removeItem(atPath: "\(robbed)/tile/entries/004.gz")
    let files = try LogFolder(robbed).files
    #expect(
      LogVerification(files: files, key: parts.signer.verifierKey).verify().findings
        == [.fileMissing(path: "tile/entries/004")])
    // Nor does the log's word count without its signature.
    let unsigned = try bench.copy(bench.logPath, to: "unsigned")
    let note = String(
      decoding: try #require(Bench.files(unsigned)["retention"]), as: UTF8.self)
    try Data(note.replacing("\n768\n", with: "\n1024\n").utf8).write(
      to: URL(filePath: "\(unsigned)/retention"))
    let forged = LogVerification(
      files: try LogFolder(unsigned).files, key: parts.signer.verifierKey)
    #expect(forged.verify().findings.count == 3)

    // A second life starts over it.
    let life = try await bench.parts(on: parts.store, log: try bench.copy(bench.logPath, to: "on"))
    try await life.writer.recover()
    try await life.writer.comparePast()
    #expect(life.published.statement?.checkpoint.size == 1_500)
  }

  private func rows(_ table: String, _ store: Store) async throws -> Int {
    try await store.read { snapshot in
      let sql =
        table == "audit_record"
        ? "SELECT count(*) AS n FROM audit_record"
        : table == "logged_id"
          ? "SELECT count(*) AS n FROM logged_id" : "SELECT count(*) AS n FROM logged_term"
      return Int(try snapshot.row(sql)?.integer("n") ?? 0)
    }
  }

  /// A store and a log as the build before wrote them: every record in the store, plain bundles.
  private func layEarlier(_ bench: Bench, _ path: String, _ count: Int) async throws -> String {
    let store = try Store.open(
      path: path, migrations: [AuditStore.migrations[0]], clock: Bench.clock)
    let signer = try await CheckpointKey.load(
      origin: Bench.origin, store: AuditStore(store), keyring: bench.keyring,
      randomness: .seeded(1), now: Bench.clock.now())
    let folder = try LogFolder(bench.logPath)
    var growth = LogGrowth()
    for start in stride(from: 0, to: count, by: 2_000) {
      let records = sampleRecords(start..<min(count, start + 2_000))
      try await store.write { transaction in
        for (place, record) in records.enumerated() {
          try transaction.execute(
            """
            INSERT INTO audit_record (sequence, record_id, correlation, subject, entry)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
              .count(start + place), .blob(record.id.bytes), .id(record.correlation), .null,
              .blob(record.canonicalBytes),
            ])
        }
      }
      for record in records {
        try folder.write(
          try growth.append(record.canonicalBytes).map { ($0.address.path, $0.bytes) })
      }
    }
    try folder.write(growth.partialFiles.map { ($0.address.path, $0.bytes) })
    let checkpoint = Checkpoint(origin: Bench.origin, size: growth.size, root: growth.root)
    let note = Array(try #require(checkpoint.signed(by: signer)).utf8)
    try folder.write([("checkpoint", note)])
    try await AuditStore(store).remember(note: note, size: growth.size)
    store.close()
    return bench.logPath
  }

  /// As long and as various as a payment's records are: nine of them share a correlation.
  private func paymentRecord(
    _ number: Int, _ randomness: Randomness, last: AuditRecord?
  ) throws -> AuditRecord {
    let at = Instant(seconds: 1_795_000_000) + .milliseconds(Int64(number))
    let isFirst = number % 9 == 0
    let fresh = try #require(CorrelationID(bits: randomness.bits128() | 1))
    let payment = PaymentID(bits: randomness.bits128()).description
    return AuditRecord(
      id: AuditRecordID(at: at, random: randomness.bits128()), at: at,
      service: number % 2 == 0 ? "payments" : "ledger", kind: number % 3 == 0 ? .money : .access,
      correlation: isFirst ? fresh : last?.correlation ?? fresh, caller: "gateway",
      subject: isFirst ? PersonID(bits: randomness.bits128()).description : last?.subject,
      client: "demo", operation: "createPayment", outcome: AuditRecord.allowed,
      detail: [
        "payment": isFirst ? payment : last?.detail["payment"] ?? payment, "currency": "EUR",
        "amount_minor_units": "\(number % 10_000)",
      ])
  }

  private func diskBytes(_ folder: String) throws -> Int {
    var sum = 0
    for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
      var facts = stat()
      if stat("\(folder)/\(name)", &facts) == 0 { sum += Int(facts.st_blocks) * 512 }
    }
    return sum
  }
}
