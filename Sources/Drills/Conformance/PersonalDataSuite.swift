import StrictJSON
import Telemetry

extension ConformanceSuite {
  /// Presidio's texts: of the kinds that masking claims, every expected find must be masked whole.
  static let pii = ConformanceSuite("pii", "masking of personal data (Presidio)", folder: "pii") {
    folder, told in
    for (number, entry) in try folder.cases("presidio-recognizer-cases.json").enumerated() {
      let recognizer = entry["recognizer"]?.string ?? ""
      let text = entry["text"]?.string ?? ""
      let id = "\(recognizer)[\(number)]"
      let finds = Masking.finds(in: Array(text.utf8)).map(\.range)
      guard claimed.contains(recognizer), entry["expected_len"]?.integer ?? 0 > 0 else {
        told(
          CaseResult(
            id, expected: "", came: "\(finds.count) finds", verdict: .outOfScope,
            reason: claimed.contains(recognizer)
              ? "texts with nothing to find: masking may err to the safe side"
              : "kinds of data that masking does not claim"))
        continue
      }
      for range in expectedRanges(entry, text) {
        let isCovered = finds.contains {
          $0.lowerBound <= range.lowerBound && $0.upperBound >= range.upperBound
        }
        told(
          CaseResult(
            "\(id) bytes \(range)", expected: "masked whole",
            came: isCovered ? "masked whole" : "masked at \(finds)"))
      }
    }
  }

  private static let claimed: Set<String> = [
    "credit_card", "email", "phone", "us_ssn", "us_bank", "ph_mobile_number", "tr_phone_number",
  ]

  /// In bytes; the suite counts Unicode scalars.
  private static func expectedRanges(_ entry: JSON, _ text: String) -> [Range<Int>] {
    let scalars = Array(text.unicodeScalars)
    func bytes(before scalar: Int64) -> Int {
      String(String.UnicodeScalarView(scalars[..<min(scalars.count, max(0, Int(scalar)))])).utf8
        .count
    }
    let positions = (entry["expected_positions"]?.array ?? []).compactMap { pair -> Range<Int>? in
      guard let start = pair.array?.first?.integer, let end = pair.array?.last?.integer,
        start <= end
      else { return nil }
      return bytes(before: start)..<bytes(before: end)
    }
    guard positions.isEmpty else { return positions }
    // Without positions the case says how many there are: all digits of the text must be gone.
    let digits = text.utf8.enumerated().filter { (48...57).contains($0.element) }.map(\.offset)
    guard let first = digits.first, let last = digits.last else { return [] }
    return [first..<last + 1]
  }
}
