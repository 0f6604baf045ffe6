import StrictJSON
package import Vocabulary

/// What a public operation asks of the web application firewall, where that is not what all others have.
package struct CharterFirewall: Hashable, Sendable {
  /// What becomes of a request that cannot be inspected.
  package enum WhenAway: String, Sendable, CaseIterable {
    /// It is refused; the default. Where money moves, there is no other choice.
    case refuse
    /// It goes on as it is.
    case serve
  }

  /// A rule that does not count for an operation, and until when.
  package struct Exclusion: Hashable, Sendable {
    /// The rule's number, as in 942100.
    package let rule: Int
    /// The text for which it does not count, as in `address.lines.0`; nil: for all of them.
    package let text: String?
    /// Why, for people: what the rule takes for an attack, and is none.
    package let reason: String
    /// The last day, in UTC, on which it holds.
    package let until: CivilDate

    package init(rule: Int, text: String?, reason: String, until: CivilDate) {
      (self.rule, self.text, self.reason, self.until) = (rule, text, reason, until)
    }
  }

  package let whenAway: WhenAway
  package let exclusions: [Exclusion]

  package static let `default` = CharterFirewall(whenAway: .refuse, exclusions: [])
  static let exclusionsMax = 32
  private static let textMax = 128

  static func read(_ object: CharterObject) -> CharterFirewall {
    let exclusions = object.objects(
      "exclusions", CharterFields.exclusion, max: exclusionsMax
    ).compactMap(exclusion)
    return CharterFirewall(
      whenAway: object.word("when_away", WhenAway.self) ?? .refuse, exclusions: exclusions)
  }

  private static func exclusion(_ object: CharterObject) -> Exclusion? {
    let rule = object.number("rule", in: 1...9_999_999)
    let reason = object.value(
      "reason", expected: "one line of 1 to \(Charter.summaryMax) characters"
    ) { (1...Charter.summaryMax).contains($0.count) && !$0.contains(where: \.isNewline) ? $0 : nil }
    let until = object.value("until", expected: "a day as '2027-06-30'") { CivilDate($0) }
    let text = object.value("text", expected: "a text's name, as in 'address.lines.0'") {
      (1...textMax).contains($0.utf8.count) ? $0 : nil
    }
    guard let rule, let reason, let until else { return nil }
    return Exclusion(rule: rule, text: text, reason: reason, until: until)
  }

  var document: JSON {
    .object([
      "when_away": .string(whenAway.rawValue),
      "exclusions": .array(
        exclusions.map {
          var members: [String: JSON] = [
            "rule": .integer(Int64($0.rule)), "reason": .string($0.reason),
            "until": .string("\($0.until)"),
          ]
          if let text = $0.text { members["text"] = .string(text) }
          return .object(members)
        }),
    ])
  }
}
