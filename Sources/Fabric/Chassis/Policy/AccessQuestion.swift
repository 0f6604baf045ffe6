package import Charters
package import PolicyEngine
package import Vocabulary

/// Who asks which operation of a service, and on whose behalf: what is known of a request before it comes.
package struct AccessEdge: Hashable, Sendable {
  /// On whose behalf, if on anybody's.
  package enum Behalf: Sendable { case nobody, person, client, unknown }

  package let operation: String
  package let caller: ServiceName
  package let behalf: Behalf
}

/// What policies are asked about one request.
package struct AccessQuestion: Sendable {
  package let edge: AccessEdge
  /// The input document.
  package let value: Value
}

/// What policies are asked about a request, in the shape that `Policies/access/access.rego` describes. What the charters
/// say of an operation is put into that shape once.
package struct AccessQuestions: Sendable {
  private let service: Value
  private let operations: [String: Value]
  private let callers: [ServiceName: Value]

  package init(_ charter: Charter, in charters: CharterSet) {
    service = .string("\(charter.service)")
    operations = Dictionary(
      uniqueKeysWithValues: (charter.operations + CharterOperation.allImplied).map { operation in
        (operation.id, Self.shape(operation, of: charter.service, in: charters))
      })
    callers = Dictionary(
      uniqueKeysWithValues: charters.charters.map { ($0.service, .string("\($0.service)")) })
  }

  /// Whether the token goes on to a service that is asked the same, for the same purpose, and decides about the money.
  package static func isPassedOn(
    _ operation: CharterOperation, of service: ServiceName, in charters: CharterSet
  ) -> Bool {
    guard let purpose = operation.purpose else { return false }
    return operation.forwards.contains { callee in
      charters[callee]?.operations.contains {
        $0.purpose == purpose
          && charters.mayCall(caller: service, service: callee, operation: $0.id)
      } ?? false
    }
  }

  private static func shape(
    _ operation: CharterOperation, of service: ServiceName, in charters: CharterSet
  ) -> Value {
    // Both ends have declared the edge, or it is none.
    let callers = charters.charters.map(\.service).filter {
      charters.mayCall(caller: $0, service: service, operation: operation.id)
    }
    var members: [(Value, Value)] = [
      (.string("callers"), .object(ObjectValue(callers.map { (.string("\($0)"), .bool(true)) }))),
      (.string("id"), .string(operation.id)),
      (.string("name"), .string("\(service)/\(operation.id)")),
      (.string("scopes"), .array(operation.scopes.map { .string("\($0)") })),
    ]
    if let purpose = operation.purpose { members.append((.string("purpose"), .string(purpose))) }
    if isPassedOn(operation, of: service, in: charters) {
      members.append((.string("passed_on"), .bool(true)))
    }
    return .object(ObjectValue(members))
  }

  /// - Parameters:
  ///   - operation: an operationId of this service, or an implied one.
  ///   - resource: what the path names.
  ///   - token: from `shape`.
  /// - Returns: nil for an operation that the service does not have.
  package func question(
    by caller: ServiceName, for operation: String, resource: [String: String] = [:],
    token: Value? = nil
  ) -> AccessQuestion? {
    guard let shape = operations[operation] else { return nil }
    // In the order of their names, so that nothing has to be sorted.
    var members: [(Value, Value)] = [
      (Self.callerKey, callers[caller] ?? .string("\(caller)")), (Self.operationKey, shape),
      (Self.resourceKey, Self.object(resource)), (Self.serviceKey, service),
    ]
    if let token { members.append((Self.tokenKey, token)) }
    return AccessQuestion(
      edge: AccessEdge(operation: operation, caller: caller, behalf: Self.behalf(token)),
      value: .object(ObjectValue(members)))
  }

  /// What each question is known to hold, for all who may ask.
  package var edges: [AccessEdge: KnownInput] {
    var edges: [AccessEdge: KnownInput] = [:]
    for (id, shape) in operations {
      guard case .object(let members) = shape, case .object(let names)? = members["callers"] else {
        continue
      }
      for (caller, name) in callers where names[name] != nil {
        let known = ObjectValue([
          (Self.callerKey, name), (Self.operationKey, shape), (Self.serviceKey, service),
        ])
        for (behalf, input) in [
          (AccessEdge.Behalf.nobody, KnownInput(members: known, absent: [Self.tokenKey])),
          (.person, Self.known(known, tokenOf: Self.personKind)),
          (.client, Self.known(known, tokenOf: Self.clientKind)),
        ] {
          edges[AccessEdge(operation: id, caller: caller, behalf: behalf)] = input
        }
      }
    }
    return edges
  }

  private static func known(_ members: ObjectValue, tokenOf kind: Value) -> KnownInput {
    KnownInput(
      members: members, present: tokenPaths, values: [[Self.tokenKey, Self.kindKey]: kind])
  }

  private static func behalf(_ token: Value?) -> AccessEdge.Behalf {
    guard let token else { return .nobody }
    guard case .object(let members) = token else { return .unknown }
    return switch members[kindKey] {
    case personKind: .person
    case clientKind: .client
    default: .unknown
    }
  }

  /// What policies see of a token.
  package static func shape(_ token: TransactionToken) -> Value {
    .object(
      ObjectValue([
        (clientKey, .string(token.clientID)), (contextKey, object(token.context)),
        (kindKey, token.person == nil ? clientKind : personKind),
        (purposeKey, .string(token.purpose)),
        (scopesKey, .array(token.scopes.map { .string("\($0)") })),
        (subjectKey, .string(token.subject)),
      ]))
  }

  private static func object(_ texts: [String: String]) -> Value {
    guard !texts.isEmpty else { return .object(.empty) }
    return .object(ObjectValue(texts.map { (.string($0.key), .string($0.value)) }))
  }

  /// What `shape` gives of every token.
  private static let tokenPaths: Set<[Value]> = [
    [tokenKey], [tokenKey, clientKey], [tokenKey, contextKey], [tokenKey, kindKey],
    [tokenKey, purposeKey], [tokenKey, scopesKey], [tokenKey, subjectKey],
  ]

  private static let callerKey = Value.string("caller")
  private static let operationKey = Value.string("operation")
  private static let resourceKey = Value.string("resource")
  private static let serviceKey = Value.string("service")
  private static let tokenKey = Value.string("token")
  private static let clientKey = Value.string("client")
  private static let contextKey = Value.string("context")
  private static let kindKey = Value.string("kind")
  private static let purposeKey = Value.string("purpose")
  private static let scopesKey = Value.string("scopes")
  private static let subjectKey = Value.string("subject")
  private static let personKind = Value.string("person")
  private static let clientKind = Value.string("client")
}
