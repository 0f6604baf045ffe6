import PolicyEngine
import Testing

/// Policies of rules that lean on each other, on data and on the input, in ways that are drawn.
@Suite struct `A policy that was prepared for its data` {
  private static func rule(_ number: Int, _ draws: inout Draws) -> String {
    func earlier() -> String { "r\(Int.random(in: 0..<max(number, 1), using: &draws))" }
    let head = "r\(number)"
    guard number > 0 else { return "r0 := data.n" }
    switch Int.random(in: 0..<13, using: &draws) {
    case 0: return "\(head) := \(earlier())"
    case 1: return "\(head) := [\(earlier()), data.list[_]][0]"
    case 2: return "\(head) contains x if some x in data.list"
    case 3: return "\(head)[k] := v if some k, v in data.map"
    case 4: return "\(head) := input.a if \(earlier())"
    case 5: return "default \(head) := \"none\"\n\(head) := \(earlier()) if data.list[_] == input.a"
    case 6: return "\(head) := f(\(earlier()))"
    case 7: return "\(head) := x if x := \(earlier()) with input as {\"a\": 1}"
    case 8: return "\(head) := x if x := \(earlier()) with data.n as 9 with data.list as [input.a]"
    case 9:
      return "\(head) := x if x := count(data.list) + to_number(\"\(number)\") with count as 3"
    case 10: return "\(head) := 1 / (data.n - 7)"
    case 11: return "\(head) := x if { x := data.list[_]; x > 1 }"
    default: return "\(head) := [x | some x in data.list; x != \(earlier())]"
    }
  }

  @Test func `decides as it does without`() throws {
    let seed: UInt64 = 77_013
    print("prepared policies: seed \(seed)")
    var draws = Draws(state: seed)
    let data = try Value.parse(
      json: #"{"n": 7, "list": [1, 2, 3], "map": {"x": 1, "y": [2]}}"#.utf8)
    var kept = 0
    for _ in 0..<400 {
      let rules = (0..<Int.random(in: 2...10, using: &draws)).map { Self.rule($0, &draws) }
      let source =
        "package p\n" + rules.joined(separator: "\n")
        + "\nf(x) := [x, data.n]\nf(7) := 1 if input.b\n"
      let policy = try CompiledPolicy.compile([("p.rego", source)])
      let prepared = policy.prepared(data: data)
      kept += prepared.fixedCount
      for text in [#"{"a": 2}"#, #"{"a": "x", "b": true}"#] {
        for isStrict in [false, true] {
          let input = EvaluationInput(
            input: try Value.parse(json: text.utf8), data: data, isStrict: isStrict)
          for name in ["data.p"] + rules.indices.map({ "data.p.r\($0)" }) {
            for query in [
              "\(name) = x", "\(name) = x with input.a as 3", "\(name) = x with data.n as 7",
            ] {
              let compiled = try CompiledQuery(query, policy: policy)
              #expect(
                Self.outcome { try policy.evaluate(compiled, input) }
                  == Self.outcome { try prepared.evaluate(compiled, input) },
                "seed \(seed): \(query) of \(source)")
            }
          }
        }
      }
    }
    #expect(kept > 500)
  }

  /// Of two rules that fail, another may fail first.
  private static func outcome(_ run: () throws -> EvaluationResult) -> [[String: Value]]? {
    try? run().bindings
  }

  @Test func `does not ask again what only data decide`() throws {
    let source = """
      package p
      pairs := [1 | some x in data.list; some y in data.list; x < y]
      allow if count(pairs) > input.least
      """
    let policy = try CompiledPolicy.compile([("p.rego", source)])
    let data = Value.object(
      ObjectValue([(.string("list"), .array((0..<50).map(Value.integer)))]))
    let prepared = policy.prepared(data: data)
    #expect(prepared.fixedCount == 1)
    let query = try CompiledQuery("data.p.allow = x", policy: policy)
    let input = EvaluationInput(
      input: try Value.parse(json: #"{"least": 3}"#.utf8), data: data,
      budget: EvaluationBudget(stepsMax: 20))
    #expect(throws: PolicyError.self) { try policy.evaluate(query, input) }
    #expect(try prepared.evaluate(query, input).bindings == [["x": .bool(true)]])
  }
}
