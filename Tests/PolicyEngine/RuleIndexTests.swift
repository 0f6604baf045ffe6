import PolicyEngine
import Testing

/// Rules that compare the input with constants, and the same rules written so that no index sees it.
@Suite struct `Rules found by index` {
  private static let values = [
    "1", "1.0", "\"a\"", "\"b\"", "null", "[1]", "[1, true]", "{\"0\": 1}", "true",
  ]

  /// A condition on `input.NAME`, plain and with the input in a variable first.
  private static func condition(_ name: String, _ draws: inout Draws) -> (String, String) {
    func value() -> String { values[Int.random(in: 0..<values.count, using: &draws)] }
    let variable = "v\(name)\(Int.random(in: 0..<1_000_000, using: &draws))"
    let text =
      switch Int.random(in: 0..<7, using: &draws) {
      case 0: "INPUT == \(value())"
      case 1: "\(value()) == INPUT"
      case 2: "INPUT in {\(value()), \(value())}"
      case 3: "INPUT = \(value())"
      case 4: "INPUT == [\(value()), input.c]"
      case 5: "[1, _] = INPUT"
      default: "INPUT != \(value())"
      }
    return (
      text.replacing("INPUT", with: "input.\(name)"),
      "\(variable) := input.\(name); " + text.replacing("INPUT", with: variable)
    )
  }

  private static func rules(_ draws: inout Draws) -> (indexed: String, plain: String) {
    var (indexed, plain) = ("package p\n", "package p\n")
    for rule in 0..<Int.random(in: 1...12, using: &draws) {
      var conditions: [(String, String)] = []
      for name in ["a", "b"] where Bool.random(using: &draws) {
        conditions.append(condition(name, &draws))
      }
      let first = conditions.map(\.0).joined(separator: "; ")
      let second = conditions.map(\.1).joined(separator: "; ")
      let otherwise = Bool.random(using: &draws) ? " else := \"\(rule)\" if input.c" : ""
      func lines(_ body: String) -> String {
        let body = body.isEmpty ? "true" : body
        return """
          s contains \(rule) if { \(body) }
          o[\(rule)] := 1 if { \(body) }
          u if { \(body) }
          r\(rule) := "yes" if { \(body) }\(otherwise)
          f(\(rule % 3), x) := x if { \(body) }

          """
      }
      indexed += lines(first)
      plain += lines(second)
    }
    let all = "x := [s, o, object.get({\"u\": 1 | u}, \"u\", 0), [y | y := f(1, input.a)]]\n"
    return (indexed + all, plain + all)
  }

  @Test func `decide as they do when each is tried`() throws {
    let seed: UInt64 = 20_251
    print("rule index: seed \(seed)")
    var draws = Draws(state: seed)
    var decisions = 0
    for _ in 0..<150 {
      let sources = Self.rules(&draws)
      let indexed = try CompiledPolicy.compile([("p.rego", sources.indexed)])
      let plain = try CompiledPolicy.compile([("p.rego", sources.plain)])
      for _ in 0..<8 {
        var members: [(Value, Value)] = []
        for name in ["a", "b", "c"] where Bool.random(using: &draws) {
          let text = Self.values[Int.random(in: 0..<Self.values.count, using: &draws)]
          members.append((.string(name), try Value.parse(json: text.utf8)))
        }
        let input = EvaluationInput(input: .object(ObjectValue(members)))
        for query in ["data.p = r", "data.p.x = r with input.a as \"a\""] {
          let found = try indexed.evaluate(query, input).bindings
          #expect(
            found == (try plain.evaluate(query, input).bindings),
            "seed \(seed): \(sources.indexed) for \(members)")
          decisions += found.count
        }
      }
    }
    #expect(decisions > 1_000)
  }

  @Test func `cost no more steps among thousands than among few`() throws {
    func policy(_ count: Int) throws -> CompiledPolicy {
      let rules: [String] = (0..<count).map {
        "allow if { input.action == \"a\($0)\"; input.level > 1 }"
      }
      return try CompiledPolicy.compile([
        ("p.rego", "package p\n" + rules.joined(separator: "\n"))
      ])
    }
    let input = EvaluationInput(
      input: try Value.parse(json: #"{"action": "a3", "level": 2}"#.utf8),
      budget: EvaluationBudget(stepsMax: 20))
    for count in [10, 3_000] {
      #expect(
        try policy(count).evaluate("data.p.allow = r", input).bindings == [["r": .bool(true)]])
    }
  }
}
