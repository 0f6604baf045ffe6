import MerkleLog
import Testing

@Suite struct `A receipt` {
  private let log = SampleLog(SampleLog.entries(600))

  @Test(arguments: [0, 255, 256, 599])
  func `proves its record offline`(index: Int) throws {
    let receipt = try issue(index)
    let read = try #require(Receipt(Array(receipt.text.utf8)))
    #expect(read == receipt)
    #expect(read.text.hasPrefix("c2sp.org/tlog-proof@v1\nextra "))
    #expect(try read.verify(key: log.key).size == 600)
  }

  @Test func `proves nothing with another record, place, path, checkpoint or key`() throws {
    let good = try issue(300)
    let elsewhere = SampleLog(SampleLog.entries(599)).files["checkpoint"] ?? []
    let altered = [
      Receipt(
        entry: Array("forged".utf8), index: 300, hashes: good.hashes, checkpoint: good.checkpoint),
      Receipt(entry: good.entry, index: 301, hashes: good.hashes, checkpoint: good.checkpoint),
      Receipt(
        entry: good.entry, index: 300, hashes: Array(good.hashes.dropLast()),
        checkpoint: good.checkpoint),
      Receipt(
        entry: good.entry, index: 300, hashes: good.hashes,
        checkpoint: String(decoding: elsewhere, as: UTF8.self)),
    ]
    for receipt in altered {
      #expect(throws: Receipt.Flaw.self) { try receipt.verify(key: log.key) }
    }
    #expect(throws: Receipt.Flaw.checkpoint(.notSignedByKey)) {
      try good.verify(key: SampleLog.signer(2).verifierKey)
    }
  }

  @Test func `survives no flipped bit`() throws {
    let text = Array(try issue(300).text.utf8)
    var random = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      var bytes = text
      let place = Int.random(in: 0..<bytes.count, using: &random)
      bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
      guard let receipt = Receipt(bytes) else { continue }
      #expect(throws: Receipt.Flaw.self, "seed 7, byte \(place)") {
        try receipt.verify(key: log.key)
      }
    }
  }

  @Test(
    arguments: [
      "", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2\nextra AA==\nindex 0\n\n",
      "c2sp.org/tlog-proof@v1\nindex 0\n\n", "c2sp.org/tlog-proof@v1\nextra A\nindex 0\n\n",
      "c2sp.org/tlog-proof@v1\nextra AA==\nindex 00\n\n",
      "c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\nAA==\n\n",
    ])
  func `in another form is refused`(text: String) {
    #expect(Receipt(Array(text.utf8)) == nil)
  }

  private func issue(_ index: Int) throws -> Receipt {
    let proof = try #require(
      try InclusionProof.make(index: UInt64(index), size: 600, log.reader.nodeHashes(size: 600)))
    return Receipt(
      entry: log.entries[index], index: UInt64(index), hashes: proof.hashes,
      checkpoint: String(decoding: log.files["checkpoint"] ?? [], as: UTF8.self))
  }
}
