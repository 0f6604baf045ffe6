import Commands
package import StrictJSON
package import Vocabulary

/// One line of a service's log as it is on disk.
package struct StoredLine: Hashable, Sendable {
  /// The moment in the line; for a line that is no JSON (a crash report), that of the line before
  /// it.
  package let at: Instant
  /// The log's name: the service, or `launcher`.
  package let source: String
  package let text: String
  /// Nil for a line that is not a JSON object.
  package let fields: JSON?

  /// The correlation id in it.
  package var correlation: String? { fields?["correlation"]?.string }

  /// For programs: one JSON object whose `service` is the log's name. A line that claims to be another
  /// service's, or is none of JSON, is given ours, so that nobody speaks in another's name.
  package var json: String {
    if let fields, fields["service"]?.string == source, LegibleText.isLegible(text) { return text }
    var told = fields?.object ?? ["time": .string(at.description), "message": .string(text)]
    told["service"] = .string(source)
    return LegibleText.ofJSON(String(decoding: JSON.object(told).canonicalBytes, as: UTF8.self))
  }
}

/// Chooses and orders lines of several logs.
package struct LogMerge: Sendable {
  /// Longest line that is read as JSON, bytes.
  package static let lineBytesMax = 65_536

  /// Only lines with this correlation id.
  package var correlation: String?
  /// Only lines whose text holds this.
  package var containing: String?

  package init(correlation: String? = nil, containing: String? = nil) {
    self.correlation = correlation
    self.containing = containing
  }

  /// The lines of one log that are wanted, in its order.
  package func lines(of source: String, _ bytes: some Collection<UInt8>) -> [StoredLine] {
    var at = Instant(seconds: 0)
    var lines: [StoredLine] = []
    for line in bytes.split(separator: 0x0a) {
      let text = String(decoding: line, as: UTF8.self)
      if let correlation, !text.contains(correlation) { continue }
      if let containing, !text.contains(containing) { continue }
      var fields: JSON?
      if line.first == 0x7b, line.count <= Self.lineBytesMax {
        fields = try? JSON.parse(Array(line))
      }
      if let time = fields?["time"]?.string.flatMap({ Instant($0) }) { at = time }
      let stored = StoredLine(at: at, source: source, text: text, fields: fields)
      if let correlation, stored.correlation != correlation { continue }
      lines.append(stored)
    }
    return lines
  }

  /// By time; lines of one moment stay in the order of their logs.
  package static func ordered(_ lines: [StoredLine]) -> [StoredLine] {
    lines.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
      .map(\.element)
  }
}
