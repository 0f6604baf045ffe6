import Vocabulary

/// One line before it is text. Made on the caller's thread, masked and formatted on the sink's.
struct LogLine: Sendable {
  static let fieldsMax = 32
  static let textBytesMax = 1_024
  static let identifierBytesMax = 256

  let at: Instant
  let level: LogLevel
  let service: ServiceName
  let correlation: CorrelationID?
  let subject: String?
  let operation: String?
  let message: StaticString
  let fields: [String: LogValue]

  func write(to json: inout JSONBytes) {
    json.openObject()
    json.field("time", at.description)
    json.field("level", level.rawValue)
    json.field("service", service.description)
    if let correlation { json.field("correlation", correlation.description) }
    if let subject { json.field("subject", Self.clean(subject)) }
    if let operation { json.field("operation", Self.clean(operation)) }
    let sorted = fields.sorted { $0.key < $1.key }
    for case (_, .outcome(let outcome)) in sorted.prefix(Self.fieldsMax) {
      json.field("outcome", Self.clean(outcome))
      break
    }
    json.key("message")
    json.string(message)
    writeFields(sorted, to: &json)
    json.closeObject()
    json.newline()
  }

  private func writeFields(_ sorted: [(key: String, value: LogValue)], to json: inout JSONBytes) {
    var isOpen = false
    func begin(_ name: String, _ json: inout JSONBytes) {
      if !isOpen {
        json.key("fields")
        json.openObject()
        isOpen = true
      }
      json.key(Self.clean(name))
    }
    for (name, value) in sorted.prefix(Self.fieldsMax) {
      switch value {
      case .outcome: continue
      case .identifier(let text):
        begin(name, &json)
        json.string(Self.clean(text))
      case .text(let text):
        begin(name, &json)
        json.string(
          SecretNames.isSecret(name) ? "[secret]" : Masking.mask(text, bytesMax: Self.textBytesMax))
      case .integer(let number):
        begin(name, &json)
        json.integer(number)
      case .duration(let span):
        begin(name + "_us", &json)
        json.integer(span.nanoseconds / 1_000)
      }
    }
    if isOpen { json.closeObject() }
  }

  /// An identifier as it is when it looks like one of ours, and masked as text when it does not.
  private static func clean(_ text: String) -> String {
    let isOurs =
      text.utf8.count <= identifierBytesMax && !text.utf8.contains(UInt8(ascii: "@"))
      && text.utf8.allSatisfy { identifierBytes[Int($0)] }
    return isOurs ? text : Masking.mask(text, bytesMax: identifierBytesMax)
  }
  /// Whether a byte may stand in an identifier.
  private static let identifierBytes: [Bool] = {
    let allowed = Set(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-+=[]{}".utf8)
    return (0...UInt8.max).map(allowed.contains)
  }()
}
