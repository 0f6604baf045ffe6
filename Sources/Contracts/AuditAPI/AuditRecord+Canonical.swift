import Vocabulary

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
    json.put("service", service.description)
    json.put("subject", subject)
    return json.closed
  }
}

/// An object of texts in the making.
private struct Members {
  private var bytes: [UInt8] = []

  init() {
    bytes.reserveCapacity(640)
    bytes.append(UInt8(ascii: "{"))
  }

  var closed: [UInt8] { bytes + [UInt8(ascii: "}")] }

  mutating func put(_ name: String, _ text: String?) {
    guard let text else { return }
    key(name)
    write(text)
  }

  /// By UTF-16 code units (RFC 8785 §3.2.3).
  mutating func put(_ name: String, _ texts: [String: String]) {
    key(name)
    var inner = Members()
    for (name, text) in texts.sorted(by: { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }) {
      inner.put(name, text)
    }
    bytes += inner.closed
  }

  private mutating func key(_ name: String) {
    if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
    write(name)
    bytes.append(UInt8(ascii: ":"))
  }

  /// Only what must be escaped is, in the form that RFC 8785 §3.2.2.2 names.
  private mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }) {
      bytes.append(contentsOf: text.utf8)
    } else {
      for byte in text.utf8 { writeEscaped(byte) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func writeEscaped(_ byte: UInt8) {
    switch byte {
    case 0x22, 0x5c: bytes += [0x5c, byte]
    case 0x20...: bytes.append(byte)
    case 0x08: bytes += "\\b".utf8
    case 0x09: bytes += "\\t".utf8
    case 0x0a: bytes += "\\n".utf8
    case 0x0c: bytes += "\\f".utf8
    case 0x0d: bytes += "\\r".utf8
    default:
      bytes += "\\u00".utf8
      bytes.append(byte < 0x10 ? 48 : 49)
      let low = byte & 15
      bytes.append(low < 10 ? 48 + low : 87 + low)
    }
  }
}
