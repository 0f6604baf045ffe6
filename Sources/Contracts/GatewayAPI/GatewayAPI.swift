package import Vocabulary

/// What the platform promises to the outside: the gateway is the only public listener, and these
/// are its own words. All other public operations belong to the services behind it and are routed
/// by their charters.
package enum GatewayAPI {
  /// The workload that keeps this contract.
  package static let service: ServiceName = "gateway"

  /// The `aud` that an access token must carry to be let in (RFC 9068 §2.2).
  package static let audience = "strongroom-api"
  /// The `typ` of an access token (RFC 9068 §2.1); compared without case, `application/` left out.
  package static let accessTokenType = "at+jwt"

  /// The public health answer: whether the door is open, and nothing else.
  package static let getHealth = Operation<Nothing, DoorHealth>(
    "getHealth", of: service, .get, "/healthz")

  /// The list of the contracts that the door serves (RFC 9727).
  package static let catalogPath = "/.well-known/api-catalog"
  /// Where the contract of a service's public operations is served, as OpenAPI in JSON.
  package static func contractPath(of service: ServiceName) -> String { "/openapi/\(service).json" }
  /// The address that contracts name as the door's before a platform puts in its own.
  package static let documentedIssuer = "https://localhost:8443"
}

/// The body of the public `GET /healthz`.
package struct DoorHealth: Codable, Sendable, Hashable {
  /// Always `ok`: a door that is shut does not answer.
  package let status: String
  /// An answer; there is only one.
  package init(status: String = "ok") { self.status = status }
}
