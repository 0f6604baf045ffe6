/// What somebody else wrote, made fit to be shown: it neither speaks to the terminal nor looks like a
/// line that somebody else wrote.
package enum LegibleText {
  /// Whatever steers a terminal, ends a line or turns the direction of writing becomes `\u{…}`; the
  /// tab stays.
  package static func of(_ text: String) -> String {
    guard !isLegible(text) else { return text }
    var legible = ""
    for scalar in text.unicodeScalars {
      if steers(scalar) {
        legible += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        legible.unicodeScalars.append(scalar)
      }
    }
    return legible
  }

  /// The same for canonical JSON, which stays JSON of the same meaning: what RFC 8259 §7 lets stand in
  /// a string is escaped. Canonical JSON has none of it anywhere else.
  package static func ofJSON(_ text: String) -> String {
    guard !isLegible(text) else { return text }
    var legible = ""
    for scalar in text.unicodeScalars {
      if steers(scalar) {
        let digits = String(scalar.value, radix: 16)
        legible += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      } else {
        legible.unicodeScalars.append(scalar)
      }
    }
    return legible
  }

  /// Whether nothing in it has to be written otherwise.
  package static func isLegible(_ text: String) -> Bool {
    !text.unicodeScalars.contains(where: steers)
  }

  private static func steers(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09: false
    // C0, DEL and C1 (ECMA-48).
    case 0...0x1f, 0x7f...0x9f: true
    // Line and paragraph separators; what turns the direction (UAX #9).
    case 0x2028, 0x2029, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
