package import Vocabulary

/// Why the signing key stays as it is.
package enum KeyRotationRefusal: Refusal, Hashable {
  /// So many keys were retired lately, and still verify, that the JWK Set has no room for another.
  case tooMany(until: Instant, now: Instant)

  package var problem: Problem {
    switch self {
    case .tooMany(let until, let now):
      let seconds = max(1, Int((until - now + .milliseconds(999)).nanoseconds / 1_000_000_000))
      return Problem(
        "too-many-signing-keys", 409, "Too many keys were replaced lately",
        detail:
          "\(KeySchedule.publishedMax) keys are published, and each one that was replaced still verifies for "
          + "ten minutes; the next rotation is possible at \(until)",
        fields: ["possible_at": until.description], retryAfterSeconds: seconds)
    }
  }
}
