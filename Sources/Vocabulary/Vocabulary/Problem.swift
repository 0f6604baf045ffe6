/// What an outside caller learns of a failure (RFC 9457). The text never carries a customer's data.
package struct Problem: Error, Hashable, Sendable {
  /// The last part of `type`: `urn:strongroom:problem:<slug>`. Stable and documented.
  /// It names the failure for people; programs decide on `kind`.
  package let slug: String
  /// HTTP status, 400–599.
  package let status: Int
  package let title: String
  /// What it says about the request; the one member to decide on.
  package let kind: ProblemKind
  package var detail: String?
  /// Extension members (RFC 9457 §3.2), for example the field that was wrong.
  package var fields: [String: String]
  /// For 429 and 503: whole seconds after which trying again makes sense.
  package var retryAfterSeconds: Int?

  /// - Parameter kind: nil for what the status says by itself.
  package init(
    _ slug: String, _ status: Int, _ title: String, kind: ProblemKind? = nil,
    detail: String? = nil, fields: [String: String] = [:], retryAfterSeconds: Int? = nil
  ) {
    self.slug = slug
    self.status = status
    self.title = title
    self.kind = kind ?? ProblemKind(status: status)
    self.detail = detail
    self.fields = fields
    self.retryAfterSeconds = retryAfterSeconds
  }

  package static let typePrefix = "urn:strongroom:problem:"
}

/// The domain said no: typed, tested, told to the caller as a problem. One of the three kinds of failure; the others are
/// *unreachable* (`Problem.unavailable`, try again with the same key) and *defect* (`Problem.defect`, we are wrong).
package protocol Refusal: Error, Sendable {
  var problem: Problem { get }
}

extension Problem: Refusal {
  package var problem: Problem { self }

  package static func malformed(_ detail: String, field: String? = nil) -> Problem {
    Problem(
      "malformed-request", 400, "The request is not well formed", detail: detail,
      fields: field.map { ["field": $0] } ?? [:])
  }
  package static let notFound = Problem(
    "not-found", 404, "There is no such thing, or it is not yours to see")
  package static let unauthenticated = Problem("unauthenticated", 401, "A valid token is needed")
  package static let forbidden = Problem("forbidden", 403, "This is not allowed")
  package static func unavailable(retryAfterSeconds: Int = 1) -> Problem {
    Problem(
      "unavailable", 503, "Not reachable just now; try again with the same key",
      retryAfterSeconds: retryAfterSeconds)
  }
  package static let deadlineExceeded = Problem(
    "deadline-exceeded", 504, "No answer in time; try again with the same key", retryAfterSeconds: 1
  )
  package static let defect = Problem(
    "internal-error", 500, "Something is wrong on our side; quote the correlation id")
}
