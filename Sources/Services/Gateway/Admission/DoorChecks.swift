import Chassis
import Vocabulary

// The order in which the door judges a request: these two lists, and between them the token, which alone may have to wait for
// somebody (`Edge.answer`). The order is that of the cases.

/// What a request passes before a byte of its content is read.
package enum HeadCheck: String, CaseIterable, Sendable {
  /// What one address may ask in a while.
  case addressRate
  /// What the door answers by itself: its health and the contracts.
  case ownDocument
  /// A browser's question before the request proper (Fetch standard, CORS-preflight).
  case preflight
  /// Path and method name a public operation.
  case route
  /// What one address may ask of an operation that is open to everybody.
  case openRate
  /// A token is there where one is needed; whether it is good comes later.
  case tokenShown
  /// The disk has room for what the operation keeps.
  case room
  /// The content is of a media type that goes in.
  case mediaType
  /// A key is there where an operation is carried out once for each.
  case idempotencyKey
  /// Path and query are what the contract names.
  case parameters

  /// The problems, by slug, with which it refuses.
  package var refusals: Set<String> {
    switch self {
    case .addressRate, .openRate: ["rate-limited"]
    case .ownDocument: ["method-not-allowed"]
    case .preflight: []
    case .route: ["not-found", "method-not-allowed"]
    case .tokenShown: ["unauthenticated"]
    case .room: [Problem.diskFull.slug]
    case .mediaType: ["media-type-not-supported"]
    case .idempotencyKey: ["idempotency-key-missing", "malformed-request"]
    case .parameters: ["malformed-request"]
    }
  }
}

/// What a request passes when its content is here and its token, where it needs one, is good.
package enum ContentCheck: String, CaseIterable, Sendable {
  /// The token carries the scopes of the operation.
  case scopes
  /// What the client, the user and the two together may ask in a while.
  case rates
  /// JSON that no two readers read in two ways.
  case json
  /// The content is what the contract names.
  case contract
  /// What the contract leaves free is no attack, as far as the firewall's rules see. The texts are found here; the firewall
  /// is asked once all checks are passed (`Edge.admit`), since it may be waited for.
  case firewall

  /// The problems, by slug, with which it refuses.
  package var refusals: Set<String> {
    switch self {
    case .scopes: ["insufficient-scope"]
    case .rates: ["rate-limited"]
    case .json, .contract: ["malformed-request"]
    case .firewall:
      ["malformed-request", Problem.refusedByFirewall.slug, Problem.notInspected.slug]
    }
  }
}
