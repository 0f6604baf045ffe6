import Charters
import Chassis
import Vocabulary

/// What each answer of a deprecated operation says: since when (RFC 9745), until when (RFC 8594), and what takes its place
/// (RFC 5829). Made once; only the successor's path has something of the request.
struct Farewell: Sendable {
  private let dates: [(name: String, value: String)]
  private let successor: String?

  init(_ deprecation: CharterDeprecation) {
    let since = deprecation.since.daysSinceEpoch * 86_400
    var dates = [(name: "deprecation", value: "@\(since)")]
    if let day = deprecation.sunset {
      let end = Instant(seconds: Int64(day.daysSinceEpoch) * 86_400)
      dates.append(("sunset", DateField.text(of: end)))
    }
    self.dates = dates
    successor = deprecation.successor?.description
  }

  /// - Parameter parameters: of the request's path; none while it is not known to be good.
  func fields(_ parameters: [String: String]) -> [(name: String, value: String)] {
    guard let successor else { return dates }
    let path = PathFilling.fill(successor, with: parameters)
    return dates + [("link", "<\(path)>; rel=\"successor-version\"")]
  }
}
