import Audit
import AuditAPI
import Foundation
import MerkleLog
import Sealing
import Storage
import TestKit
import Testing
import Vocabulary

@Suite(.onEachStore) struct `The log's writer` {
  @Test func `publishes an empty log, then what is stored, and the files verify alone`()
    async throws
  {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    try await parts.writer.publish()
    #expect(parts.published.statement?.checkpoint.size == 0)
    var older: [UInt8]?
    for count in [1, 254, 1, 1, 300, 600] {
      let size = Int(parts.published.statement?.checkpoint.size ?? 0)
      _ = try await parts.append(sampleRecords(size..<size + count))
      #expect(try await parts.writer.publish() == UInt64(count))
      #expect(parts.published.statement?.checkpoint.size == UInt64(size + count))
      let report = LogVerification(files: parts.folder.files, key: parts.signer.verifierKey)
        .verify(older: older)
      #expect(report.findings == [] && report.entries == UInt64(size + count))
      older = parts.folder.read("checkpoint")
    }
    #expect(try await parts.writer.publish() == 0)
    let key = try #require(parts.folder.read("log.vkey"))
    #expect(VerifierKey(String(decoding: key, as: UTF8.self)) == parts.signer.verifierKey)
    let names = Bench.files(bench.logPath).keys
    #expect(names.contains("tile/entries/003.gz") && !names.contains("tile/entries/003"))
    #expect(!names.contains { $0.hasPrefix("tile/0/000.p/") }, "superfluous partial tiles stay")
    #expect(!names.contains { $0.hasSuffix(".tmp") })
  }

  @Test func `leaves superseded partial files for a while, and none when it ends`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    let writer = LogWriter(
      store: parts.records, folder: parts.folder, signer: parts.signer, published: parts.published)
    try await writer.recover()
    _ = try await parts.append(sampleRecords(0..<200))
    try await writer.publish()
    let first = Bench.files(bench.logPath)
    _ = try await parts.append(sampleRecords(200..<600))
    try await writer.publish()
    // Whoever copies the folder has listed the partial file before it was full, and reads it now.
    for path in ["tile/entries/000.p/200", "tile/0/000.p/200"] {
      #expect(Bench.files(bench.logPath)[path] == first[path] && first[path] != nil)
    }
    await writer.sweep()
    let names = Bench.files(bench.logPath).keys.filter { $0.contains(".p/") }
    #expect(Set(names) == ["tile/entries/002.p/88", "tile/0/002.p/88", "tile/1/000.p/2"])
  }

  @Test func `goes on after a restart with the same key`() async throws {
    let bench = try Bench()
    let key: VerifierKey
    do {
      let parts = try await bench.open()
      key = parts.signer.verifierKey
      try await parts.writer.recover()
      _ = try await parts.append(sampleRecords(0..<700))
      try await parts.writer.publish()
      // Stored, but not published when the process ends.
      _ = try await parts.append(sampleRecords(700..<710))
      parts.store.close()
    }
    let saved = try bench.copy(bench.logPath, to: "saved")
    let older = Bench.files(saved)["checkpoint"]
    // The lock is the process's own until it ends, so the second life uses the copied folder.
    let parts = try await bench.open(log: saved)
    #expect(parts.signer.verifierKey == key)
    try await parts.writer.recover()
    #expect(parts.published.statement?.checkpoint.size == 700)
    #expect(try await parts.writer.publish() == 10)
    let report = LogVerification(files: parts.folder.files, key: key).verify(older: older)
    #expect(report.findings == [] && report.entries == 710)
  }

  @Test func `recovers from a crash between any two files`() async throws {
    // About files.
    guard StoreKind.current == .sqlite else { return }
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    _ = try await parts.append(sampleRecords(0..<500))
    try await parts.writer.publish()
    let before = try bench.copy(bench.logPath, to: "before")
    let old = Bench.files(before)
    _ = try await parts.append(sampleRecords(500..<1_100))
    // The store as it is until the checkpoint stands: it lets go of nothing before.
    let stored = try bench.copy(bench.storePath, to: "stored")
    try await parts.writer.publish()
    let new = Bench.files(bench.logPath)
    // As written: tiles in any order first, the checkpoint last, then old partial tiles are
    // removed.
    let added = new.keys.filter { old[$0] == nil }.sorted() + ["checkpoint"]
    let removed = old.keys.filter { new[$0] == nil }.sorted()
    var steps = 0
    for cut in 0...(added.count + removed.count) {
      for torn in [false, true] {
        let log = try bench.copy(before, to: "crash")
        for path in added.prefix(cut) { try write(new[path] ?? [], log, path) }
        if cut > added.count {
          for path in removed.prefix(cut - added.count) {
            try FileManager.default.removeItem(atPath: "\(log)/\(path)")
          }
        }
        if torn, cut < added.count {
          try write(Array((new[added[cut]] ?? []).prefix(7)), log, added[cut] + ".tmp")
        }
        // The power may go between the checkpoint and what the store remembers of it.
        let isEarlier = cut < added.count || torn && cut == added.count
        let store =
          isEarlier
          ? try await bench.openStore(try bench.copy(stored, to: "store-again")) : parts.store
        let life = try await bench.parts(on: store, log: log)
        try await life.writer.recover()
        let visible = life.folder.read("checkpoint")
        try await life.writer.publish()
        let report = LogVerification(files: life.folder.files, key: life.signer.verifierKey)
          .verify(older: visible)
        #expect(report.findings == [] && report.entries == 1_100, "cut \(cut), torn \(torn)")
        if isEarlier { store.close() }
        steps += 1
      }
    }
    print("crash points recovered: \(steps) of \(2 * (added.count + removed.count + 1)) passed")
  }

  @Test func `refuses to start where store, files, key and checkpoint disagree`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    _ = try await parts.append(sampleRecords(0..<300))
    try await parts.writer.publish()
    let older = try bench.copy(bench.logPath, to: "older")
    _ = try await parts.append(sampleRecords(300..<600))
    try await parts.writer.publish()
    let good = Bench.files(bench.logPath)
    let checkpoint = try #require(good["checkpoint"])
    let oldNote = try #require(Bench.files(older)["checkpoint"])
    let forged = String(decoding: checkpoint, as: UTF8.self).replacing("\n600\n", with: "\n599\n")
    var flipped = try #require(good["tile/entries/001.gz"].flatMap(PackedBundle.unpacked))
    flipped[5_000] ^= 1
    let packed = try #require(PackedBundle.packed(flipped))
    let cases: [(LogFault, [String: [UInt8]?])] = [
      (.checkpointMissing(published: 600), ["checkpoint": nil as [UInt8]?]),
      (.checkpoint(.signatureInvalid), ["checkpoint": Array(forged.utf8)]),
      (.checkpoint(.malformed), ["checkpoint": Array(checkpoint.dropLast())]),
      (.folderOlder(files: 300, published: 600), ["checkpoint": oldNote]),
      (.keyDiffers, ["log.vkey": Array("other".utf8)]),
      (.fileMissing(path: "tile/0/001"), ["tile/0/001": nil as [UInt8]?]),
      (.fileMissing(path: "tile/0/002.p/88"), ["tile/0/002.p/88": nil as [UInt8]?]),
      (.fileDiffers(path: "tile/0/001"), ["tile/0/001": [1, 2, 3]]),
      (.fileMissing(path: "tile/entries/001"), ["tile/entries/001.gz": nil as [UInt8]?]),
      (.fileDiffers(path: "tile/entries/001"), ["tile/entries/001.gz": [1, 2, 3]]),
      (.entryDiffers(index: 256 + place(of: 5_000, in: flipped)), ["tile/entries/001.gz": packed]),
    ]
    for (fault, changes) in cases {
      let log = try bench.copy(bench.logPath, to: "broken")
      for (path, bytes) in changes {
        if let bytes {
          try write(bytes, log, path)
        } else {
          try FileManager.default.removeItem(atPath: "\(log)/\(path)")
        }
      }
      let life = try await bench.parts(on: parts.store, log: log)
      await #expect(throws: fault) { try await life.writer.recover() }
    }
    let stranger = try Keyring(keys: [1: [UInt8](repeating: 8, count: 32)], current: 1)
    await #expect(throws: LogFault.keyUnreadable) {
      try await bench.parts(on: parts.store, log: bench.logPath, keyring: stranger)
    }
  }

  @Test func `refuses to start over an altered, shortened or gappy store`() async throws {
    let cases: [(LogFault, String)] = [
      (
        .entryDiffers(index: 550),
        "UPDATE audit_record SET entry = record_id WHERE sequence = 550"
      ),
      (.storeGap(index: 520), "DELETE FROM audit_record WHERE sequence = 520"),
      (
        .storeOlder(records: 590, files: 600),
        "DELETE FROM audit_record WHERE sequence >= 590"
      ),
    ]
    for (fault, sql) in cases {
      let bench = try Bench()
      let parts = try await bench.open()
      try await parts.writer.recover()
      _ = try await parts.append(sampleRecords(0..<600))
      try await parts.writer.publish()
      try await parts.store.write { try $0.execute(sql) }
      let log = try bench.copy(bench.logPath, to: "again")
      let life = try await bench.parts(on: parts.store, log: log)
      await #expect(throws: fault) { try await life.writer.recover() }
    }
  }

  @Test func `starts over a long log without reading all of it, and compares the rest behind`()
    async throws
  {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    let count = Int(LogWriter.recordsComparedAtStart) + 3_000
    for start in stride(from: 0, to: count, by: 500) {
      _ = try await parts.append(sampleRecords(start..<min(start + 500, count)))
    }
    try await parts.writer.publish()
    let bundle = "tile/entries/002.gz"
    let packed = try #require(Bench.files(bench.logPath)[bundle])
    let entries = try #require(PackedBundle.unpacked(packed).flatMap(EntryBundle.parse))
    let altered = entries.enumerated().map { $0 == 188 ? [0x7b, 0x7d] : Array($1) }
    let framed = altered.flatMap { EntryBundle.framed($0) ?? [] }
    for isAltered in [false, true] {
      let log = try bench.copy(bench.logPath, to: "again-\(isAltered)")
      // As a log that nobody has compared; what is behind a mark is `ComparisonTests`'.
      try? FileManager.default.removeItem(atPath: "\(log)/compared")
      if isAltered { try write(try #require(PackedBundle.packed(framed)), log, bundle) }
      let life = try await bench.parts(on: parts.store, log: log)
      try await life.writer.recover()
      let more = count + (isAltered ? 1 : 0)
      #expect(life.published.statement?.checkpoint.size == UInt64(more))
      if isAltered {
        await #expect(throws: LogFault.entryDiffers(index: 700)) {
          try await life.writer.comparePast()
        }
        // Nor does a later start open it again.
        let later = try await bench.parts(
          on: parts.store, log: try bench.copy(log, to: "later"))
        await #expect(throws: LogFault.self) { try await later.writer.recover() }
      } else {
        try await life.writer.comparePast()
      }
      #expect(life.published.isShut == isAltered)
      _ = try await life.append(sampleRecords(more..<more + 1))
      // A log whose past was altered gets no new statement.
      #expect(try await life.writer.publish() == (isAltered ? 0 : 1))
      guard !isAltered else { continue }
      let report = LogVerification(files: life.folder.files, key: life.signer.verifierKey)
        .verify(older: nil)
      #expect(report.findings == [] && report.entries == UInt64(count + 1))
      try FileManager.default.removeItem(atPath: bench.logPath)
      try FileManager.default.copyItem(atPath: log, toPath: bench.logPath)
    }
    // Bundle and leaves altered together agree with each other, but not with what was signed.
    let forged = try bench.copy(bench.logPath, to: "forged")
    try FileManager.default.removeItem(atPath: "\(forged)/compared")
    try write(framed, forged, "tile/entries/002")
    try write(altered.flatMap { TreeHash.leaf($0).bytes }, forged, "tile/0/002")
    let misled = try await bench.parts(on: parts.store, log: forged)
    try await misled.writer.recover()
    await #expect(throws: LogFault.rootDiffers(size: 2_816)) {
      try await misled.writer.comparePast()
    }
    // A tile of the past that is gone, where the new edge rests on it, is noticed at once.
    let log = try bench.copy(bench.logPath, to: "torn")
    try FileManager.default.removeItem(atPath: "\(log)/tile/1/000.p")
    let life = try await bench.parts(on: parts.store, log: log)
    await #expect(throws: LogFault.self) { try await life.writer.recover() }
  }

  @Test func `is alone in its folder`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    let second = try await bench.parts(on: parts.store, log: bench.logPath)
    await #expect(throws: LogFault.locked) { try await second.writer.recover() }
  }

  private func write(_ bytes: [UInt8], _ log: String, _ path: String) throws {
    let url = URL(filePath: "\(log)/\(path)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  /// Which entry of a bundle a byte belongs to.
  private func place(of offset: Int, in bundle: [UInt8]) -> UInt64 {
    var end = 0
    var place: UInt64 = 0
    while end + 2 <= offset {
      end += 2 + Int(bundle[end]) << 8 + Int(bundle[end + 1])
      if end > offset { return place }
      place += 1
    }
    return place
  }
}
