import Vocabulary

/// What the fields of one charter mean to each other.
extension Charter {
  static func checkListener(_ service: ServiceName, _ root: CharterObject) {
    let isOperator = service == operatorName
    if service == everyService {
      root.reader.fault(
        .badValue, "service", "'\(everyService)' stands for all services among callers",
        hint: "choose another name")
    }
    for name in ["port", "limits"] where !isOperator && root.values[name] == nil {
      root.reader.fault(
        .missingField, "", "the field '\(name)' is missing",
        hint: name == "port"
          ? "every service listens; see the other charters for a free port"
          : "limits: {memory_mib: 128, open_files: 1024, connections: 512}")
    }
    for name in ["port", "role", "program", "operations", "egress", "store", "settings"]
    where isOperator && root.values[name] != nil {
      root.reader.fault(
        .contradiction, name, "the operator listens nowhere, so it has no '\(name)'")
    }
  }

  /// A program reaches nobody but through its sidecar, which calls services only.
  static func checkProgram(_ root: CharterObject, egress: [CharterDestination]) {
    guard root.values["program"] != nil else { return }
    for (name, hint) in [
      ("role", "roles belong to code that is built with the platform"),
      ("store", "its sidecar's store is a file; what the program keeps is its own affair"),
      ("settings", "what the program reads at its start is its own affair"),
    ] where root.values[name] != nil {
      root.reader.fault(
        .contradiction, name, "a service with a 'program' has no '\(name)'", hint: hint)
    }
    guard !egress.isEmpty else { return }
    root.reader.fault(
      .contradiction, "egress", "a service with a 'program' has no way to the outside",
      hint: "leave 'egress' empty; call a service of ours that has the way")
  }

  static func checkCalls(_ calls: [CharterCall], of service: ServiceName, _ reader: CharterReader) {
    var seen: Set<String> = []
    for (index, call) in calls.enumerated() {
      if call.service == service {
        reader.fault(.contradiction, "calls[\(index)]", "a service does not call itself")
      }
      for operation in call.operations where !seen.insert("\(call.service).\(operation)").inserted {
        reader.fault(
          .duplicate, "calls[\(index)].operations",
          "the call of \(call.service).\(operation) stands twice")
      }
    }
  }

  /// Ids and routes must be unique; the tables are built on the way.
  static func index(
    _ operations: [CharterOperation], _ reader: CharterReader
  ) -> ([String: Int], RouteTable<Int>) {
    var byID: [String: Int] = [:]
    var routes = RouteTable<Int>()
    for (index, operation) in operations.enumerated() {
      let path = "operations[\(index)]"
      if impliedOperations.contains(operation.id) {
        reader.fault(
          .duplicate, path + ".id", "'\(operation.id)' is implied in every service",
          hint: "choose another id")
      }
      if let first = byID[operation.id] {
        reader.fault(
          .duplicate, path + ".id", "the operation id '\(operation.id)' stands twice",
          hint: "first in line \(reader.places["operations[\(first)].id"].line)")
      } else {
        byID[operation.id] = index
      }
      if let holder = routes.add(operation.method, operation.path, index) {
        reader.fault(
          .duplicateRoute, path + ".path",
          "\(operation.method.rawValue) \(operation.path) is the same route as '\(operations[holder].id)'"
        )
      }
      if ["/healthz", "/readyz", "/metrics"].contains(operation.path.description) {
        reader.fault(
          .duplicateRoute, path + ".path", "\(operation.path) is implied in every service")
      }
    }
    return (byID, routes)
  }

  static func check(
    _ operation: CharterOperation, at path: String, of service: ServiceName, _ role: CharterRole?,
    calls: [CharterCall], _ reader: CharterReader
  ) {
    if operation.callers.isEmpty, !operation.isPublic {
      reader.fault(
        .badValue, path + ".callers", "nobody may call '\(operation.id)'",
        hint: "name the callers, or leave the operation out")
    }
    if operation.callers.contains(service) {
      reader.fault(.contradiction, path + ".callers", "a service does not call itself")
    }
    if operation.isPublic {
      checkPublic(operation, at: path, of: service, role, reader)
    } else {
      checkInternal(operation, at: path, reader)
    }
    if operation.purpose == nil {
      for (name, isSet) in [
        ("context", !operation.context.isEmpty), ("forwards", !operation.forwards.isEmpty),
      ] where isSet {
        reader.fault(
          .contradiction, "\(path).\(name)",
          "'\(name)' is about a transaction token, but there is no 'purpose'",
          hint: "name the purpose, for example 'payment.create'")
      }
    }
    for callee in operation.forwards.sorted() where !calls.contains(where: { $0.service == callee })
    {
      reader.fault(
        .contradiction, path + ".forwards",
        "the token is forwarded to '\(callee)', which \(service) does not call")
    }
  }

  private static func checkPublic(
    _ operation: CharterOperation, at path: String, of service: ServiceName, _ role: CharterRole?,
    _ reader: CharterReader
  ) {
    switch operation.authentication {
    case .token:
      guard operation.scopes.isEmpty else { return }
      reader.fault(
        .openDoor, path, "the public operation '\(operation.id)' asks for no scope",
        hint: "scopes: [\(service):read], or 'authentication: none' where one signs in")
    case .none:
      if role != .issuer {
        reader.fault(
          .openDoor, path + ".authentication",
          "only the service with the role '\(CharterRole.issuer.rawValue)' may be called from outside without a token",
          hint: "authentication: token, and scopes")
      }
      if !operation.scopes.isEmpty || operation.purpose != nil {
        reader.fault(
          .contradiction, path + ".authentication",
          "without a token there are neither scopes nor a purpose")
      }
    }
  }

  private static func checkInternal(
    _ operation: CharterOperation, at path: String, _ reader: CharterReader
  ) {
    if operation.deprecation != nil {
      reader.fault(
        .contradiction, path + ".deprecated",
        "'deprecated' is for clients outside, but the operation is not public",
        hint: "leave it out: charters show who still calls an internal operation")
    }
    if operation.rate != nil {
      reader.fault(
        .contradiction, path + ".rate", "'rate' is the gateway's, but the operation is not public",
        hint: "public: true, or leave 'rate' out")
    }
    if !operation.scopes.isEmpty, operation.purpose == nil {
      reader.fault(
        .contradiction, path + ".scopes",
        "'scopes' of an internal operation are read from a transaction token, but there is no 'purpose'",
        hint: "name the purpose, or leave 'scopes' out")
    }
  }
}
