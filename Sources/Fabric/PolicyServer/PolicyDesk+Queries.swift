import PolicyEngine

extension PolicyDesk {
  /// `/v1/query`: all that fulfils a query.
  /// - Throws: `PolicyRefusal`, or `TooLong`.
  func query(
    _ request: PolicyRequest, _ body: Value?, _ store: PolicyStore, _ moment: DecisionMoment,
    start: Int64
  ) throws -> Reply {
    var text = request.parameter("q")
    var input: Value?
    if request.method == "POST" {
      guard case .object(let members)? = body, case .string(let query)? = members["query"] else {
        throw PolicyRefusal.invalid("missing required 'query' value")
      }
      text = query
      input = members["input"]
    }
    guard let text, !text.isEmpty else { throw PolicyRefusal.invalid("missing parameter 'q'") }
    var event = DecisionEvent(
      id: moment.decisionID, subject: .query(text), input: input, requestedBy: request.caller,
      at: moment.at, bundles: store.bundles.mapValues(\.revision))
    do {
      let compiled: CompiledQuery
      do {
        compiled = try CompiledQuery(text, policy: store.compiled)
      } catch {
        throw PolicyRefusal.query(error)
      }
      let evaluating = moment.ticks()
      let found = try evaluate(QueryCache.Entry(compiled), input, store, moment)
      let end = moment.ticks()
      let rows = Value.array(found.bindings.map { .record($0.map { ($0.key, $0.value) }) })
      if moment.isQuick, !rows.has(atMost: store.limits.quickValuesMax) { throw TooLong() }
      let timers = DecisionTimers(
        parsing: evaluating - start, evaluating: end - evaluating, handling: end - start,
        isCached: false)
      event.timers = timers
      var members: [(String, Value)] = []
      if !found.bindings.isEmpty {
        members.append(("result", rows))
        event.result = rows
      }
      if request.flag("metrics") || request.flag("instrument") {
        members.append(("metrics", timers.value))
      }
      return .answered(.json(.record(members), pretty: request.flag("pretty")), event)
    } catch let refusal as PolicyRefusal {
      event.error = refusal
      return .answered(refusal.answer, event)
    }
  }
}
