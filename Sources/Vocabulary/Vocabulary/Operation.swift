/// One operation of a service's contract: the `operationId` in its OpenAPI document, with the types that travel.
/// The charter, the document and these constants must agree; a test proves it.
package struct Operation<Input: Sendable, Output: Sendable>: Sendable {
  package let id: String
  package let service: ServiceName
  package let method: HTTPMethod
  /// Template with `{name}` parameters, as in OpenAPI.
  package let path: String

  package init(_ id: String, of service: ServiceName, _ method: HTTPMethod, _ path: String) {
    self.id = id
    self.service = service
    self.method = method
    self.path = path
  }
}

package enum HTTPMethod: String, Sendable, Hashable, Codable, CaseIterable {
  case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
}

/// For operations without a body in one direction.
package struct Nothing: Codable, Sendable, Hashable { package init() {} }

/// The moment after which an answer is of no use to anybody. Travels as remaining milliseconds, so that clocks of two
/// machines need not agree; each hop can only shorten it.
package struct Deadline: Hashable, Sendable {
  package let instant: Instant
  package init(_ instant: Instant) { self.instant = instant }
  package func remaining(at now: Instant) -> Duration { instant - now }
  package func hasPassed(at now: Instant) -> Bool { now >= instant }
  package static func earlier(_ left: Deadline, _ right: Deadline) -> Deadline {
    left.instant < right.instant ? left : right
  }
}

/// Tells whose contract the constants are for: the two headers every hop carries, and their names.
package enum Header {
  package static let correlation = "correlation-id"
  package static let traceparent = "traceparent"
  package static let deadline = "request-timeout-ms"
  package static let transactionToken = "txn-token"
  package static let idempotencyKey = "idempotency-key"
  package static let idempotentReplayed = "idempotent-replayed"
}
