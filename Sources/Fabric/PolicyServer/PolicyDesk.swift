import PolicyEngine
import Synchronization
import Vocabulary

/// Who may ask the policy server.
package enum RequestAuthentication: String, Sendable, CaseIterable {
  case off, token, tls
}

package enum RequestAuthorization: String, Sendable, CaseIterable {
  case off, basic
}

/// What one request is answered with, besides the store: time, randomness and how much may be spent.
struct DecisionMoment: Sendable {
  let at: Instant
  let seed: UInt64
  /// Nil: no decision log, no id.
  let decisionID: String?
  /// On an event loop; what is too long for one is left undone.
  let isQuick: Bool
  /// Nanoseconds of a clock that never goes back.
  let ticks: @Sendable () -> Int64
}

/// Answers requests that change nothing. Pure: store, request and moment in, answer out.
struct PolicyDesk: Sendable {
  let authorization: RequestAuthorization
  /// For provenance, status and the decision log.
  let labels: [(String, Value)]
  let version: String
  let settings: Value

  enum Reply: Sendable {
    case answered(PolicyAnswer, DecisionEvent?)
    /// The request is to be carried out as this, by somebody who may write.
    case write(PolicyOperation)
    case metrics
    /// Too long for an event loop.
    case tooLong
  }

  struct TooLong: Error {}

  func reply(_ request: PolicyRequest, _ store: PolicyStore, _ moment: DecisionMoment) -> Reply {
    if moment.isQuick, request.body.count > store.limits.quickBodyBytesMax { return .tooLong }
    let start = moment.ticks()
    do {
      let body = Self.readsDocument(request) ? try request.document() : nil
      let parsed = moment.ticks()
      if authorization == .basic { try authorize(request, body, store, moment) }
      let operation = try PolicyOperation(method: request.method, path: request.path)
      if operation.isWriting { return .write(operation) }
      switch operation {
      case .decide(let path):
        return try decide(
          path, request, body, store, moment, start: start, parsed: parsed, isBare: false)
      case .decideBare(let path):
        return try decide(
          path, request, body, store, moment, start: start, parsed: parsed, isBare: true)
      case .query: return try query(request, body, store, moment, start: start)
      case .metrics: return .metrics
      // Their sources are read again.
      case .listPolicies where moment.isQuick, .getPolicy where moment.isQuick: return .tooLong
      default: return .answered(try look(operation, request, store), nil)
      }
    } catch is TooLong {
      return .tooLong
    } catch let refusal as PolicyRefusal {
      return .answered(refusal.answer, nil)
    } catch {
      return .answered(PolicyRefusal.internal("\(error)").answer, nil)
    }
  }

  /// `POST` of data and queries has a document as its body; the others read it themselves.
  private static func readsDocument(_ request: PolicyRequest) -> Bool {
    guard request.method == "POST" else { return false }
    if request.path == [""] { return true }
    let names = request.path.prefix(2)
    return names == ["v1", "data"] || names == ["v0", "data"] || names == ["v1", "query"]
  }

  // MARK: Evaluation

  /// - Throws: `PolicyRefusal`, or `TooLong`.
  func evaluate(
    _ query: QueryCache.Entry, _ input: Value?, _ store: PolicyStore, _ moment: DecisionMoment,
    isStrict: Bool = false
  ) throws -> EvaluationResult {
    if moment.isQuick, query.isLong.load(ordering: .relaxed) { throw TooLong() }
    do {
      return try store.compiled.evaluate(
        query.query,
        EvaluationInput(
          input: input, data: store.data, nanoseconds: moment.at.nanoseconds, seed: moment.seed,
          isStrict: isStrict,
          budget: moment.isQuick ? store.limits.quickBudget : store.limits.budget))
    } catch {
      guard moment.isQuick, error.code == "eval_budget_error" else {
        throw PolicyRefusal.evaluation(error)
      }
      query.isLong.store(true, ordering: .relaxed)
      throw TooLong()
    }
  }

  /// The value of the document at a path; nil where it is undefined.
  private func value(
    _ path: [String], _ input: Value?, _ store: PolicyStore, _ moment: DecisionMoment,
    isStrict: Bool = false
  ) throws -> (value: Value?, isNew: Bool) {
    let found: (entry: QueryCache.Entry, isNew: Bool)
    do {
      found = try store.queries.entry(store.question(path), store.compiled)
    } catch {
      throw PolicyRefusal.query(error)
    }
    let result = try evaluate(found.entry, input, store, moment, isStrict: isStrict)
    return (result.bindings.first?["result"], found.isNew)
  }

  // MARK: Authorization

  /// Asks `data.system.authz.allow`. Anything but a clear yes is a no.
  private func authorize(
    _ request: PolicyRequest, _ body: Value?, _ store: PolicyStore, _ moment: DecisionMoment
  ) throws {
    let input = AuthorizationInput.value(request, body)
    switch try value(["system", "authz", "allow"], input, store, moment).value {
    case .bool(true)?: return
    case nil: throw PolicyRefusal.internal("authorization policy missing or undefined")
    case .object(let members)?:
      if members["allowed"] == .bool(true) { return }
      if case .string(let reason)? = members["reason"] { throw PolicyRefusal.unauthorized(reason) }
      throw PolicyRefusal.unauthorized()
    default: throw PolicyRefusal.unauthorized()
    }
  }

  // MARK: Decisions

  private func decide(
    _ path: [String], _ request: PolicyRequest, _ body: Value?, _ store: PolicyStore,
    _ moment: DecisionMoment, start: Int64, parsed: Int64, isBare: Bool
  ) throws -> Reply {
    let input = isBare ? body : try Self.input(request, body)
    var event = DecisionEvent(
      id: moment.decisionID, subject: .path(path.joined(separator: "/")), input: input,
      requestedBy: request.caller, at: moment.at, bundles: store.bundles.mapValues(\.revision))
    let evaluating = moment.ticks()
    do {
      let (value, isNew) = try value(
        path, input, store, moment, isStrict: request.flag("strict-builtin-errors"))
      let end = moment.ticks()
      if moment.isQuick, let value, !value.has(atMost: store.limits.quickValuesMax) {
        throw TooLong()
      }
      event.result = value
      let timers = DecisionTimers(
        parsing: parsed - start, evaluating: end - evaluating, handling: end - start,
        isCached: !isNew)
      event.timers = timers
      let answer =
        isBare
        ? bare(value, path, request)
        : .json(
          document(value, input, request, store, moment, timers), pretty: request.flag("pretty"))
      return .answered(answer, event)
    } catch let refusal as PolicyRefusal {
      event.error = refusal
      event.timers.evaluating = moment.ticks() - evaluating
      return .answered(refusal.answer, event)
    }
  }

  /// The input document of `/v1/data`; nil: none was sent.
  private static func input(_ request: PolicyRequest, _ body: Value?) throws(PolicyRefusal)
    -> Value?
  {
    if request.method == "POST" {
      switch body {
      case nil, .null?: return nil
      case .object(let members)?: return members["input"]
      default:
        throw .invalid("body contains malformed input document: an object with 'input' is expected")
      }
    }
    guard let text = request.parameter("input") else { return nil }
    do {
      return try Value.parse(json: text.utf8)
    } catch {
      throw .invalid(
        "parameter contains malformed input document: \(error.reason) at byte \(error.offset)")
    }
  }

  private func document(
    _ value: Value?, _ input: Value?, _ request: PolicyRequest, _ store: PolicyStore,
    _ moment: DecisionMoment, _ timers: DecisionTimers
  ) -> Value {
    var members: [(String, Value)] = []
    if let value { members.append(("result", value)) }
    if let id = moment.decisionID { members.append(("decision_id", .string(id))) }
    if request.method == "POST", input == nil {
      members.append(
        (
          "warning",
          .record([
            ("code", .string("api_usage_warning")),
            ("message", .string("'input' key missing from the request")),
          ])
        ))
    }
    guard !request.parameters.isEmpty else { return .record(members) }
    if request.flag("metrics") || request.flag("instrument") {
      members.append(("metrics", timers.value))
    }
    if request.flag("provenance") {
      members.append(("provenance", .record([("version", .string(version)), revisions(store)])))
    }
    return .record(members)
  }

  private func revisions(_ store: PolicyStore) -> (String, Value) {
    let bundles = store.bundles.map { ($0.key, $0.value.revision) }
    return (
      "bundles", .record(bundles.map { ($0, .record([("revision", .string($1))])) })
    )
  }

  private func bare(_ value: Value?, _ path: [String], _ request: PolicyRequest) -> PolicyAnswer {
    if let value { return .json(value, pretty: request.flag("pretty")) }
    return PolicyRefusal(
      status: 404, code: "undefined_document",
      message: "document missing or undefined: data." + path.joined(separator: ".")
    ).answer
  }
}
