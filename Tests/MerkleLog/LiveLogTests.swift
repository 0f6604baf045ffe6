import MerkleLog
import Synchronization
import Testing

@Suite struct `A log's growth` {
  @Test func `keeps no more memory after hundreds of bundles than after ten`() throws {
    // As from a service at full rate: bundles of about 200 kB, whose files others still hold.
    var growth = LogGrowth()
    var held: [LogFile] = []
    let entry = [UInt8](repeating: 0x61, count: 780)
    var most = 0
    // Before, each of them added a page, so that these came to more than a megabyte.
    let rounds = 300
    for round in 0..<rounds {
      for _ in 0..<255 { #expect(try growth.append(entry).isEmpty) }
      held = try growth.append(entry)
      #expect(held.count >= 2)
      if round == 10 { most = growth.bytesHeld }
      if round > 10 { guard growth.bytesHeld <= most + 65_536 else { break } }
    }
    #expect(growth.size == UInt64(rounds) * 256)
    #expect(growth.bytesHeld < 65_536, "\(growth.bytesHeld) bytes are kept")
  }
}

@Suite struct `A log that grows while it is verified` {
  @Test func `is sound wherever its writer overtakes the reader`() {
    // The reader looks at the checkpoint of 600, and before the n-th file that it asks for the writer has got to 900, with
    // the partial files of before gone.
    let early = SampleLog(SampleLog.entries(600))
    let late = SampleLog(SampleLog.entries(900))
    for moment in 0..<24 {
      let asked = Mutex(0)
      let files = LogFiles { path in
        let count = asked.withLock { count in
          defer { count += 1 }
          return count
        }
        if path == "checkpoint" { return early.files[path] }
        guard count >= moment else { return early.files[path] }
        return late.files[path] ?? (path.contains("000.p/2") ? early.files[path] : nil)
      }
      let report = LogVerification(files: files, key: early.key).verify()
      #expect(report.findings == [] && report.entries == 600, "overtaken at \(moment)")
    }
  }

  @Test func `is verified from an older checkpoint on without a look at what was before`() {
    let log = SampleLog(SampleLog.entries(70_000))
    for size in [1, 255, 256, 257, 40_000, 65_536, 69_999, 70_000] {
      let older = SampleLog(Array(log.entries.prefix(size))).files["checkpoint"]
      let asked = Mutex<[String]>([])
      let files = LogFiles { path in
        asked.withLock { $0.append(path) }
        return log.files[path]
      }
      let report = LogVerification(files: files, key: log.key).verify(
        older: older, .sinceOlder)
      let first = UInt64(size - size % 256)
      #expect(report.findings == [] && report.entries == 70_000 - first && report.from == first)
      let count = asked.withLock { $0.count }
      let newBundles = (70_000 - Int(first)) / 256
      #expect(count < 3 * newBundles + 12)
    }
  }

  @Test func `is not verified by half: what came since, and the root over all, must hold`() {
    let log = SampleLog(SampleLog.entries(2_000))
    let older = SampleLog(Array(log.entries.prefix(1_100))).files["checkpoint"]
    func findings(
      _ extent: LogVerification.Extent, _ change: (inout SampleLog) -> Void
    ) -> [LogFinding] {
      var changed = log
      change(&changed)
      return changed.verify(older: older, extent).findings
    }
    func flip(_ path: String) -> [LogFinding] {
      findings(.sinceOlder) { $0.files[path]?[9] ^= 1 }
    }
    #expect(flip("tile/entries/005") == [.entryAltered(index: 1_280)])
    #expect(flip("tile/0/006") != [])
    #expect(flip("tile/1/000.p/7") != [])
    // Another past, signed with the stolen key.
    func rewrite(_ log: inout SampleLog) {
      log.entries[3] = [0x7b, 0x7d]
      log.publish()
    }
    #expect(findings(.sinceOlder, rewrite) == [.forked(size: 1_100)])
    // The older checkpoint is of less than what is looked at.
    #expect(findings(.newestBundles(2), rewrite) == [.forked(size: 1_100)])
    #expect(findings(.newestBundles(2), { _ in }) == [])
  }

  @Test func `has its bundles packed, and each is what it was`() throws {
    var log = SampleLog(SampleLog.entries(600))
    for index in 0...1 {
      let path = "tile/entries/00\(index)"
      let packed = try #require(PackedBundle.packed(log.files[path] ?? []))
      #expect(PackedBundle.unpacked(packed) == log.files[path])
      log.files[path] = nil
      log.files["\(path).gz"] = packed
    }
    #expect(log.verify().findings == [])
    #expect(log.reader.read("tile/entries/001").flatMap(EntryBundle.parse)?.count == 256)
    // Bits of the frame's head that say nothing of its content aside, none may be another.
    let packed = try #require(log.files["tile/entries/000.gz"])
    for bit in stride(from: 80, to: packed.count * 8, by: 7) {
      var changed = log
      var flipped = packed
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      // The last byte of the compressed bits is filled up with some that say nothing.
      guard PackedBundle.unpacked(flipped) != PackedBundle.unpacked(packed) else { continue }
      changed.files["tile/entries/000.gz"] = flipped
      #expect(!changed.verify().isSound, "bit \(bit)")
    }
    #expect(PackedBundle.unpacked([]) == nil && PackedBundle.unpacked(packed.dropLast()) == nil)
    #expect(PackedBundle.unpacked(packed + packed) == nil)
    for path in ["tile/0/000", "tile/entries/000.p/5", "checkpoint", "tile/entries/../000"] {
      #expect(PackedBundle.path(of: path) == nil)
    }
  }
}
