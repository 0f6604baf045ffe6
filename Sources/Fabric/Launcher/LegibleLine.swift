import Commands
import StrictJSON
import Vocabulary

/// A line of a log, taken apart for people: every part legible, none spanning lines. The program that
/// wrote it may be hostile.
package struct LegibleLine: Hashable, Sendable {
  /// HH:MM:SS.mmm; nil for a line that is no JSON object.
  package let time: String?
  /// The log's name, whatever the line says.
  package let source: String
  /// Nil where none is named.
  package let level: String?
  package let message: String
  /// What else it says, `name=value`.
  package let rest: String

  package init(_ line: StoredLine) {
    source = LegibleText.of(line.source)
    guard let fields = line.fields?.object else {
      (time, level, message, rest) = (nil, nil, LegibleText.of(line.text), "")
      return
    }
    time = String(line.at.description.dropFirst(11).prefix(12))
    level = fields["level"]?.string
    message = LegibleText.of(fields["message"]?.string ?? "")
    var rest: [String] = []
    for name in ["operation", "outcome", "subject", "correlation"] {
      if let value = fields[name]?.string { rest.append("\(name)=\(value)") }
    }
    for (name, value) in (fields["fields"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      rest.append(
        "\(name)=\(value.string ?? String(decoding: value.canonicalBytes, as: UTF8.self))")
    }
    self.rest = LegibleText.of(rest.joined(separator: " "))
  }
}
