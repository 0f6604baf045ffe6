package import Charters
import StrictJSON
package import Telemetry
package import Transport
package import Vocabulary

/// One request that has passed every check: what it carries is proven, so a handler re-checks nothing.
package struct Call: Sendable {
  package let operation: CharterOperation
  /// The workload at the other end of the connection.
  package let caller: ServiceName
  /// Path and query as they came (RFC 9112 §3.2.1).
  package let target: String
  /// Path parameters of the operation's template, percent-decoded.
  package let path: [String: String]
  /// Query items, percent-decoded; a name that stands twice was refused.
  package let query: [String: String]
  package let headers: Headers
  package let body: [UInt8]
  package let correlation: CorrelationID
  package let trace: TraceContext
  package let deadline: Deadline
  /// Present exactly where the charter gives the operation a purpose, or the caller sent one.
  package let transaction: TransactionToken?
  /// Present exactly where the charter says `idempotency: key`.
  package let idempotency: IdempotencyClaim?
  package let receivedAt: Instant

  /// The address of the outside client, as the gateway saw it; nil inside the mesh.
  package var remoteAddress: String? { headers["forwarded-for"] }

  /// Strict JSON: an unknown, missing or duplicate field is named in the refusal.
  package func decode<T: Decodable>(_ type: T.Type) throws(Problem) -> T {
    do {
      return try StrictJSON.decode(type, from: body)
    } catch {
      throw .malformed(error.reason, field: error.pointer)
    }
  }

  /// A path or query parameter as an identifier; a malformed one is refused by name.
  package func id<Kind>(_ name: String, as type: ID<Kind>.Type = ID<Kind>.self) throws(Problem)
    -> ID<Kind>
  {
    guard let text = path[name] ?? query[name], let id = ID<Kind>(text) else {
      throw .malformed("expected a lower-case UUID", field: name)
    }
    return id
  }

  /// A whole number from the query within a range, or the default when it is absent.
  package func integer(_ name: String, in range: ClosedRange<Int>, default value: Int)
    throws(Problem) -> Int
  {
    guard let text = query[name] else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw .malformed(
        "expected a whole number from \(range.lowerBound) to \(range.upperBound)", field: name)
    }
    return number
  }

  /// `true` or `false` from the query; absent is false.
  package func flag(_ name: String) throws(Problem) -> Bool {
    switch query[name] {
    case nil, "false": return false
    case "true": return true
    case _?: throw .malformed("expected true or false", field: name)
    }
  }

  /// The person on whose behalf this happens; refused where the token names none.
  package func person() throws(Problem) -> PersonID {
    guard let person = transaction?.person else { throw .forbidden }
    return person
  }

  /// Who owns what this may read or move: the person, or the client that acts for itself; refused where the token names
  /// neither.
  package func holder() throws(Problem) -> PersonID {
    guard let holder = transaction?.holder else { throw .forbidden }
    return holder
  }

  /// For the calls made on behalf of this one: same correlation, trace, deadline and transaction.
  package var forwarding: CallContext {
    CallContext(
      correlation: correlation, trace: trace, deadline: deadline,
      transactionToken: transaction?.encoded)
  }
}

/// What travels from hop to hop.
package struct CallContext: Sendable {
  package let correlation: CorrelationID
  package let trace: TraceContext
  package let deadline: Deadline
  /// The signed transaction token, byte for byte as it came.
  package let transactionToken: String?

  package init(
    correlation: CorrelationID, trace: TraceContext, deadline: Deadline,
    transactionToken: String? = nil
  ) {
    self.correlation = correlation
    self.trace = trace
    self.deadline = deadline
    self.transactionToken = transactionToken
  }
}
