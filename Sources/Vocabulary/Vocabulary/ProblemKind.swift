/// What a problem says about the request, for programs that decide on it: the member `kind` of problem+json. The words of
/// `type`, `title` and `detail` are for people and logs. Stable; a new kind is added, and none changes its meaning.
package enum ProblemKind: String, CaseIterable, Hashable, Sendable {
  /// The request can never be right as it stands.
  case malformed
  /// What would allow the request is missing or not good enough: a token, a scope, an edge. Nothing was looked at beyond
  /// that, so an earlier request with a better permission may have been carried out.
  case permission
  /// A policy of the organisation does not allow it now. This request was not carried out; an earlier one may have been.
  case policy
  /// There is no such thing, or it is not the caller's to see.
  case absent
  /// The domain has looked at it and said no. Nothing has happened.
  case refused
  /// What it concerns is frozen or closed. Nothing has happened; the bar may be lifted.
  case barred
  /// What it concerns has ended by its time or by somebody's word. Nothing has happened, and nothing will.
  case over
  /// Something else stands under this id or key, perhaps from an earlier request.
  case differs
  /// Too much, too early or too slow. Nothing was done.
  case busy
  /// Somebody who is needed is not there just now. Nothing was done.
  case unavailable
  /// Whether anything was done is not known, or the answer does not say.
  case unknown
  /// Something is wrong on our side. What was done is not known.
  case defect

  /// What a status alone says (RFC 9110 §15). Problems that say more name their kind.
  package init(status: Int) {
    switch status {
    case 401, 403: self = .permission
    case 404: self = .absent
    case 409: self = .refused
    case 408, 425, 429: self = .busy
    case 400..<500: self = .malformed
    case 503: self = .unavailable
    case 500, 501: self = .defect
    default: self = .unknown
    }
  }
}
