import PolicyEngine
import Testing

private func policy(_ source: String) throws(PolicyErrors) -> CompiledPolicy {
  try CompiledPolicy.compile([("p.rego", source)])
}

private func value(
  _ source: String, _ query: String = "data.p.x", _ input: EvaluationInput = EvaluationInput()
) throws -> Value? {
  try policy("package p\n" + source).evaluate("result = \(query)", input).bindings.first?["result"]
}

private func refusal(_ source: String) -> PolicyError? {
  do {
    _ = try policy(source)
    return nil
  } catch {
    return error.errors.first
  }
}

@Suite struct `A policy that is wrong` {
  @Test(
    arguments: [
      ("x := 1", 1, 1, "rego_parse_error", "expected package"),
      ("package p\nx := ", 2, 6, "rego_parse_error", "expected a term"),
      ("package p\nx := [1, 2", 2, 11, "rego_parse_error", "expected , or ]"),
      ("package p\nx := {\"a\": 1", 2, 13, "rego_parse_error", "expected , or }"),
      ("package p\nx if { y := 1", 2, 14, "rego_parse_error", "expected"),
      ("package p\nx { true }", 2, 3, "rego_parse_error", "`if` keyword is required"),
      ("package p\nx", 2, 2, "rego_parse_error", "expected := or contains or if"),
      ("package p\nx := \"abc", 2, 10, "rego_parse_error", "non-terminated string"),
      ("package p\nx := 01", 2, 8, "rego_parse_error", "leading zero"),
      ("package p\nimport foo.bar", 2, 1, "rego_parse_error", "must begin with one of"),
      ("package p\nx if { y == 1 }", 2, 8, "rego_unsafe_var_error", "var y is unsafe"),
      ("package p\nx if { not input.a[i] }", 2, 8, "rego_unsafe_var_error", "var i is unsafe"),
      ("package p\nf(y) := z", 2, 1, "rego_unsafe_var_error", "var z is unsafe"),
      ("package p\nx := count(1, 2)", 2, 6, "rego_type_error", "arity mismatch"),
      ("package p\nx := nope(1)", 2, 6, "rego_type_error", "undefined function nope"),
      ("package p\nx := http.send({})", 2, 6, "rego_type_error", "http.send is refused"),
      ("package p\nx := y\ny := x", 2, 1, "rego_recursion_error", "is recursive"),
      ("package p\nx := 1\nx contains 2", 3, 1, "rego_type_error", "conflicting rules"),
      ("package p\nx := 1\nx.y := 2", 2, 1, "rego_type_error", "conflicts with"),
      ("package p\ndefault x := 1\ndefault x := 2", 3, 1, "rego_type_error", "multiple default"),
      ("package p\nx if { y := 1; y := 2 }", 2, 16, "rego_compile_error", "var y assigned above"),
      ("package p\nx if { some y; true }", 2, 13, "rego_compile_error", "declared var y unused"),
      ("package p\ninput := 1", 2, 1, "rego_compile_error", "must not shadow input"),
      (
        "package p\nimport data.a\nimport data.b.a", 3, 1, "rego_compile_error",
        "must not shadow import"
      ),
    ] as [(String, Int, Int, String, String)])
  func `is refused with the place and what was expected`(
    _ source: String, _ line: Int, _ column: Int, _ code: String, _ part: String
  ) throws {
    let error = try #require(refusal(source))
    #expect(error.code == code)
    #expect(error.message.contains(part), "\(error)")
    #expect(error.location == Location(file: "p.rego", line: line, column: column))
  }

  @Test func `may name http.send where every use of it is replaced`() throws {
    let source = """
      package p
      x := http.send({}).body
      test_x if x == 7 with http.send as {"body": 7}
      """
    let policy = try CompiledPolicy.compile([("p.rego", source)], outside: .onlyReplaced)
    #expect(
      try policy.evaluate("data.p.test_x = r", EvaluationInput()).bindings == [["r": .bool(true)]])
    #expect(throws: PolicyError.self) {
      try policy.evaluate("data.p.x = r", EvaluationInput())
    }
  }
}

@Suite struct `A decision` {
  @Test(
    arguments: [
      ("x := 0.1 + 0.2", "0.3"), ("x := 9007199254740993 * 3", "27021597764222979"),
      ("x := 9223372036854775807 + 1", "9223372036854775808"), ("x if 1 == 1.0", "true"),
      (
        "x := [1 / 3, 8 / 3, 10 / 6]",
        "[0.33333333333333333334, 2.6666666666666666667, 1.6666666666666666666]"
      ),
      ("x := [1 / 1099511627776, -1 / 3]", "[9.094947017729282379e-13, -0.33333333333333333334]"),
      ("x := 100000000000000000000000000001 / 7", "14285714285714285714000000000"),
      ("x := 1000000007 / 998244353", "1.0017587417296414197"), ("x := 0.3 / 0.1", "3"),
      ("x := \"é\" == \"e\u{301}\"", "false"), ("x := 7 % 3", "1"), ("x := 1e3", "1000"),
      ("x := [y | some y in {3, 1, 2}]", "[1, 2, 3]"), ("x := {1, 2} | {3}", "{1, 2, 3}"),
      ("x := {k: v | some k, v in [\"a\"]}", "{0: \"a\"}"),
      ("x if { some i; [5, 6, 7][i] == 7; i == 2 }", "true"),
      ("x := f(2)\nf(n) := 10 if n == 1\nelse := 20 if n == 2\nelse := 30", "20"),
      ("default x := \"no\"\nx := \"yes\" if input.admin", "\"no\""),
      ("x if every n in [1, 2] { n < 3 }", "true"),
      ("x contains y if some y in [1, 1, 2]", "{1, 2}"),
      ("x[k] := v if some k, v in {\"a\": 1}", "{\"a\": 1}"),
      (
        "x := sprintf(\"%s is %d and %v: %5.2f|%x\", [\"a\", 3, [1], 2.5, 255])",
        "\"a is 3 and [1]:  2.50|ff\""
      ),
      ("x := y if { [y, 2] = [1, 2] }", "1"),
      ("x := regex.replace(\"aXb\", \"X\", \"-\")", "\"a-b\""),
      ("x := count([1 | [_, _] = walk({\"a\": [1, 2]})])", "4"),
      ("x := time.format(0)", "\"1970-01-01T00:00:00Z\""),
      ("x := regex.globs_match(\"a*\", \"b*\")", "false"),
      ("x := regex.globs_match(\"a[b-d]+.\", \"acc*x\")", "true"),
      ("x := input.n + 1 if true", "3"), ("x := $\"{input.n}!\"", "\"2!\""),
    ] as [(String, String)])
  func `is what the policy says`(_ source: String, _ wanted: String) throws {
    let input = EvaluationInput(input: try .parse(json: Array(#"{"n":2}"#.utf8)))
    #expect(try value(source, "data.p.x", input)?.regoText == wanted)
  }

  @Test func `divides integers of any length`() throws {
    let seed = UInt64.random(in: 0...9_999)
    print("division: seed \(seed)")
    var draws = Draws(state: seed)
    func digits() -> String {
      let count = Int.random(in: 1...80, using: &draws)
      // Many nines and zeros: the digits that long division guesses wrong.
      let text = (0..<count).map { _ in "90123456789000999".randomElement(using: &draws) ?? "1" }
      return "1" + String(text)
    }
    for _ in 0..<300 {
      let (left, right) = (digits(), digits())
      let source = """
        x := [((a - a % b) / b) * b + a % b == a, a % b < b, a % b >= 0] if {
        \ta := \(left)
        \tb := \(right)
        }
        """
      #expect(try value(source)?.regoText == "[true, true, true]", "\(left) / \(right)")
    }
  }

  @Test func `is the same for the same seed, and another for another`() throws {
    let source = "x := [rand.intn(\"a\", 1000000000), uuid.rfc4122(\"b\"), time.now_ns()]"
    func run(_ seed: UInt64) throws -> Value? {
      try value(source, "data.p.x", EvaluationInput(nanoseconds: 42, seed: seed))
    }
    #expect(try run(1) == run(1))
    #expect(try run(1) != run(2))
  }

  @Test(
    arguments: [
      "x := count([1 | numbers.range(1, 100000)[_]; numbers.range(1, 100000)[_]])",
      "x := numbers.range(1, 1000000000000)",
      "x := net.cidr_expand(\"10.0.0.0/8\")",
      "x := bits.lsh(1, 1000000000000)",
      "x := sprintf(\"%1000000000d\", [1])",
      "x := regex.match(`(a*)*(a*)*(a*)*$b`, concat(\"\", [\"a\" | numbers.range(1, 10000)[_]]))",
      "a0 := concat(\"\", [\"x\" | numbers.range(1, 1000)[_]])\n"
        + (1...30).map { "a\($0) := concat(a\($0 - 1), [a\($0 - 1), a\($0 - 1)])" }
        .joined(separator: "\n") + "\nx := a30",
      "a0 := 3\n" + (1...40).map { "a\($0) := a\($0 - 1) * a\($0 - 1)" }.joined(separator: "\n")
        + "\nx := a40",
      "a0 := [1]\n"
        + (1...60).map { "a\($0) := array.concat(a\($0 - 1), a\($0 - 1))" }
        .joined(separator: "\n") + "\nx := a60",
      (1...2_000).map { "a\($0) := a\($0 - 1) + 1" }.joined(separator: "\n")
        + "\na0 := 1\nx := a2000",
    ])
  func `ends within its budget, whatever the policy asks for`(_ source: String) throws {
    let budget = EvaluationBudget(stepsMax: 200_000, bytesMax: 16 << 20)
    let clock = ContinuousClock()
    let start = clock.now
    do {
      let found = try value(source, "data.p.x", EvaluationInput(isStrict: true, budget: budget))
      #expect((found?.regoText.utf8.count ?? 0) < 1_000_000)
    } catch let error as PolicyError {
      #expect(["eval_budget_error", "eval_builtin_error"].contains(error.code), "\(error)")
    }
    #expect(clock.now - start < .seconds(10))
  }

  @Test func `sees documents that with replaces, and only there`() throws {
    let source = """
      r := data.base.n + input.k
      x := [a, b] if {
        a := r with data.base.n as 10 with input.k as 5
        b := r
      }
      """
    let input = EvaluationInput(
      input: try .parse(json: Array(#"{"k":1}"#.utf8)),
      data: try .parse(json: Array(#"{"base":{"n":2}}"#.utf8)))
    #expect(try value(source, "data.p.x", input)?.regoText == "[15, 3]")
  }
}
