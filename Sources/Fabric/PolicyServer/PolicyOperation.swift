/// What a request asks for (OPA REST API). Pure: method and path decide.
enum PolicyOperation: Equatable {
  /// `GET` and `POST /v1/data/PATH`.
  case decide(path: [String])
  /// `POST /v0/data/PATH`, and `POST /` for the default decision: the body is the input.
  case decideBare(path: [String])
  case putDocument(path: [String])
  case patchDocument(path: [String])
  case deleteDocument(path: [String])
  case listPolicies
  case getPolicy(id: String)
  case putPolicy(id: String)
  case deletePolicy(id: String)
  case query
  case health
  case config
  case status
  case metrics

  /// Decision of `POST /`.
  static let defaultDecision = ["system", "main"]

  /// - Throws: `PolicyRefusal` for what is not there.
  init(method: String, path: [String]) throws(PolicyRefusal) {
    let names = path.filter { !$0.isEmpty }
    switch (names.first, names.dropFirst().first) {
    case (nil, _):
      self = try Self.allowed(method, ["POST": .decideBare(path: Self.defaultDecision)])
    case ("v1", "data"):
      let path = Array(names.dropFirst(2))
      self = try Self.allowed(
        method,
        [
          "GET": .decide(path: path), "POST": .decide(path: path),
          "PUT": .putDocument(path: path), "PATCH": .patchDocument(path: path),
          "DELETE": .deleteDocument(path: path),
        ])
    case ("v0", "data"):
      self = try Self.allowed(method, ["POST": .decideBare(path: Array(names.dropFirst(2)))])
    case ("v1", "policies"):
      let id = names.dropFirst(2).joined(separator: "/")
      self = try Self.allowed(
        method,
        id.isEmpty
          ? ["GET": .listPolicies]
          : ["GET": .getPolicy(id: id), "PUT": .putPolicy(id: id), "DELETE": .deletePolicy(id: id)])
    case ("v1", "query") where names.count == 2:
      self = try Self.allowed(method, ["GET": .query, "POST": .query])
    case ("v1", "config") where names.count == 2: self = try Self.allowed(method, ["GET": .config])
    case ("v1", "status") where names.count == 2: self = try Self.allowed(method, ["GET": .status])
    case ("v1", "compile"):
      throw PolicyRefusal(
        status: 501, code: "not_implemented",
        message: "/v1/compile, partial evaluation, is not part of this server; ask /v1/data")
    case ("health", nil): self = try Self.allowed(method, ["GET": .health])
    case ("metrics", nil): self = try Self.allowed(method, ["GET": .metrics])
    default:
      throw PolicyRefusal(
        status: 404, code: "resource_not_found",
        message: "there is no such operation: \(method) /\(names.joined(separator: "/"))")
    }
  }

  private static func allowed(_ method: String, _ operations: [String: PolicyOperation])
    throws(PolicyRefusal) -> PolicyOperation
  {
    guard let operation = operations[method] else {
      throw PolicyRefusal(
        status: 405, code: "invalid_operation",
        message: "\(method) is not known here; \(operations.keys.sorted().joined(separator: ", "))")
    }
    return operation
  }

  /// Whether it changes what the server holds.
  var isWriting: Bool {
    switch self {
    case .putDocument, .patchDocument, .deleteDocument, .putPolicy, .deletePolicy: true
    case .decide, .decideBare, .listPolicies, .getPolicy, .query, .health, .config, .status,
      .metrics:
      false
    }
  }

  /// The `handler` label of its metrics: OPA's names.
  var handler: String {
    switch self {
    case .decide, .putDocument, .patchDocument, .deleteDocument: "v1/data"
    case .decideBare: "v0/data"
    case .listPolicies, .getPolicy, .putPolicy, .deletePolicy: "v1/policies"
    case .query: "v1/query"
    case .health: "health"
    case .config: "v1/config"
    case .status: "v1/status"
    case .metrics: "metrics"
    }
  }
}
