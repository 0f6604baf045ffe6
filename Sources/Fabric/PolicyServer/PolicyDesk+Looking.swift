import PolicyEngine
import Vocabulary

extension PolicyDesk {
  /// What is held, and how the server does.
  func look(_ operation: PolicyOperation, _ request: PolicyRequest, _ store: PolicyStore)
    throws(PolicyRefusal) -> PolicyAnswer
  {
    let result: Value
    switch operation {
    case .listPolicies:
      result = .array(store.policies.sorted { $0.key < $1.key }.map { Self.policy($0, $1) })
    case .getPolicy(let id):
      guard let policy = store.policies[id] else { throw .missing("policy id \"\(id)\"") }
      result = Self.policy(id, policy)
    case .config: result = settings
    case .status: result = status(store)
    // A server without its bundles does not start, so that it is healthy as soon as it answers.
    case .health: return .json(.object(.empty), pretty: request.flag("pretty"))
    default: throw .internal("not a request to look: \(operation)")
    }
    return .json(.record([("result", result)]), pretty: request.flag("pretty"))
  }

  /// With the syntax tree, `ast`, as OPA writes it.
  private static func policy(_ id: String, _ policy: StoredPolicy) -> Value {
    var members: [(String, Value)] = [("id", .string(id)), ("raw", .string(policy.source))]
    // What is held was compiled, so that it parses.
    if let tree = try? CompiledPolicy.syntaxTree(policy.source, file: id) {
      members.append(("ast", tree))
    }
    return .record(members)
  }

  private func status(_ store: PolicyStore) -> Value {
    let bundles = store.bundles.map { name, bundle -> (String, Value) in
      var members: [(String, Value)] = [
        ("name", .string(name)), ("active_revision", .string(bundle.revision)),
        ("last_successful_activation", .string(bundle.activatedAt.description)),
      ]
      if let refusal = bundle.refusal {
        members += [("code", .string("bundle_error")), ("message", .string(refusal))]
      }
      return (name, .record(members))
    }
    return .record([("labels", .record(labels)), ("bundles", .record(bundles))])
  }
}

/// Requests that change what is held.
extension PolicyStore {
  mutating func write(_ operation: PolicyOperation, _ request: PolicyRequest) throws(PolicyRefusal)
    -> PolicyAnswer
  {
    switch operation {
    case .putDocument(let path):
      guard let value = try request.document() else {
        throw .invalid("the body is empty; a document is expected")
      }
      let onlyNew = request.header("if-none-match") == "*"
      return .empty(try putDocument(path, value, onlyNew: onlyNew) ? 204 : 304)
    case .patchDocument(let path):
      try patchDocument(path, try request.document() ?? .null)
      return .empty(204)
    case .deleteDocument(let path):
      try deleteDocument(path)
      return .empty(204)
    case .putPolicy(let id):
      guard let source = String(validating: request.body, as: UTF8.self) else {
        throw .invalid("the policy is no UTF-8")
      }
      try putPolicy(id, source: source)
    case .deletePolicy(let id): try deletePolicy(id)
    default: throw .internal("not a request to write: \(operation)")
    }
    return .json(.object(.empty), pretty: request.flag("pretty"))
  }
}
