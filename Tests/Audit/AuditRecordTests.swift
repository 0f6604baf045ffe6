import AuditAPI
import MerkleLog
import StrictJSON
import TestKit
import Testing
import Vocabulary

@Suite struct `An audit record` {
  @Test func `comes back from its canonical JSON as it was`() throws {
    let record = sampleRecord(7, subject: "0193501d-7b00-7a3c-9d2e-000000000001")
    let bytes = try StrictJSON.encode(record)
    #expect(try StrictJSON.decode(AuditRecord.self, from: bytes) == record)
    #expect(try StrictJSON.encode(record) == bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.hasPrefix("{\"at\":\"1970-01-01T00:00:07.000000Z\",\"caller\":\"payments\""))
    #expect(!text.contains("\"reason\""))
  }

  @Test func `is cut to its limits rather than lost`() throws {
    let long = String(repeating: "ü", count: 400)
    var detail: [String: String] = [:]
    for number in 10..<40 { detail["key-\(number)"] = long }
    let record = AuditRecord(
      id: AuditRecordID(bits: 1), at: Instant(nanoseconds: 1_234_567), service: "ledger",
      kind: .access, correlation: try #require(CorrelationID(bits: 1)), caller: "payments",
      subject: long, client: long, operation: long, outcome: long, reason: long, detail: detail)
    #expect(record.flaw == nil)
    #expect(record.operation.utf8.count == AuditRecord.textBytesMax)
    #expect(record.detail.count == 16 && record.detail["key-10"]?.utf8.count == 256)
    #expect(record.detail["key-26"] == nil)
    #expect(record.at == Instant(nanoseconds: 1_234_000))
  }

  @Test(arguments: [
    ("operation", 128, true), ("operation", 129, false), ("operation", 0, false),
    ("outcome", 128, true), ("outcome", 129, false), ("subject", 128, true),
    ("subject", 129, false), ("client", 129, false), ("reason", 129, false),
  ])
  func `from outside is held to its limits`(field: String, length: Int, isSound: Bool) throws {
    let record = try edited { $0[field] = .string(String(repeating: "x", count: length)) }
    #expect((record.flaw == nil) == isSound)
    #expect(isSound || record.flaw?.field == field)
  }

  @Test(arguments: [
    (16, 128, 256, true), (17, 1, 1, false), (1, 129, 1, false), (1, 0, 1, false),
    (1, 1, 257, false),
  ])
  func `from outside has at most 16 details of some length`(
    count: Int, key: Int, value: Int, isSound: Bool
  ) throws {
    var detail: [String: JSON] = [:]
    for number in 0..<count {
      let name =
        key == 0 ? "" : String(repeating: Character(Unicode.Scalar(UInt8(65 + number))), count: key)
      detail[name] = .string(String(repeating: "v", count: value))
    }
    let record = try edited { $0["detail"] = .object(detail) }
    #expect((record.flaw == nil) == isSound)
  }

  @Test func `fits a log entry at all its limits with every byte escaped`() throws {
    let worst = String(repeating: "\u{1}", count: 256)
    let text = String(worst.prefix(128))
    var detail: [String: String] = [:]
    for number in 0..<16 {
      detail[String(text.dropLast()) + "\(Character(Unicode.Scalar(UInt8(2 + number))))"] = worst
    }
    let record = AuditRecord(
      id: AuditRecordID(bits: 1), at: Instant(seconds: 1), service: "ledger", kind: .access,
      correlation: try #require(CorrelationID(bits: 1)), caller: "payments", subject: text,
      client: text, operation: text, outcome: text, reason: text, detail: detail)
    #expect(record.flaw == nil && record.detail.count == 16)
    let entry = try StrictJSON.encode(record)
    #expect(entry.count > 40_000 && entry.count <= EntryBundle.entryBytesMax)
  }

  @Test func `has no room for a field that nobody knows`() {
    #expect(throws: JSONError.self) { try edited { $0["name"] = .string("Ada") } }
    #expect(throws: JSONError.self) { try edited { $0["service"] = .string("Not A Service") } }
    #expect(throws: JSONError.self) { try edited { $0["correlation"] = nil } }
  }

  private func edited(_ edit: (inout [String: JSON]) -> Void) throws -> AuditRecord {
    let json = try JSON.parse(StrictJSON.encode(sampleRecord(1)))
    var members = json.object ?? [:]
    edit(&members)
    return try StrictJSON.decode(AuditRecord.self, from: JSON.object(members))
  }
}

/// Records with all sorts of texts, or only with those that JSON writes as they are.
private struct RandomRecords {
  let randomness: Randomness
  var pieces = ["a", "B", "\u{7f}", "é", "€", "\u{fffd}", "𝄞", "/", " ", "e\u{301}"]

  func text() -> String {
    (0...Int(randomness.next() % 9)).map { _ in
      pieces[Int(randomness.next() % UInt64(pieces.count))]
    }
    .joined()
  }

  func next() throws -> AuditRecord {
    var detail: [String: String] = [:]
    for _ in 0..<Int(randomness.next() % 6) { detail[text()] = text() }
    let at = Instant(nanoseconds: Int64(randomness.next() % 4_000_000_000_000_000_000))
    return AuditRecord(
      id: AuditRecordID(bits: randomness.bits128()), at: at, service: "ledger", kind: .money,
      correlation: try #require(CorrelationID(bits: randomness.bits128() | 1)),
      caller: "payments", subject: randomness.next() % 2 == 0 ? nil : text(),
      client: randomness.next() % 2 == 0 ? nil : text(), operation: text(), outcome: text(),
      reason: randomness.next() % 2 == 0 ? nil : text(), detail: detail)
  }
}

@Suite struct `A record's own canonical JSON` {
  @Test func `is the encoder's, whatever texts it holds`() throws {
    let seed = testSeed("canonical records")
    var records = RandomRecords(randomness: .seeded(seed))
    records.pieces += ["\"", "\\", "\n", "\u{8}", "\u{c}", "\r", "\t", "\u{1}", "\u{1f}"]
    for _ in 0..<500 {
      let record = try records.next()
      #expect(try record.canonicalBytes == StrictJSON.encode(record), "seed \(seed)")
    }
  }

  @Test func `is read as the decoder reads it, or left to the decoder`() throws {
    let seed = testSeed("canonical reader")
    let randomness = Randomness.seeded(seed)
    let records = RandomRecords(randomness: randomness)
    var leftAlone = 0
    for _ in 0..<300 {
      let batch = try (0...randomness.next() % 3).map { _ in try records.next() }
      let sent =
        Array(#"{"records":["#.utf8)
        + batch.map(\.canonicalBytes).joined(separator: [UInt8(ascii: ",")]) + Array("]}".utf8)
      let read = try #require(CanonicalReader.batch(sent), "seed \(seed)")
      #expect(read.map(\.record) == batch && read.map(\.bytes) == batch.map(\.canonicalBytes))
      // Whatever it takes of bytes that somebody changed, the decoder takes too, as the same record in the same bytes.
      for _ in 0..<60 {
        var changed = sent
        let place = Int(randomness.next() % UInt64(sent.count))
        switch randomness.next() % 3 {
        case 0: changed[place] = sent[Int(randomness.next() % UInt64(sent.count))]
        case 1: changed.remove(at: place)
        default: changed.insert(sent[Int(randomness.next() % UInt64(sent.count))], at: place)
        }
        guard let read = CanonicalReader.batch(changed) else {
          leftAlone += 1
          continue
        }
        let decoded = try StrictJSON.decode(AppendRecords.self, from: changed).records
        #expect(decoded == read.map(\.record), "seed \(seed)")
        #expect(decoded.map(\.canonicalBytes) == read.map(\.bytes), "seed \(seed)")
      }
    }
    #expect(leftAlone > 1_000)
  }

  @Test(arguments: [
    "2026-11-21t07:35:00.250000Z", "2026-11-21T07:35:00.250000z", "2026-11-21T07:35:00.3+00:00",
  ])
  func `is left to the decoder where a moment is spelled otherwise`(moment: String) throws {
    let record = try RandomRecords(randomness: .seeded(1)).next()
    let sent = Array(
      #"{"records":[\#(String(decoding: record.canonicalBytes, as: UTF8.self))]}"#
        .replacing(record.at.description, with: moment).utf8)
    #expect(CanonicalReader.batch(sent) == nil)
    #expect(try StrictJSON.decode(AppendRecords.self, from: sent).records.count == 1)
  }
}
