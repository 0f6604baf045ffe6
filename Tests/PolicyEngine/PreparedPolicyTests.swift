import PolicyEngine
import Testing

/// Policies of rules that lean on each other, on data and on the input, in ways that are drawn.
@Suite struct `A policy that was prepared for its data` {
  private static func rule(_ number: Int, _ draws: inout Draws) -> String {
    func earlier() -> String { "r\(Int.random(in: 0..<max(number, 1), using: &draws))" }
    let head = "r\(number)"
    guard number > 0 else { return "r0 := data.n" }
    switch Int.random(in: 0..<28, using: &draws) {
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
    case 12: return "\(head) := [x | some x in data.list; x != \(earlier())]"
    case 13: return "\(head) := x if x := data.none[to_number(input.a)]"
    case 14: return "\(head) if not data.none[input.a]"
    case 15: return "\(head) contains x if { some x in data.empty; x > \(earlier()) }"
    case 16: return "\(head) if every x in data.list { x < input.a }"
    case 17: return "\(head) := 1 if { to_number(input.a) > 0; data.none.x }"
    case 18: return "\(head) := 1 if input.b else := 2 if data.n == 8 else := \(earlier())"
    case 19:
      return "\(head) := x if x := {\(earlier()) | input.a == data.list[_]} with input.a as 2"
    case 20: return "\(head) := \(earlier()) if { input.a; not input.c }"
    case 21: return "\(head) := count([1 | \(earlier()); not input.b]) > 0"
    case 22: return "\(head) := data.list[input.d.e] if \(earlier())"
    case 23: return "\(head) contains x if { some x in data.list; x > input.d.e; not input.d.g }"
    case 24: return "\(head) if \(earlier())\n\(head) if { input.d.f; some x in data.list; x > 2 }"
    case 25: return "\(head) if { some x in \(earlier()); not x.y }\n\(head) if input.d.e == 1"
    case 26: return "\(head) := [input.d, input.d.f[0]]"
    default: return "\(head) := data.map[input.c] if not input.a == \(earlier())"
    }
  }

  @Test func `decides as it does without`() throws {
    let seed: UInt64 = 77_013
    print("prepared policies: seed \(seed)")
    var draws = Draws(state: seed)
    let data = try Value.parse(
      json: #"{"n": 7, "list": [1, 2, 3], "map": {"x": 1, "y": [2]}, "none": {}, "empty": []}"#.utf8
    )
    var kept = 0
    for _ in 0..<400 {
      let rules = (0..<Int.random(in: 2...10, using: &draws)).map { Self.rule($0, &draws) }
      let source =
        "package p\n" + rules.joined(separator: "\n")
        + "\nf(x) := [x, data.n]\nf(7) := 1 if input.b\n"
      let policy = try CompiledPolicy.compile([("p.rego", source)], checksTypes: false)
      let prepared = policy.prepared(data: data)
      kept += prepared.fixedCount
      for text in [
        #"{"a": 2}"#, #"{"a": "x", "b": true, "d": {"e": 1}}"#,
        #"{"a": 3, "c": "x", "d": {"e": 0, "f": ["z"]}}"#,
      ] {
        let document = try Value.parse(json: text.utf8)
        let narrowed = try prepared.narrowed(to: Self.part(of: document, &draws))
        for isStrict in [false, true] {
          let input = EvaluationInput(input: document, data: data, isStrict: isStrict)
          for name in ["data.p"] + rules.indices.map({ "data.p.r\($0)" }) {
            for query in [
              "\(name) = x", "\(name) = x with input.a as 3", "\(name) = x with data.n as 7",
            ] {
              let compiled = try CompiledQuery(query, policy: policy)
              let plain = Self.outcome { try policy.evaluate(compiled, input) }
              #expect(
                plain == Self.outcome { try prepared.evaluate(compiled, input) },
                "seed \(seed): \(query) of \(source)")
              #expect(
                plain == Self.outcome { try narrowed.evaluate(compiled, input) },
                "seed \(seed), narrowed for \(text): \(query) of \(source)")
            }
          }
        }
      }
    }
    #expect(kept > 500)
  }

  /// Some of what an input has, and of what it has not.
  private static func part(of input: Value, _ draws: inout Draws) throws -> KnownInput {
    guard case .object(let members) = input else { throw NoObject() }
    let known = members.members.filter { _ in Bool.random(using: &draws) }
    let absent = ["a", "b", "c", "d"].map(Value.string).filter {
      members[$0] == nil && Bool.random(using: &draws)
    }
    let present = members.members.filter { _ in Bool.random(using: &draws) }.map { [$0.key] }
    var values: [[Value]: Value] = [:]
    for member in members.members {
      guard case .object(let inner) = member.value else { continue }
      for one in inner.members where Bool.random(using: &draws) {
        values[[member.key, one.key]] = one.value
      }
    }
    return KnownInput(
      members: ObjectValue(known.map { ($0.key, $0.value) }), absent: Set(absent),
      present: Set(present), values: values)
  }

  private struct NoObject: Error {}

  /// Of two rules that fail, another may fail first.
  private static func outcome(_ run: () throws -> EvaluationResult) -> [[String: Value]]? {
    try? run().bindings
  }

  @Test func `keeps nothing of what a known part of the input decides`() throws {
    let source = """
      package p
      default allow := false
      allow if {
        count(refusals) == 0
        input.level > 1
      }
      refusals contains "unknown" if not is_known
      refusals contains "closed" if data.closed[input.operation]
      refusals contains "role" if { input.purpose; not input.token.roles[input.purpose] }
      is_known if { input.caller; data.callers[input.caller] }
      """
    let data = try Value.parse(json: #"{"closed": {}, "callers": {"gateway": true}}"#.utf8)
    let prepared = try CompiledPolicy.compile([("p.rego", source)]).prepared(data: data)
    let known = KnownInput(
      members: ObjectValue([(.string("caller"), .string("gateway"))]),
      absent: [.string("purpose"), .string("token")])
    let narrowed = prepared.narrowed(to: known)
    #expect(prepared.fixedCount == 0)
    // All but `allow`, which hangs on what is left.
    #expect(narrowed.fixedCount == 2)
    let query = try CompiledQuery("data.p.allow = x", policy: prepared.policy)
    let input = EvaluationInput(
      input: try Value.parse(json: #"{"caller": "gateway", "level": 2}"#.utf8),
      budget: EvaluationBudget(stepsMax: 10))
    #expect(try narrowed.evaluate(query, input).bindings == [["x": .bool(true)]])
  }

  @Test func `keeps nothing of a role that who asks does not change`() throws {
    let source = """
      package p
      default allow := false
      allow if is_permitted
      is_permitted if is_permitted_at_once
      is_permitted if { some grant in grants; input.amount <= grant.most }
      is_permitted_at_once if { some grant in grants; not grant.most }
      grants contains grant if {
        not data.members[input.token.subject]
        some role in data.roles[input.token.kind]
        grant := data.grants[role]
      }
      """
    let data = try Value.parse(
      json:
        #"{"members": {}, "roles": {"a": ["r"], "b": ["s"]}, "grants": {"r": {}, "s": {"most": 1}}}"#
        .utf8)
    let prepared = try CompiledPolicy.compile([("p.rego", source)]).prepared(data: data)
    func narrowed(_ kind: String) -> PreparedPolicy {
      let path = [Value.string("token"), .string("kind")]
      // Who asks is somebody: without a subject the negation would be undefined.
      return prepared.narrowed(
        to: KnownInput(
          members: .empty, present: [[.string("token"), .string("subject")]],
          values: [path: .string(kind)]))
    }
    #expect(narrowed("a").fixedCount == 4)
    // What the amount is remains to be asked.
    #expect(narrowed("b").fixedCount == 2)
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
