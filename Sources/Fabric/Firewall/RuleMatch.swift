/// One rule that found something in a request.
package struct RuleMatch: Hashable, Sendable {
  /// How bad a rule of the Core Rule Set says it is, by syslog's numbers.
  package enum Severity: Int32, Sendable, CaseIterable {
    case critical = 2
    case error, warning, notice

    /// What the Core Rule Set adds to a request's score (crs-setup, *Anomaly Scoring Mode Severity Levels*).
    package var score: Int {
      switch self {
      case .critical: 5
      case .error: 4
      case .warning: 3
      case .notice: 2
      }
    }
  }

  /// Longest shape, characters.
  static let shapeMax = 24
  /// Longest name of a place, characters.
  static let placeMax = 64
  /// Number of the rule that speaks where a regular expression did not come to its end.
  package static let unfinished = 1_009

  /// As in `942100`.
  package let rule: Int
  /// Nil for rules that only take note of something.
  package let severity: Severity?
  /// Where: a variable of ModSecurity, as in `ARGS:reference`.
  package let place: String
  /// What the matched text looks like: its first characters, each letter as `a` and each digit as `0`. The text itself may
  /// be personal data, and is told to nobody.
  package let shape: String

  package init(rule: Int, severity: Severity?, place: String, text: String) {
    self.rule = rule
    self.severity = severity
    self.place = String(place.prefix(Self.placeMax))
    shape = String(text.prefix(Self.shapeMax).map(Self.masked))
  }

  private static func masked(_ character: Character) -> Character {
    if character.isLetter { return "a" }
    if character.isNumber { return "0" }
    return character.isASCII && (" "..."~").contains(character) ? character : "?"
  }
}
