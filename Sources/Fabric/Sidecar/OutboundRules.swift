package import Charters
package import Vocabulary

/// Which calls a program may make. Pure, and decided before anybody is dialled: only what the
/// service's own charter calls, and both charters declare.
package enum OutboundRules {
  /// What a program asks for.
  package struct Question: Hashable, Sendable {
    package let method: String
    /// The service's name, as the program wrote it.
    package let host: String
    /// Path and query.
    package let target: String

    /// From the request line and the field `Host`: `GET http://customers/v1/me`, or `GET /v1/me` with
    /// `Host: customers`. Nil for anything else.
    package init?(method: String, uri: String, host: String?) {
      self.method = method
      if uri.hasPrefix("/") {
        guard let host else { return nil }
        self.host = host
        target = uri
        return
      }
      guard uri.hasPrefix("http://") else { return nil }
      let rest = uri.dropFirst("http://".count)
      let name = rest.prefix { $0 != "/" }
      guard name.count < rest.count else { return nil }
      self.host = String(name)
      target = String(rest.dropFirst(name.count))
    }
  }
  /// A call that may be made.
  package struct Permit: Hashable, Sendable {
    package let callee: ServiceName
    package let operation: CharterOperation
    package let target: String
  }
  /// A call that may not, as the audit log tells it.
  package struct Refusal: Error, Hashable, Sendable {
    /// `callee.operation`, as far as they are known.
    package let operation: String
    package let problem: Problem
  }

  /// Calls from the outbox are the chassis's own (audit records): no program makes them.
  package static func decide(
    _ question: Question, of caller: ServiceName, charters: CharterSet
  ) throws(Refusal) -> Permit {
    let undeclared = Problem("edge-not-declared", 403, "The charters do not declare this call")
    guard let callee = ServiceName(question.host), let charter = charters[callee] else {
      throw Refusal(operation: "unknown", problem: undeclared)
    }
    let path = String(question.target.prefix { $0 != "?" })
    guard let method = HTTPMethod(rawValue: question.method),
      let (operation, _) = charter.route(method, path)
    else { throw Refusal(operation: "\(callee).unknown", problem: undeclared) }
    let isOwn = charters[caller]?.calls.contains {
      $0.service == callee && $0.delivery == .request && $0.operations.contains(operation.id)
    }
    guard isOwn == true,
      charters.mayCall(caller: caller, service: callee, operation: operation.id)
    else { throw Refusal(operation: "\(callee).\(operation.id)", problem: undeclared) }
    return Permit(callee: callee, operation: operation, target: question.target)
  }
}
