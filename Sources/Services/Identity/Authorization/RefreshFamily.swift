package import Vocabulary

/// All tokens that descend from one grant. Only the newest refresh token of a family is good; an older one in anybody's
/// hand means that two parties hold the family, and nobody can tell the thief, so both lose it (RFC 9700 §4.14.2). One
/// exception keeps a telephone whose answer was lost signed in: the token before the newest gets the same answer once
/// more, within `repeatMax`, while the newest has not been used.
package struct RefreshFamily: Equatable, Sendable {
  /// A family ends for good after this, however often it was refreshed; then the person signs in again.
  package static let lifetime: Duration = .seconds(30 * 86_400)
  /// A refresh token not used for this long is dead.
  package static let idleMax: Duration = .seconds(7 * 86_400)
  /// How long after a refresh its answer can be had once more. Long enough for a retry over a bad line; a thief who comes
  /// within it gets what the owner has, and the next refresh of either gives the other away.
  package static let repeatMax: Duration = .seconds(30)

  package enum Reason: String, Sendable, CaseIterable {
    case codeReused = "code-reused"
    case tokenReused = "token-reused"
    case byClient = "by-client"
    case signedOut = "signed-out"
    case suspended
    /// The client lost scopes or keys.
    case changed
    case passwordReset = "password-reset"
    case lapsed
  }
  package enum State: Equatable, Sendable {
    /// `generation` is the number of the only refresh token that is good, from 0.
    case live(generation: Int64)
    case revoked(Reason)
  }
  package enum Event: Equatable, Sendable {
    /// A token request brought the refresh token of this generation, last issued at this moment.
    /// - repeatableUntil: where it was replaced, and its answer may still be given once more; nil when that was done.
    case presented(
      generation: Int64, issuedAt: Instant, repeatableUntil: Instant? = nil, at: Instant)
    case revoked(Reason)
  }
  package enum Action: Equatable, Sendable {
    /// Issue tokens and the refresh token of this generation.
    case rotate(to: Int64)
    /// Issue tokens, and the refresh token of this generation again: the one that is there.
    case repeatAnswer(of: Int64)
    case refuse
    /// Refuse and put the family in the revocation feed.
    case refuseAndAnnounce(Reason)
    case announce(Reason)
    case nothing
  }

  package private(set) var state: State
  package let expiresAt: Instant

  package init(state: State, expiresAt: Instant) {
    self.state = state
    self.expiresAt = expiresAt
  }

  package mutating func handle(_ event: Event) -> Action {
    switch (state, event) {
    case (.live(let current), .presented(let generation, let issuedAt, let until, let now)):
      guard generation == current else {
        if generation == current - 1, let until, now < until, now < expiresAt {
          return .repeatAnswer(of: current)
        }
        return move(.revoked(.tokenReused), .refuseAndAnnounce(.tokenReused))
      }
      guard now < expiresAt, now < issuedAt + Self.idleMax else {
        return move(.revoked(.lapsed), .refuseAndAnnounce(.lapsed))
      }
      return move(.live(generation: current + 1), .rotate(to: current + 1))
    case (.live, .revoked(let reason)): return move(.revoked(reason), .announce(reason))
    // The first reason stays: it is what happened.
    case (.revoked, .presented): return .refuse
    case (.revoked, .revoked): return .nothing
    }
  }

  private mutating func move(_ next: State, _ action: Action) -> Action {
    state = next
    return action
  }
}
