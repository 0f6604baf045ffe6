import Foundation
import PolicyEngine
import Testing

private func errors(_ source: String) -> [PolicyError] {
  do {
    _ = try CompiledPolicy.compile([("p.rego", "package p\n" + source)])
    return []
  } catch {
    return error.errors
  }
}

@Suite struct `What can never hold for its types` {
  @Test(
    arguments: [
      // Builtins.
      ("x := upper(1)", "upper: invalid argument(s)\n\thave: (number)\n\twant: (string)"),
      (
        "x := \"a\" - 0",
        "minus: invalid argument(s)\n\thave: (string, number)\n\twant: (any<number, set[any]>, "
          + "any<number, set[any]>)"
      ),
      ("x if count(input.a) > 0; y := count(5)", "count: invalid argument(s)"),
      ("x := concat(\",\", [1])", "have: (string, array<number>)"),
      ("x := sum({\"a\"})", "have: (set[string])"),
      ("x if { a := input.a; b := a + 1; startswith(b, \"1\") }", "startswith: invalid"),
      ("x if { a := numbers.range(1, 9)[_]; lower(a) == \"1\" }", "have: (number)"),
      // A line for itself, a result that is named, negation, comprehension, every.
      ("x if upper(1, \"1\")", "upper: invalid"), ("x if not lower(true)", "lower: invalid"),
      ("x := [y | y := upper(1)]", "upper: invalid"),
      ("x if every y in [1] { upper(1) == y }", "upper: invalid"),
      ("x := $\"{upper(1)}\"", "upper: invalid"),
      ("x if input.a == 1 with input.a as upper(1)", "upper: invalid"),
      // Unification.
      ("x if { y := 1; y = \"a\" }", "match error\n\tleft : number\n\tright: string"),
      ("x if { [y, 1] = [1, \"a\"] }", "match error"),
      ("x if { [y, z] = [1, 2, 3] }", "match error"),
      ("x if { {\"a\": y} = {\"b\": 1} }", "match error"),
      ("x if { some 1 in {\"a\", \"b\"} }", "match error"),
      // `==` as a line of its own is `=`.
      ("x if 1 == \"a\"", "match error"), ("x if not 1 == \"a\"", "match error"),
      ("s contains 1\nx if s == 1", "left : set[number]"),
      ("f(y) := 1 if y == 1\nx := f(\"a\")", "want: (number)"),
      // References.
      ("f(y) := y\nx := f", "function data.p.f used as reference, not called"),
      ("f(y, z) := y\nx if count(input) == 1 with count as f", "want 1 arguments, have 2"),
      ("x if { y := 1; y.a }", "undefined ref: y.a\n\thave: number"),
      (
        "y := {\"a\": 1, \"b\": 2}\nx := y.c",
        "undefined ref: data.p.y.c\n\thave: \"c\"\n\twant: one of \"a\", \"b\""
      ),
      ("y := [1]\nx := y.a", "undefined ref: data.p.y.a\n\thave: \"a\"\n\twant: number"),
      ("y contains 1\nx if y[\"a\"]", "undefined ref"),
      ("y[k] := 1 if some k in [\"a\"]\nx := y[7]", "want: string"),
      ("q.r.s := 1\nx if { i := 1; data.p.q.r[i] }", "want: string"),
      ("x if { some y in 5 }", "undefined ref: 5[_]\n\thave: number"),
      ("x if { y := io.jwt.decode(input.t); y[3] }", "undefined ref: y[3]"),
      // What rules and functions give and take.
      ("y := 1\nx := upper(y)", "upper: invalid"),
      ("f(a) := upper(a)\nx := f(1)", "data.p.f: invalid argument(s)\n\thave: (number)"),
      ("f(a) := a + 1\nx := upper(f(input.n))", "upper: invalid"),
      ("f(\"a\") := 1\nf(\"b\") := 2\nx := f(1)", "want: (string)"),
      ("f([a, b]) := a\nx := f([1, 2, 3])", "want: (array<any, any>)"),
      ("default y := 1\ny := 2 if input.a\nx := y.z", "have: number"),
      ("y := 1 if input.a\nelse := \"b\"\nx if startswith(y[0], \"\")", "any<number, string>"),
    ] as [(String, String)])
  func `is refused while compiling, with what is there and what would be right`(
    _ source: String, _ part: String
  ) throws {
    let found = errors(source)
    let error = try #require(found.first)
    #expect(error.code == "rego_type_error")
    #expect("\(error)".contains(part), "\(error)")
    #expect(found.count == 1, "\(found)")
  }

  @Test(
    arguments: [
      "x := upper(input.a)", "x if input.a == \"a\"", "x := 1 == \"a\"", "x if 1 != \"1\"",
      // What replaces a rule may be anything, and so what hangs on it.
      "r := {\"a\": 1}\nx if r.b with r as {\"b\": 1}\ny if { not r.b with r as 1 }",
      "r := \"a\"\nx if r + 1 == 2 with r as 1\ny if r == 1 with r as 1",
      "r := {\"a\": 1}\ns := r\nf(_) := r\nx if { y := f(1) with r as {\"b\": 1}; y.b }\nz if s.b with r as 1",
      // What a closure finds out holds within it.
      "f(y) := [[1 | startswith(y, \"a\")], [1 | y > 1; abs(y) > 1]]",
      "f(y) if { every a in input.y { upper(y); a }; y + 1 }",
      "f(y) if { $\"{upper(y)}\" == \"A\"; y + 1 }",
      "x if every v in [1] { upper(v) == \"\" }",
      "a(y) if startswith(y, \"a\")\nn(y) if y + 1 > 2\nf(ys) := {y | some y in ys; not a(y); not n(y)}",
      "f(y) if contains(y, y[0])", "f(\"a\")\nf(\"b\")\nx if f(input.y)",
      "x := data.q.r.s[_].t", "x := data.q[input.a]", "x if { some i; data.q.r[i] == 1 }",
      "y := 1 if input.a\ny := \"b\" if input.b\nx if upper(y) == \"B\"",
      "f(a) := upper(a) if is_string(a)\nf(a) := a + 1 if is_number(a)\nx := [f(1), f(\"a\")]",
      "f(a) := a\nx := [f(1), f(\"a\"), upper(f(\"a\"))]",
      "f(1) := \"a\"\nf(\"b\") := 2\nx := [f(1), f(\"b\"), f(input.a)]",
      "f(_) := 1\nx := [f(1), f(null)]", "x if { y := [1, \"a\"]; upper(y[1]) == \"A\" }",
      "x if { some y in [1, \"a\"]; upper(y) == \"A\" }", "x := {\"a\": 1}[input.k]",
      "x if { y := {\"a\": {\"b\": 1}}; some k; y[k].b == 1 }", "x := count([]) + count({})",
      "x := sum([]) + sum(set()) + count(set())",
      "x := json.patch({}, [{\"op\": \"add\", \"path\": \"/a\", \"value\": 1}])",
      "y[0] := [2]\nz := 1\nx := y[z - 1][_]",
      "x[k] := v if some k, v in {\"a\": 1}\nx.b.c := 2\ny := x.b.c\nz := x.q",
      "x := time.clock([1, \"UTC\"])", "x := object.get({\"a\": 1}, [\"a\", \"b\"], {})",
      "x if print(1, input.a)", "x if { walk(input, [p, v]); p[_] == v }",
      "x := json.filter({\"a\": 1}, [\"a\", [\"b\", 0]])", "x := {1, \"a\"} - {1}",
      "x if glob.match(\"*\", null, \"a\")",
      "x := y if { y := [z | some z in input.a][0].b }", "x if every k, v in input.a { k != v }",
      "x if { [a, {\"b\": c}] = [1, {\"b\": \"c\"}]; upper(c) == \"C\"; a + 1 == 2 }",
      "x if { a = b; b = 1; a + 1 == 2 }", "x if { [a, b] = c; c = [1, \"2\"]; upper(b) == \"2\" }",
      "x if { 1 in [1]; \"a\" in {\"a\": \"b\"} }", "x := {\"a\", 1}[\"a\"]",
    ])
  func `is not what merely may hold`(_ source: String) {
    #expect(errors(source) == [])
  }

  @Test func `is refused in a query, too`() throws {
    let policy = try CompiledPolicy.compile([("p.rego", "package p\ny := {\"a\": 1}")])
    let error = #expect(throws: PolicyErrors.self) {
      try CompiledQuery("x := data.p.y.a; z := upper(x)", policy: policy)
    }
    #expect(error?.errors.first?.message == "upper: invalid argument(s)")
    _ = try CompiledQuery("x := data.p.y.a; z := x + 1", policy: policy)
  }

  @Test func `is said once, where it stands`() throws {
    let found = errors("y := upper(1)\nx := y + 1\nz if {\n\ttrue\n\tx == lower(true)\n}")
    #expect(found.map { $0.location?.line } == [2, 6])
    #expect(found.map(\.message) == ["upper: invalid argument(s)", "lower: invalid argument(s)"])
  }

  /// Work that grows with the power of the depth would never end.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "f([a]) := 1\nf([a, b]) := 2\nf([a, b, c]) := 3\nx := "
        + String(repeating: "f([", count: 60) + "1" + String(repeating: "])", count: 60),
      "x := " + String(repeating: "[y | y := ", count: 40) + "1"
        + String(repeating: "]", count: 40),
      "a0 := [1]\n"
        + (1...60).map { "a\($0) := [a\($0 - 1)]\na\($0) := [a\($0 - 1), a\($0 - 1)]" }
        .joined(separator: "\n") + "\nx if a60 == a59; y if { z = a60; z = a59 }",
      "x := [" + (0..<20_000).map { "{\"a\($0)\": \($0)}" }.joined(separator: ",")
        + "]\ny := x[7].b",
    ])
  func `is found in little time, however a policy is nested`(_ source: String) {
    _ = errors(source)
  }
}

@Suite struct `The types of builtins` {
  private static let samples = [
    "null", "true", "0", "1", "1.5", "-1", "\"\"", "\"a\"", "\"1\"", "\"10.0.0.0/8\"", "[1]",
    "[\"a\"]", "[\"a\", 1]", "[1, \"UTC\"]", "[[\"a\"]]", "[{\"a\": 1}]", "{\"a\"}", "{1}", "{{1}}",
    "{\"a\": 1}", "{\"a\": \"b\"}", "{\"a\": [\"b\"]}", "{\"op\": \"add\"}", "{1: 2}",
  ]
  /// What takes more at run time than its types tell, as OPA's does; so do all `is_valid`.
  private static let generous: Set<String> = [
    // Neighbours that are no collections are passed over.
    "graph.reachable", "graph.reachable_paths",
    // The answer says that the argument is no good.
    "json.verify_schema", "json.match_schema",
    // Takes a moment without its zone, [1], for one in UTC.
    "time.clock", "time.date", "time.diff", "time.format", "time.weekday", "time.add_date",
    // What is not looked at may be anything.
    "trace", "strings.render_template", "crypto.x509.parse_and_verify_certificates_with_options",
  ]

  /// Every builtin is asked with whatever arguments; what types refuse must have no value when they
  /// are not looked at.
  @Test func `refuse no call that has a value`() throws {
    let seed = UInt64.random(in: 0...9_999)
    print("builtin types: seed \(seed)")
    var draws = Draws(state: seed)
    var (refused, agreed) = (0, 0)
    for (name, arity) in try Self.arities() {
      for round in 0..<(arity == 1 ? Self.samples.count : arity == 0 ? 1 : 120) {
        let arguments = (0..<arity).map { _ in
          arity == 1 ? Self.samples[round] : Self.samples.randomElement(using: &draws) ?? "1"
        }
        let source = "package p\nx := y if y := \(name)(\(arguments.joined(separator: ", ")))"
        guard (try? CompiledPolicy.compile([("p.rego", source)])) == nil else {
          agreed += 1
          continue
        }
        refused += 1
        let unchecked = try CompiledPolicy.compile([("p.rego", source)], checksTypes: false)
        let result = try? unchecked.evaluate("data.p.x = r", EvaluationInput())
        if Self.generous.contains(name) || name.hasSuffix("is_valid") { continue }
        #expect(result?.bindings.first == nil, "\(source)")
      }
    }
    print("builtin types: \(refused) calls refused, \(agreed) not")
    #expect(refused > 3_000 && agreed > 1_000)
  }

  /// Names and numbers of arguments, from what `policy capabilities` prints.
  private static func arities() throws -> [(String, Int)] {
    let names = try members(PolicyCapabilities.document)["builtins"]
    guard case .array(let builtins)? = names else { return [] }
    return try builtins.compactMap { builtin in
      let builtin = try members(builtin)
      let type = try members(try #require(builtin["decl"]))
      guard case .string(let name)? = builtin["name"], case .array(let arguments)? = type["args"]
      else { return nil }
      return ["assign", "eq"].contains(name) ? nil : (name, arguments.count)
    }
  }

  private static func members(_ value: Value) throws -> ObjectValue {
    guard case .object(let object) = value else { throw Failure() }
    return object
  }
  private struct Failure: Error {}

  @Test func `are there for each, but for print, which takes anything`() throws {
    let document = PolicyCapabilities.document.jsonText
    #expect(
      document.contains(#"{"decl":{"type":"function","variadic":{"type":"any"}},"name":"print"}"#))
    #expect(document.components(separatedBy: "variadic").count == 2)
    #expect(try Self.arities().count > 180)
    let rem = #"{"decl":{"args":[{"type":"number"},{"type":"number"}],"result":{"type":"number"},"#
    #expect(document.contains(rem + #""type":"function"},"infix":"%","name":"rem"}"#))
  }
}
