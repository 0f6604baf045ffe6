import PolicyEngine
import Vocabulary

/// How long the parts of a decision took, in nanoseconds.
struct DecisionTimers: Sendable {
  var parsing: Int64 = 0
  var evaluating: Int64 = 0
  var handling: Int64 = 0
  var isCached = false

  /// With OPA's names.
  var value: Value {
    .record([
      ("timer_rego_input_parse_ns", .integer(Int(parsing))),
      ("timer_rego_query_eval_ns", .integer(Int(evaluating))),
      ("timer_server_handler_ns", .integer(Int(handling))),
      ("counter_server_query_cache_hit", .integer(isCached ? 1 : 0)),
    ])
  }
}

/// One decision, as the decision log has it (OPA, "Decision Logs").
struct DecisionEvent: Sendable {
  enum Subject: Sendable {
    /// Without `data` in front, with slashes.
    case path(String)
    case query(String)
  }

  /// Nil where nothing is logged.
  let id: String?
  let subject: Subject
  let input: Value?
  /// Nil: undefined, or an error.
  var result: Value?
  var error: PolicyRefusal?
  let requestedBy: String
  let at: Instant
  /// Revisions in force, by bundle.
  let bundles: [String: String]
  var timers = DecisionTimers()

  init(
    id: String?, subject: Subject, input: Value?, requestedBy: String, at: Instant,
    bundles: [String: String]
  ) {
    self.id = id
    self.subject = subject
    self.input = input
    self.requestedBy = requestedBy
    self.at = at
    self.bundles = bundles
  }

  /// The event before anything is masked.
  func value(labels: [(String, Value)]) -> Value {
    var members: [(String, Value)] = [
      ("labels", .record(labels)), ("decision_id", .string(id ?? "")),
      ("requested_by", .string(requestedBy)), ("timestamp", .string(at.description)),
      ("metrics", timers.value),
    ]
    switch subject {
    case .path(let path):
      // Some put what they ask about into the path.
      let isSecret = CredentialScan.isCredential(path)
      members.append(("path", .string(isSecret ? "(a credential, left out)" : path)))
    case .query(let query): members.append(("query", .string(query)))
    }
    if !bundles.isEmpty {
      let revisions = bundles.map { ($0.key, Value.record([("revision", .string($0.value))])) }
      members.append(("bundles", .record(revisions)))
    }
    if let input { members.append(("input", input.jsonValue)) }
    if let result { members.append(("result", result.jsonValue)) }
    if let error { members.append(("error", error.value)) }
    return .record(members)
  }
}
