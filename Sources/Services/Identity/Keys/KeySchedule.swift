package import Vocabulary

/// In which order signing keys live: *announced* (in the JWKS, so that every verifier has it before it is used), *active*
/// (signs), *retired* (verifies until the last token it signed has expired), then gone. Exactly one is active and one
/// announced at any time.
package struct KeySchedule: Equatable, Sendable {
  package enum Algorithm: String, Sendable, Hashable, CaseIterable {
    case es256 = "ES256"
    case edDSA = "EdDSA"
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

  package private(set) var entries: [Entry]

  package init(entries: [Entry]) { self.entries = entries }

  package var active: Entry? { entries.first { $0.phase == .active } }
  package var announced: Entry? { entries.first { $0.phase == .announced } }

  /// Retires the active key and activates the announced one, or `fresh` when the announced one is of another algorithm
  /// than wanted; `next` is announced. Both new keys come from the caller: making keys is not a decision.
  package mutating func rotate(
    to algorithm: Algorithm, fresh: Entry, next: Entry, at now: Instant
  ) {
    for index in entries.indices where entries[index].phase == .active {
      entries[index].phase = .retired(at: now)
    }
    if let index = entries.firstIndex(where: {
      $0.phase == .announced && $0.algorithm == algorithm
    }) {
      entries[index].phase = .active
    } else {
      entries.removeAll { $0.phase == .announced }
      entries.append(Entry(kid: fresh.kid, algorithm: fresh.algorithm, phase: .active))
    }
    entries.append(Entry(kid: next.kid, algorithm: next.algorithm, phase: .announced))
  }

  /// Takes out the keys no valid token can carry any more.
  package mutating func forget(at now: Instant) {
    entries.removeAll { entry in
      if case .retired(let since) = entry.phase { now >= since + Self.retiredMax } else { false }
    }
  }
}
