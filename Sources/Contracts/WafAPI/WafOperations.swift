package import Vocabulary

/// What the web application firewall promises: it says which rules see an attack in what an outsider wrote, and whether that is
/// enough to refuse the request. It keeps nothing of it.
package enum WafOperations {
  package static let service: ServiceName = "waf"

  /// Runs all rules over the free texts of one request. For the gateway alone.
  package static let inspect = Operation<Inspection, Inspected>(
    "inspect", of: service, .post, "/v1/inspections")
}

/// How strictly the firewall works, as its setting `mode` says.
package enum WafMode: String, Sendable, CaseIterable {
  /// Nobody asks it.
  case off
  /// Matches are told and refuse nothing.
  case detection
  /// Requests whose matches add up to the threshold are refused.
  case blocking
}

/// The free texts of one request: what its contract does not confine. Amounts, accounts and dates are not among them.
package struct Inspection: SnakeCased, Codable, Sendable, Hashable {
  /// Most texts of one request.
  package static let textsMax = 512

  /// A text with its place, as in `address.lines.0`.
  package struct Text: Codable, Sendable, Hashable {
    package let name: String
    /// The words of an outsider, perhaps personal data.
    package let value: String

    package init(name: String, value: String) {
      (self.name, self.value) = (name, value)
    }
  }

  /// Whose operation it is: its charter has the exclusions.
  package let service: ServiceName
  package let operation: String
  package let method: String
  /// As it came, without the query.
  package let path: String
  package let texts: [Text]

  package init(
    service: ServiceName, operation: String, method: String, path: String, texts: [Text]
  ) {
    self.service = service
    self.operation = operation
    self.method = method
    self.path = path
    self.texts = texts
  }
}

/// What the rules say of a request.
package struct Inspected: SnakeCased, Codable, Sendable, Hashable {
  package enum Verdict: String, Codable, Sendable {
    case allowed, refused
  }

  /// One rule that matched and is not excluded for the operation.
  package struct Match: SnakeCased, Codable, Sendable, Hashable {
    /// The rule's number, as in 942100.
    package let rule: Int
    /// What it adds to the score; 0 where it only takes note of something.
    package let score: Int
    /// Which text, in the words of the rules: `ARGS:reference`.
    package let place: String
    /// What the matched text looks like: each letter as `a`, each digit as `0`.
    package let shape: String

    package init(rule: Int, score: Int, place: String, shape: String) {
      (self.rule, self.score, self.place, self.shape) = (rule, score, place, shape)
    }
  }

  package let verdict: Verdict
  /// The sum over all matches.
  package let score: Int
  /// At most 64, in the order of the rules.
  package let matches: [Match]

  package init(verdict: Verdict, score: Int, matches: [Match]) {
    (self.verdict, self.score, self.matches) = (verdict, score, matches)
  }
}
