package import Vocabulary

extension AuditRecord {
  /// The record's canonical JSON (RFC 8785): what travels, and the leaf of the log. The same bytes as any encoder of
  /// canonical JSON makes from it, without a tree in between, for every request of every service writes some.
  package var canonicalBytes: [UInt8] {
    var json = Members()
    // In the order of their names.
    json.put("at", "\(at)")
    json.put("caller", caller.description)
    json.put("client", client)
    json.put("correlation", correlation.description)
    json.put("detail", detail)
    json.put("id", id.description)
    json.put("kind", kind.rawValue)
    json.put("operation", operation)
    json.put("outcome", outcome)
    json.put("reason", reason)
    json.put("received", received.map { "\($0)" })
    putTail(&json)
    return json.bytes
  }

  /// What follows `received` in the order of their names.
  private func putTail(_ json: inout Members) {
    json.put("service", service.description)
    json.put("subject", subject)
    json.close()
  }

  /// The canonical JSON of this record as the log keeps it.
  /// - Parameter canonical: of this record, without a time of receipt.
  package func received(at instant: Instant, canonical: [UInt8]) -> [UInt8] {
    var tail = Members(after: true)
    putTail(&tail)
    var stamp = Members(after: true)
    stamp.put(
      "received", "\(Instant(nanoseconds: instant.nanoseconds - instant.nanoseconds % 1_000))")
    return canonical.dropLast(tail.bytes.count) + stamp.bytes + tail.bytes
  }
}

/// An object of texts in the making.
private struct Members {
  private(set) var bytes: [UInt8] = []

  /// - Parameter isContinued: whether members stand before these already.
  init(after isContinued: Bool = false) {
    bytes.reserveCapacity(isContinued ? 192 : 640)
    if !isContinued { bytes.append(UInt8(ascii: "{")) }
  }

  mutating func close() { bytes.append(UInt8(ascii: "}")) }

  mutating func put(_ name: String, _ text: String?) {
    guard let text else { return }
    key(name)
    CanonicalJSON.append(text, to: &bytes)
  }

  mutating func put(_ name: String, _ texts: [String: String]) {
    key(name)
    bytes.append(UInt8(ascii: "{"))
    for (name, text) in texts.sorted(by: { CanonicalJSON.precedes($0.key, $1.key) }) {
      put(name, text)
    }
    close()
  }

  private mutating func key(_ name: String) {
    // Behind another member stands its quote or brace.
    if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    CanonicalJSON.append(name, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
  }
}
