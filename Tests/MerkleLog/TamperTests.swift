import MerkleLog
import Testing

/// Every way to lie about the past, and the name under which it is found.
@Suite struct `A tampered log` {
  private let honest = SampleLog(SampleLog.entries(600))

  @Test(arguments: [0, 1, 2, 255, 256, 257, 511, 512, 600, 65_537])
  func `is not seen where nobody tampered`(size: Int) {
    let log = SampleLog(SampleLog.entries(size))
    let report = log.verify()
    #expect(report.findings == [])
    #expect(report.entries == UInt64(size) && report.checkpoint?.size == UInt64(size))
  }

  @Test func `shows one flipped bit in any entry, tile or checkpoint`() {
    var random = SeededGenerator(seed: 42)
    for path in honest.files.keys.sorted() {
      var log = honest
      guard var bytes = log.files[path] else { continue }
      bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
        1 << UInt8.random(in: 0...7, using: &random)
      log.files[path] = bytes
      #expect(!log.verify().isSound, "seed 42, \(path)")
    }
  }

  @Test func `names the altered entry`() {
    var log = honest
    log.entries[300][4] ^= 1
    log.writeBundles()
    #expect(log.verify().findings == [.entryAltered(index: 300)])
  }

  @Test func `names the dropped entry`() {
    var log = honest
    log.entries.remove(at: 300)
    log.writeBundles()
    #expect(log.verify().findings.first == .entryDropped(index: 300))
    log.entries = Array(honest.entries.dropLast())
    log.writeBundles()
    #expect(log.verify().findings == [.fileMissing(path: "tile/entries/002.p/88")])
  }

  @Test func `names the inserted entry`() {
    var log = honest
    log.entries.insert(Array("forged".utf8), at: 300)
    log.writeBundles()
    #expect(log.verify().findings.first == .entryInserted(index: 300))
  }

  @Test func `names reordered entries`() {
    var log = honest
    log.entries.swapAt(300, 310)
    log.writeBundles()
    #expect(log.verify().findings == [.entriesReordered(index: 300)])
  }

  @Test func `names a missing and a malformed file`() {
    var log = honest
    log.files["tile/0/001"] = nil
    #expect(log.verify().findings == [.fileMissing(path: "tile/0/001")])
    log = honest
    log.files["tile/0/002.p/88"]?.removeLast()
    #expect(log.verify().findings == [.fileMalformed(path: "tile/0/002.p/88")])
    log = honest
    log.files["checkpoint"] = nil
    #expect(log.verify().findings == [.checkpointMissing])
  }

  @Test func `names a tile that does not follow from those below`() {
    var log = honest
    log.files["tile/1/000.p/2"]?[40] ^= 1
    #expect(log.verify().findings == [.tileDiffers(path: "tile/1/000.p/2")])
  }

  @Test func `rewritten whole without the key does not fit the signature`() {
    var log = honest
    log.entries[300][4] ^= 1
    log.publish()
    log.files["checkpoint"] = honest.files["checkpoint"]
    #expect(log.verify().findings == [.rootDiffers(size: 600)])
  }

  @Test func `signed by another key is not believed`() {
    let forged = SampleLog(honest.entries, signer: SampleLog.signer(2))
    #expect(forged.verify(key: honest.key).findings == [.checkpoint(.notSignedByKey)])
    var altered = honest
    let note = String(decoding: honest.files["checkpoint"] ?? [], as: UTF8.self)
    altered.files["checkpoint"] = Array(note.replacing("\n600\n", with: "\n599\n").utf8)
    #expect(altered.verify().findings == [.checkpoint(.signatureInvalid)])
  }

  @Test func `rewritten whole with the key contradicts an older checkpoint`() {
    let older = SampleLog(Array(honest.entries.prefix(400))).files["checkpoint"]
    #expect(honest.verify(older: older).findings == [])
    var forked = honest
    forked.entries[300][4] ^= 1
    forked.publish()
    #expect(forked.verify().findings == [], "nothing inside the log betrays it")
    #expect(forked.verify(older: older).findings == [.forked(size: 400)])
  }

  @Test func `rolled back contradicts an older checkpoint`() {
    let rolledBack = SampleLog(Array(honest.entries.prefix(500)))
    let report = rolledBack.verify(older: honest.files["checkpoint"])
    #expect(report.findings == [.rolledBack(from: 600, to: 500)])
  }

  @Test func `is not cleared by an older checkpoint that nobody signed`() {
    let foreign = SampleLog(honest.entries, signer: SampleLog.signer(2)).files["checkpoint"]
    #expect(honest.verify(older: foreign).findings == [.olderCheckpoint(.notSignedByKey)])
  }

  @Test func `serves a cleared partial tile from the full one`() {
    var log = SampleLog(SampleLog.entries(600))
    let later = SampleLog(SampleLog.entries(800))
    for (path, bytes) in later.files where path != "checkpoint" { log.files[path] = bytes }
    log.files["tile/0/002.p/88"] = nil
    log.files["tile/entries/002.p/88"] = nil
    #expect(log.verify().findings == [])
  }
}
