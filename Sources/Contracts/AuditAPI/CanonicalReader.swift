import Vocabulary

/// Reads batches in exactly the form in which our services send them: the canonical JSON of each record, nothing
/// escaped, nothing between. Such a record's bytes are its canonical bytes, so they need not be made again. Anything else
/// is nil here, and left to the decoder for all JSON, which knows what is wrong with it.
package struct CanonicalReader {
  /// A record with its canonical bytes.
  package typealias Item = (record: AuditRecord, bytes: [UInt8])

  private let bytes: [UInt8]
  private var place = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The records of an `AppendRecords`, which may still have a `flaw`.
  package static func batch(_ bytes: [UInt8]) -> [Item]? {
    var reader = CanonicalReader(bytes)
    guard reader.skip(#"{"records":["#) else { return nil }
    var items: [Item] = []
    repeat {
      let start = reader.place
      guard let record = reader.record() else { return nil }
      items.append((record, Array(bytes[start..<reader.place])))
    } while reader.skip(",")
    guard reader.skip("]}"), reader.place == bytes.count else { return nil }
    return items
  }

  private mutating func record() -> AuditRecord? {
    guard skip("{"), let at = moment(),
      skip(","), let caller = member("caller").flatMap({ ServiceName($0) }), skip(",")
    else { return nil }
    let client = optional("client")
    guard let correlation = member("correlation").flatMap({ CorrelationID($0) }), skip(","),
      let detail = detail(), skip(","),
      let id = member("id").flatMap({ AuditRecordID($0) }), skip(","),
      let kind = member("kind").flatMap({ AuditRecord.Kind(rawValue: $0) }), skip(","),
      let operation = member("operation"), skip(","), let outcome = member("outcome"), skip(",")
    else { return nil }
    let reason = optional("reason")
    guard let service = member("service").flatMap({ ServiceName($0) }) else { return nil }
    var subject: String?
    if skip(",") {
      subject = member("subject")
      guard subject != nil else { return nil }
    }
    guard skip("}") else { return nil }
    let record = AuditRecord(
      id: id, at: at, service: service, kind: kind, correlation: correlation, caller: caller,
      subject: subject, client: client, operation: operation, outcome: outcome, reason: reason,
      detail: detail)
    // What a maker of records would have cut or filled in is not as it was sent.
    guard record.operation == operation, record.outcome == outcome, record.reason == reason,
      record.subject == subject, record.client == client, record.detail == detail
    else { return nil }
    return record
  }

  /// Only as an instant writes itself, `2026-11-21T07:35:00.000000Z`: RFC 3339 has other spellings of the same moment.
  private mutating func moment() -> Instant? {
    guard let text = member("at"), let at = Instant(text), at.description == text else {
      return nil
    }
    return at
  }

  private mutating func detail() -> [String: String]? {
    guard skip(#""detail":{"#) else { return nil }
    var detail: [String: String] = [:]
    if skip("}") { return detail }
    var last: String?
    repeat {
      guard let name = text(), skip(":"), let value = text(),
        last.map({ CanonicalJSON.precedes($0, name) }) ?? true,
        // Names of different bytes can be equal to Swift; they are not one name.
        detail.updateValue(value, forKey: name) == nil
      else { return nil }
      last = name
    } while skip(",")
    return skip("}") ? detail : nil
  }

  private mutating func member(_ name: StaticString) -> String? {
    guard skip("\""), skip(name), skip("\":") else { return nil }
    return text()
  }

  /// A member that may be missing; what follows it must be there.
  private mutating func optional(_ name: StaticString) -> String? {
    let start = place
    guard let text = member(name), skip(",") else {
      place = start
      return nil
    }
    return text
  }

  private mutating func text() -> String? {
    guard skip("\"") else { return nil }
    let start = place
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      guard bytes[place] >= 0x20, bytes[place] != UInt8(ascii: "\\") else { return nil }
      place += 1
    }
    let text = String(validating: bytes[start..<place], as: UTF8.self)
    return skip("\"") ? text : nil
  }

  private mutating func skip(_ words: StaticString) -> Bool {
    words.withUTF8Buffer { words in
      guard bytes.count - place >= words.count else { return false }
      for offset in words.indices where bytes[place + offset] != words[offset] { return false }
      place += words.count
      return true
    }
  }
}
