import Chassis
import OpenAPI
import SchemaEngine
import StrictJSON
import Vocabulary
import WafAPI

/// Where the requests of one operation hold text that its contract leaves free: an idempotency key, parameters, members of the
/// content. Found at start; an operation without any is never shown to the firewall.
struct FreeTexts: Sendable {
  private let takesKey: Bool
  private let path: [String]
  private let query: [String]
  private let body: FreeText?

  /// Nil where there is no free text.
  init?(_ operation: OpenAPIOperation, takesKey: Bool, content: String) {
    func names(_ place: OpenAPIParameter.Place) -> [String] {
      operation.parameters.filter { $0.place == place && $0.isFreeText }.map(\.name)
    }
    self.takesKey = takesKey
    (path, query) = (names(.path), names(.query))
    body = operation.body(content)?.freeText
    guard takesKey || !path.isEmpty || !query.isEmpty || body != nil else { return nil }
  }

  /// Those of one request that is as its contract says.
  func found(
    path values: [String: String], target: String, key: String?, body document: JSONDocument?
  ) throws(Problem) -> [Inspection.Text] {
    var texts: [Inspection.Text] = []
    func add(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { texts.append(Inspection.Text(name: name, value: value)) }
    }
    // A UUID, as clients are told to send, says nothing.
    if takesKey, let key, !UUIDText.isValid(key) { add(Header.idempotencyKey, key) }
    for name in path { add(name, values[name]) }
    if !query.isEmpty {
      let items = try QueryString.parse(target)
      for name in query { add(name, items[name]) }
    }
    if let body, let document {
      for found in body.texts(in: document) { add(found.name, found.text) }
    }
    guard texts.count <= Inspection.textsMax else {
      throw .malformed("more than \(Inspection.textsMax) texts")
    }
    return texts
  }
}

/// The spelling of RFC 9562 §4.
enum UUIDText {
  static func isValid(_ text: String) -> Bool {
    let dashes: Set = [8, 13, 18, 23]
    return text.utf8.count == 36
      && text.utf8.enumerated().allSatisfy { at, byte in
        dashes.contains(at) ? byte == 0x2d : isHexDigit(byte)
      }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
  }
}
