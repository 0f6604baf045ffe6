import PolicyEngine
import Synchronization

/// Where a service decides by policies: holds the version in force, and how long ago its source confirmed it. A class:
/// requests read what the follower changes.
package final class PolicyPoint: Sendable {
  private struct Standing {
    var rules: AccessRules
    var sha256: String
    /// By a clock that nobody sets: setting the other must neither end nor prolong anything.
    var confirmedAt: ContinuousClock.Instant
    var refused: PolicyRefusalReason?
  }
  private let standing: Mutex<Standing>
  /// How long the version in force may stay unconfirmed; then nothing is allowed any more.
  private let staleAfter: Duration

  /// PEM of the key that all versions must be signed with, as it was at the start.
  let key: String
  /// Whether the folder of the policies cannot be read any more by this process.
  private let shutOut = Atomic(false)

  init(_ rules: AccessRules, sha256: String, key: String, staleAfter: Duration) {
    self.key = key
    standing = Mutex(Standing(rules: rules, sha256: sha256, confirmedAt: .now))
    self.staleAfter = staleAfter
  }

  /// The version in force.
  package var version: Int { standing.withLock { $0.rules.version } }

  /// The digest of its bundle, in lower-case hex.
  package var sha256: String { standing.withLock { $0.sha256 } }

  /// Whether its list of the suspended names this person or client, by the id that is the token's subject or client.
  package func suspends(_ id: String) -> Bool { rules.inForce.suspended.contains(id) }

  /// Whether nobody has confirmed it for too long; nothing is decided then.
  package var isStale: Bool { rules.isStale }

  func shut() { shutOut.store(true, ordering: .relaxed) }

  /// Returns when a new process would see what this one cannot, or when cancelled.
  package func untilShutOut() async {
    while !shutOut.load(ordering: .relaxed) {
      do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
    }
  }

  /// Why the newest bundle was not taken; nil where it is the one in force.
  package var refused: PolicyRefusalReason? { standing.withLock { $0.refused } }

  /// The rules in force; a request keeps the ones it began with.
  var rules: (inForce: AccessRules, isStale: Bool) {
    standing.withLock { ($0.rules, .now - $0.confirmedAt > staleAfter) }
  }

  var known: PolicyReview.Known {
    standing.withLock {
      PolicyReview.Known(
        version: $0.rules.version, sha256: $0.sha256, highest: $0.rules.version)
    }
  }

  func confirm() {
    standing.withLock {
      $0.confirmedAt = .now
      $0.refused = nil
    }
  }

  func adopt(_ rules: AccessRules, sha256: String) {
    standing.withLock { $0 = Standing(rules: rules, sha256: sha256, confirmedAt: .now) }
  }

  /// - Returns: whether this was not known before.
  func refuse(_ reason: PolicyRefusalReason) -> Bool {
    standing.withLock { standing in
      defer { standing.refused = reason }
      return standing.refused != reason
    }
  }
}
