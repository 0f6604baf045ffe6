package import Vocabulary

/// That clients should turn away from an operation: from when on, until when it stays, and to what.
package struct CharterDeprecation: Hashable, Sendable {
  /// The day from which on it is deprecated, in UTC; may lie ahead (RFC 9745).
  package let since: CivilDate
  /// The day from which on it may be gone, in UTC, not before `since`; nil: not decided (RFC 8594).
  package let sunset: CivilDate?
  /// The path that takes its place, with parameters of the operation's own path alone (RFC 5829, `successor-version`).
  package let successor: PathTemplate?

  /// Days since 1970 that a date may lie at: up to the year 2243, which an `Instant` can tell.
  private static let days = 0...100_000

  /// - Parameter path: of the operation.
  static func read(_ object: CharterObject, path: PathTemplate?) -> CharterDeprecation? {
    let day = "a day as '2027-06-30'"
    func known(_ text: String) -> CivilDate? {
      CivilDate(text).flatMap { days.contains($0.daysSinceEpoch) ? $0 : nil }
    }
    let since = object.value("since", expected: day, known)
    let sunset = object.value("sunset", expected: day, known)
    let successor = object.value("successor", expected: "a path") { try? PathTemplate($0) }
    guard let since else { return nil }
    if let sunset, sunset < since {
      object.reader.fault(
        .contradiction, object.at("sunset"), "the operation ends before it is deprecated",
        hint: "a day on or after 'since'")
    }
    let parameters = Set(path?.parameters ?? [])
    if let unknown = successor?.parameters.first(where: { !parameters.contains($0) }) {
      object.reader.fault(
        .badValue, object.at("successor"), "the operation's own path has no '{\(unknown)}'",
        hint: "use its parameters, or a path without")
    }
    return CharterDeprecation(since: since, sunset: sunset, successor: successor)
  }

  var members: [String: String] {
    var members = ["since": "\(since)"]
    members["sunset"] = sunset.map { "\($0)" }
    members["successor"] = successor.map { "\($0)" }
    return members
  }
}
