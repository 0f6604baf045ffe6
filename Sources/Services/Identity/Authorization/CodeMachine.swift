package import Vocabulary

/// What becomes of one authorization code: it is redeemed once, within a minute. Whoever brings it a second time may have
/// stolen it, or have been robbed of it, so everything issued for it dies (RFC 6749 §4.1.2, RFC 9700 §4.5).
package struct CodeMachine: Equatable, Sendable {
  package static let lifetime: Duration = .seconds(60)

  package enum State: String, Sendable, CaseIterable {
    case issued, redeemed, void
  }
  package enum Event: Equatable, Sendable {
    /// A token request brought the code, and client, redirect address and PKCE verifier fit (or do not).
    case presented(at: Instant, fits: Bool)
    /// The session it came from ended, or its family was revoked.
    case withdrawn
  }
  package enum Action: Equatable, Sendable {
    case issueTokens
    case refuse
    /// The token family this code began is revoked in the same transaction.
    case refuseAndRevokeFamily
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
    case (.issued, .presented(let now, true)) where now < expiresAt:
      return move(.redeemed, .issueTokens)
    case (.issued, .presented(_, true)): return move(.void, .refuse)
    // A wrong verifier means somebody else holds the code: it must not stay redeemable.
    case (.issued, .presented(_, false)): return move(.void, .refuse)
    case (.issued, .withdrawn): return move(.void, .nothing)
    case (.redeemed, .presented): return move(.void, .refuseAndRevokeFamily)
    case (.redeemed, .withdrawn): return move(.void, .nothing)
    case (.void, .presented): return .refuse
    case (.void, .withdrawn): return .nothing
    }
  }

  private mutating func move(_ next: State, _ action: Action) -> Action {
    state = next
    return action
  }
}
