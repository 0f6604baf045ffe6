extension String {
  /// Whether this is one line for people to read: something visible, no control character, no line or paragraph
  /// separator, and nothing that turns the reading direction round, so that what is shown is what is there (Unicode
  /// Technical Report 36 §2.5, "Bidirectional Text Spoofing"). Joiners inside words and emoji are let through.
  package var isDisplayText: Bool {
    unicodeScalars.contains { !$0.properties.isWhitespace && !Self.joiners.contains($0) }
      && unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
          false
        case .format: Self.joiners.contains(scalar)
        default: true
        }
      }
  }

  /// Zero width non-joiner and joiner.
  private static let joiners: Set<Unicode.Scalar> = ["\u{200c}", "\u{200d}"]
}
