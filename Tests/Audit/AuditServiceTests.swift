import Audit
import AuditAPI
import Chassis
import Foundation
import MerkleLog
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.serialized, .onEachStore) struct `The audit service` {
  @Test func `takes records once and answers with proofs that verify offline`() async throws {
    let house = try await AuditHouse.start()
    let first = try await house.append(as: "payments", sampleRecords(0..<300))
    #expect(first == RecordsAppended(appended: 300, duplicates: 0, conflicts: []))
    let old = try await house.covered(300)
    let again = try await house.append(as: "payments", sampleRecords(290..<310))
    #expect(again == RecordsAppended(appended: 10, duplicates: 10, conflicts: []))
    let new = try await house.covered(310)
    let key = try #require(VerifierKey(new.verifierKey))
    #expect(key.name == "strongroom.test/audit")
    let checkpoint = try Checkpoint.verified(Array(new.note.utf8), by: key)

    let id = sampleRecord(123).id
    let receipt = try await house.get(ReceiptAnswer.self, "/v1/receipts/\(id)")
    #expect(receipt.index == 123 && receipt.record.claim == sampleRecord(123))
    try Receipt(Array(receipt.receipt.utf8))?.verify(key: key)

    let inclusion = try await house.get(
      InclusionProofAnswer.self, "/v1/proofs/inclusion?record=\(id)&size=300")
    #expect(inclusion.rootHash == old.rootHash && inclusion.treeSize == 300)
    let leaf = TreeHash.leaf(receipt.record.canonicalBytes)
    try InclusionProof(index: 123, size: 300, hashes: hashes(inclusion.hashes))
      .verify(leaf: leaf, root: try #require(TreeHash(base64: old.rootHash)))

    let grown = try await house.get(
      ConsistencyProofAnswer.self, "/v1/proofs/consistency?first=300&second=310")
    try ConsistencyProof(from: 300, to: 310, hashes: hashes(grown.hashes)).verify(
      firstRoot: try #require(TreeHash(base64: old.rootHash)),
      secondRoot: try #require(TreeHash(base64: grown.secondRootHash)))

    // Everything a stranger needs to verify the log, over the wire.
    let tile = try await house.ask(as: "operator", "GET", "/tile/0/000")
    #expect(tile.status == 200 && tile.bytes.count == 8_192)
    let bundle = try await house.ask(as: "operator", "GET", "/tile/entries/000")
    #expect(EntryBundle.parse(bundle.bytes)?.count == 256)

    await house.audit.drain()
    let folder = "\(house.home.dataFolder(of: "audit"))/log"
    let files = LogFiles { path in
      FileManager.default.contents(atPath: "\(folder)/\(path)").map { [UInt8]($0) }
    }
    let report = LogVerification(files: files, key: key).verify(older: Array(old.note.utf8))
    #expect(report.findings == [])
    // Its own access decisions are in the log too, and a drained service leaves nothing uncovered.
    #expect(report.entries > checkpoint.size)
    try await house.stop()
  }

  @Test func `refuses what is not the caller's, not sound, too many or twice different`()
    async throws
  {
    let house = try await AuditHouse.start()
    func refusal(as caller: ServiceName, _ body: String) async throws -> (Int, String?) {
      let answer = try await house.ask(as: caller, "POST", "/v1/records", Array(body.utf8))
      return (answer.status, AuditHouse.Refused(status: answer.status, body: answer.bytes).slug)
    }
    func batch(_ records: [AuditRecord]) throws -> String {
      String(decoding: try StrictJSON.encode(AppendRecords(records: records)), as: UTF8.self)
    }
    let mine = try batch([sampleRecord(1)])
    #expect(try await refusal(as: "ledger", mine) == (403, "foreign-record"))
    #expect(try await refusal(as: "stranger", mine).0 == 403)
    #expect(try await refusal(as: "payments", "{") == (400, "malformed-request"))
    #expect(try await refusal(as: "payments", "{\"records\":[]}").0 == 400)
    #expect(
      try await refusal(as: "payments", batch(sampleRecords(0..<501))) == (400, "malformed-request")
    )
    #expect(try await house.append(as: "payments", sampleRecords(0..<500)).appended == 500)
    let long = mine.replacing("createPayment", with: String(repeating: "x", count: 129))
    #expect(try await refusal(as: "payments", long) == (400, "malformed-request"))
    let extra = mine.replacing("\"kind\":", with: "\"name\":\"Ada\",\"kind\":")
    #expect(try await refusal(as: "payments", extra) == (400, "malformed-request"))
    let changed = try await house.append(as: "payments", [sampleRecord(1, outcome: "voided")])
    #expect(changed.conflicts == [sampleRecord(1).id] && changed.appended == 0)
    // Or the answer may be that no checkpoint covers them yet.
    _ = try await house.covered(501)

    for (target, status) in [
      ("/v1/receipts/\(sampleRecord(9_999).id)", 404), ("/v1/receipts/x", 400),
      ("/v1/records?corelation=1", 400), ("/v1/records?limit=501", 400),
      ("/v1/records?limit=0", 400), ("/v1/records?correlation=1", 400),
      ("/v1/records?subject=a&correlation=\(sampleRecord(1).correlation)", 400),
      ("/v1/proofs/inclusion", 400), ("/v1/proofs/consistency", 400),
      ("/v1/proofs/consistency?first=0", 400), ("/v1/proofs/consistency?first=999999", 400),
      ("/v1/proofs/inclusion?record=\(sampleRecord(1).id)&size=999999", 400),
      ("/tile/0/999", 404), ("/tile/0/00", 404), ("/tile/64/000", 404),
    ] {
      let answer = try await house.ask(as: "operator", "GET", target)
      #expect(answer.status == status, "\(target)")
    }
    #expect(try await house.ask(as: "payments", "GET", "/v1/checkpoint").status == 403)
    try await house.stop()
  }

  @Test func `finds what happened under a correlation, page by page`() async throws {
    let house = try await AuditHouse.start()
    let mine = (0..<7).map { sampleRecord($0, subject: "person-1", correlation: 77) }
    _ = try await house.append(as: "payments", mine + sampleRecords(100..<120))
    let target = "/v1/records?correlation=\(mine[0].correlation)&limit=4"
    let page = try await house.get(RecordPage.self, target)
    #expect(page.records.map(\.record.claim) == Array(mine.prefix(4)) && page.next == "3")
    let rest = try await house.get(RecordPage.self, "\(target)&after=3")
    #expect(rest.records.map(\.record.claim) == Array(mine.suffix(3)) && rest.next == nil)
    let subject = try await house.get(RecordPage.self, "/v1/records?subject=person-1")
    #expect(subject.records.count == 7)
    try await house.stop()
  }

  @Test func `sustains its rate over the wire`() async throws {
    let house = try await AuditHouse.start()
    let batches = try (0..<20).map {
      try StrictJSON.encode(AppendRecords(records: sampleRecords($0 * 500..<($0 + 1) * 500)))
    }
    let spent = try await ContinuousClock().measure {
      for batch in batches {
        let answer = try await house.ask(as: "payments", "POST", "/v1/records", batch)
        #expect(answer.status == 200)
      }
      _ = try await house.covered(10_000)
    }
    let rate = 10_000 / (Double(spent.nanoseconds) / 1e9)
    print("appendRecords over mTLS: \(Int(rate)) records/s (debug build, one connection)")
    #expect(rate > 300)
    try await house.stop()
  }

  private func hashes(_ texts: [String]) throws -> [TreeHash] {
    try texts.map { try #require(TreeHash(base64: $0)) }
  }
}
