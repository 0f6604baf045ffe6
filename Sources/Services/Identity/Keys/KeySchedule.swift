import Tokens
package import Vocabulary

/// In which order signing keys live: *announced* (in the JWKS, so that every verifier has it before it is used), *active*
/// (signs), *retired* (verifies until the last token it signed has expired), then gone. Of each series that has begun
/// exactly one is active and one announced at any time.
package struct KeySchedule: Equatable, Sendable {
  package enum Algorithm: String, Sendable, Hashable, CaseIterable {
    case es256 = "ES256"
    case edDSA = "EdDSA"
    case rs256 = "RS256"

    package var series: Series { self == .rs256 ? .rsa : .own }
  }
  /// Keys that follow one another.
  package enum Series: String, Sendable, Hashable, CaseIterable {
    /// Access tokens, and ID tokens where nobody asks for something else.
    case own
    /// ID tokens for clients that take RS256 only. It begins with the first of them.
    case rsa
  }
  package enum Phase: Equatable, Sendable {
    case announced
    case active
    case retired(at: Instant)
  }
  package struct Entry: Equatable, Sendable {
    package let kid: String
    package let algorithm: Algorithm
    package var phase: Phase
    package init(kid: String, algorithm: Algorithm, phase: Phase) {
      self.kid = kid
      self.algorithm = algorithm
      self.phase = phase
    }
  }

  /// How long a retired key still verifies: the longest token it may have signed (an ID token or access token, five
  /// minutes), and as much again for clocks and caches.
  package static let retiredMax: Duration = .seconds(600)
  /// Most keys in the JWK Set at a time: one less than anybody reads.
  package static let publishedMax = TokenLimits.keysMax - 1

  package private(set) var entries: [Entry]

  package init(entries: [Entry]) { self.entries = entries }

  package var active: Entry? { active(of: .own) }
  package var announced: Entry? { announced(of: .own) }
  package func active(of series: Series) -> Entry? {
    entries.first { $0.phase == .active && $0.algorithm.series == series }
  }
  package func announced(of series: Series) -> Entry? {
    entries.first { $0.phase == .announced && $0.algorithm.series == series }
  }

  /// Of the algorithm's series: retires the active key and activates the announced one, or `fresh` when the announced one is of another algorithm
  /// than wanted; `next` is announced. Both new keys come from the caller: making keys is not a decision. What no valid
  /// token can carry any more goes first.
  /// - Throws: `KeyRotationRefusal.tooMany` when the set would grow beyond `publishedMax`; then nothing has changed but
  ///   what went.
  package mutating func rotate(
    to algorithm: Algorithm, fresh: Entry, next: Entry, at now: Instant
  ) throws(KeyRotationRefusal) {
    forget(at: now)
    // One key is added: the announced one becomes active or gives way to `fresh`, and `next` takes its place. The first
    // rotation of all makes both.
    guard entries.count < Self.publishedMax else {
      throw .tooMany(until: (oldestRetirement ?? now) + Self.retiredMax, now: now)
    }
    let series = algorithm.series
    for index in entries.indices
    where entries[index].phase == .active && entries[index].algorithm.series == series {
      entries[index].phase = .retired(at: now)
    }
    if let index = entries.firstIndex(where: {
      $0.phase == .announced && $0.algorithm == algorithm
    }) {
      entries[index].phase = .active
    } else {
      entries.removeAll { $0.phase == .announced && $0.algorithm.series == series }
      entries.append(Entry(kid: fresh.kid, algorithm: fresh.algorithm, phase: .active))
    }
    entries.append(Entry(kid: next.kid, algorithm: next.algorithm, phase: .announced))
  }

  private var oldestRetirement: Instant? {
    entries.compactMap { if case .retired(let since) = $0.phase { since } else { nil } }.min()
  }

  /// Takes out the keys no valid token can carry any more.
  package mutating func forget(at now: Instant) {
    entries.removeAll { entry in
      if case .retired(let since) = entry.phase { now >= since + Self.retiredMax } else { false }
    }
  }
}
