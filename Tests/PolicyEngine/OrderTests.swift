import PolicyEngine
import Testing

/// The verdicts are those of Open Policy Agent 1.20.2.
@Suite struct `The order in which variables are found` {
  private static func value(_ body: String) throws -> Value? {
    let source = """
      package p
      g(x) := x
      f(x, y) := [x, y]
      one(x) if x == 1
      \(body)
      """
    let input = """
      {"xs": [1, 2], "ys": [true], "ix": [0, 7], "ixx": [[5, 6], [7, 8]], "m": {"a": 1, "b": 2}}
      """
    let policy = try CompiledPolicy.compile([("p.rego", source)])
    let document = EvaluationInput(input: try Value.parse(json: Array(input.utf8)), isStrict: true)
    return try policy.evaluate("x = data.p.r", document).bindings.first?["x"]?.jsonValue
  }

  @Test(
    arguments: [
      ("r := [input.xs[i] | not input.ys[i]]", "[2]"),
      ("r := {input.xs[i] | not input.ys[i]}", "[2]"),
      ("r := {i: input.xs[i] | not input.ys[i]}", #"{"1":2}"#),
      ("r := [{\"v\": input.xs[i]} | not input.ys[i]]", #"[{"v":2}]"#),
      ("r contains input.xs[i] if not input.ys[i]", "[2]"),
      ("r[input.xs[i]] := 1 if not input.ys[i]", #"{"2":1}"#),
      ("r := input.xs[i] if not input.ys[i]", "2"),
      ("r := 1 if false else := input.xs[i] if not input.ys[i]", "2"),
    ])
  func `takes those of a head from its references`(_ body: String, _ wanted: String) throws {
    #expect(try Self.value(body)?.jsonText == wanted)
  }

  @Test(
    arguments: [
      ("r if { some i; count([1 | input.xs[i]]) == 2 }", "true"),
      ("r := [a, b] if { some i; a := [i | input.xs[i]]; b := [i | input.ys[i]] }", "[[0,1],[0]]"),
      ("r if { some i; every x in input.xs { input.xs[i] == x } }", "true"),
      ("r := x if { some i; x := [[i, j] | some j; input.xs[i]; input.ys[j]] }", "[[0,0],[1,0]]"),
      ("r := x if { some i; x := [k | k := i; i = 2] }", "[2]"),
      ("r if { some i; not count([1 | input.xs[i]]) == 7 }", "true"),
      ("r := x if { some s; x := [s | s = 2] }\ns := 7", "[2]"),
    ])
  func `knows a name of some that only closures use`(_ body: String, _ wanted: String) throws {
    #expect(try Self.value(body)?.jsonText == wanted)
  }

  @Test(
    arguments: [
      ("r if i == input.ix[i]", "true"), ("r := i if { input.ix[i] == i }", "0"),
      ("r if { f(i, input.ix[i]) }", "true"), ("r if { [i, input.ix[i]] == [0, 0] }", "true"),
      ("r if { x := [i, input.ix[i]]; x == [0, 0] }", "true"),
      ("r if { some x in [i, input.ix[i]]; x == 0 }", "true"),
      ("r if { true with input.a as [i, input.ix[i]] }", "true"),
      ("r := i if { g(i) = input.ix[i] }", "0"), ("r := [i | input.ixx[g(i)][i]]", "[0,1]"),
      ("r := x if { [g(x), x] = [2, 2] }", "2"),
      ("r := x if { {\"a\": x, \"b\": g(x)} = {\"a\": 1, \"b\": 1} }", "1"),
      ("r := x if { some [x, $\"{x}\"] in [[1, \"1\"], [2, \"3\"]] }", "1"),
      ("r := x if { [x, input.ix[x]] = [0, 0] }", "0"),
      ("r := i if { not one(g(input.xs[i])) }", "1"),
    ])
  func `asks for nothing before it is found`(_ body: String, _ wanted: String) throws {
    #expect(try Self.value(body)?.jsonText == wanted)
  }

  @Test(
    arguments: [
      "r if { x == 1 }", "r if { x == x }", "r if { g(i)[i] }", "r := x if { x = g(x) }",
      "r := x if { [x, y] = [g(y), g(x)] }", "r if { not one(input.xs[i]) }",
      "r if { some i; [i | true] }", "r if { not input.m[input.xs[_]] }",
      "r := 1\nh($\"a{x}\") := 1", "r := x if { {g(x): x} = {1: 1} }",
    ])
  func `is refused where there is none`(_ body: String) {
    #expect(throws: PolicyErrors.self) { try Self.value(body) }
  }

  @Test(
    arguments: [
      ("h($\"a{1}\") := 1\nr := h(\"a1\")", "1"),
      ("h([$\"a{x}\", x]) := 1\nr := h([\"a1\", 1])", "1"),
      ("h(x, $\"{x}\") := x\nr := h(1, \"1\")", "1"), ("h([1 | true]) := 1\nr := h([1])", "1"),
      ("h($\"{x}\", x) := x\nr := h(\"1\", 1)", "1"),
    ])
  func `lets a parameter be more than names`(_ body: String, _ wanted: String) throws {
    #expect(try Self.value(body)?.jsonText == wanted)
  }

  @Test(
    arguments: [
      ("b() := 5\nr := b", "5"), ("b() if true\nr := data.p.b", "true"),
      ("b() = 5\nr := b + 1", "6"),
      ("default b() := 5\nr := b", "5"), ("b.c() := 5\nr := b.c", "5"),
      ("b() := 5\nb := 5\nr := b", "5"),
    ])
  func `takes a rule with empty brackets for one without arguments`(
    _ body: String, _ wanted: String
  ) throws {
    #expect(try Self.value(body)?.jsonText == wanted)
    #expect(throws: PolicyErrors.self) { try Self.value("b() := 5\nr := b()") }
    #expect(throws: PolicyErrors.self) { try Self.value("b() contains 1\nr := b") }
  }
}
