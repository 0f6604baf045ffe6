import Foundation
import PolicyEngine
import Testing

@Suite struct `strongroom policy test` {
  static let good = """
    package p

    x if input.a == 1

    test_one if x with input as {"a": 1}

    test_two if {
    	print("looks at", 2)
    	not x with input as {"a": 2}
    }
    """

  @Test func `counts what passes, and shows each with -v`() throws {
    try withWorkbench(["p.rego": Self.good]) { bench in
      let outcome = try bench.policy("test", ".")
      #expect(outcome.output == "PASS: 2/2\n")
      #expect(outcome.code == 0)
      let lines = try bench.policy("test", "-v", ".").output.split(separator: "\n")
      #expect(lines.first == "./p.rego:")
      #expect(lines.contains { $0.hasPrefix("data.p.test_one: PASS (") })
      #expect(lines.contains { $0.contains("looks at 2") })
      #expect(lines.last == "PASS: 2/2")
      #expect(try bench.policy("test", "-r", "two$", ".").output == "PASS: 1/1\n")
    }
  }

  @Test(
    arguments: [
      ("test_no if false", [], 2, "FAIL: 1/1"), ("test_no if input.x", [], 2, "FAIL: 1/1"),
      ("todo_test_no if false", [], 2, "SKIPPED: 1/1"),
      ("todo_test_no if false", ["-z"], 0, "SKIPPED: 1/1"),
      ("test_no := 1 / input.zero", [], 2, "FAIL: 1/1"),
      ("x := 1\nx := 2\ntest_no if x", [], 2, "ERROR: 1/1"), ("test_no if", [], 1, ""),
      ("test_no if true", ["-r", "("], 1, ""),
    ] as [(String, [String], Int32, String)])
  func `ends with the codes of opa`(
    _ source: String, _ words: [String], _ code: Int32, _ part: String
  ) throws {
    try withWorkbench(["p.rego": "package p\n\n" + source]) { bench in
      let all = ["\(Workbench.checkout)/.build/debug/strongroom", "policy", "test"] + words + ["."]
      let outcome = try bench.run(all)
      #expect(outcome.code == code, "\(outcome)")
      #expect(part.isEmpty || outcome.output.contains(part), "\(outcome)")
    }
  }

  @Test func `says which lines are not covered, and holds them against a threshold`() throws {
    try withWorkbench(["p.rego": Self.good + "\n\ny if input.b == 2\n"]) { bench in
      let outcome = try bench.policy("test", "--coverage", ".")
      guard case .object(let report)? = outcome.json, case .object(let files)? = report["files"],
        case .object(let file)? = files["./p.rego"]
      else {
        Issue.record("\(outcome)")
        return
      }
      #expect(outcome.code == 0)
      #expect(
        file["not_covered"]?.jsonText == #"[{"end":{"row":12},"start":{"row":12}}]"#)
      #expect(report["coverage"]?.jsonText == "83.33")
      #expect(try bench.policy("test", "--coverage", "--threshold", "83", ".").code == 0)
      let short = try bench.policy("test", "--coverage", "--threshold", "84", ".")
      #expect(short.code == 2)
      #expect(short.errors.contains("got 83.33 instead of 84.00"))
    }
  }

  @Test func `counts the cases of a test with parameters`() throws {
    let source = """
      package p

      test_sum[name] if {
      \tsome name, c in {"right": [1, 2, 3], "wrong": [1, 1, 3]}
      \tc[0] + c[1] == c[2]
      }

      test_one if true
      """
    try withWorkbench(["p.rego": source]) { bench in
      let outcome = try bench.policy("test", ".")
      #expect(outcome.code == 2)
      #expect(outcome.output.contains("data.p.test_sum: FAIL"), "\(outcome)")
      #expect(outcome.output.contains("  wrong: FAIL\n"), "\(outcome)")
      #expect(outcome.output.hasSuffix("PASS: 2/3\nFAIL: 1/3\n"), "\(outcome)")
      let json = try bench.policy("test", "-f", "json", ".").output
      #expect(json.contains("sub_results"))
    }
  }

  @Test func `reports as JSON`() throws {
    try withWorkbench(["p.rego": "package p\n\ntest_a if true\n\ntest_b if false\n"]) { bench in
      guard case .array(let tests)? = try bench.policy("test", "-f", "json", ".").json,
        tests.count == 2, case .object(let first) = tests[0], case .object(let second) = tests[1]
      else {
        Issue.record("no list of two")
        return
      }
      #expect(first["fail"] == nil && second["fail"] == .bool(true))
      #expect(second["name"] == .string("test_b") && second["package"] == .string("data.p"))
      #expect(second["location"]?.jsonText == #"{"col":1,"file":"./p.rego","row":5}"#)
    }
  }
}

@Suite struct `strongroom policy check` {
  @Test func `names each error with its place and its line`() throws {
    try withWorkbench([
      "a.rego": "package p\n\nx if { y == 1 }\n", "b.rego": "package p\n\nz := nope(1)\n",
    ]) { bench in
      let outcome = try bench.policy("check", ".")
      #expect(outcome.code == 1)
      #expect(
        outcome.errors == """
          2 errors occurred:
          ./a.rego:3:8: rego_unsafe_var_error: var y is unsafe
          \tx if { y == 1 }
          \t       ^
          ./b.rego:3:6: rego_type_error: undefined function nope
          \tz := nope(1)
          \t     ^

          """)
      guard case .object(let report)? = try bench.policy("check", "-f", "json", ".").json,
        case .array(let errors)? = report["errors"]
      else {
        Issue.record("no errors")
        return
      }
      let wanted =
        #"{"code":"rego_unsafe_var_error","location":{"col":8,"file":"./a.rego","row":3},"#
        + #""message":"var y is unsafe"}"#
      #expect(errors.first?.jsonText == wanted)
    }
  }

  @Test func `warns of a negation that does not hold where something in it is undefined`() throws {
    let source = """
      package p

      allow if not blocked(input.user.id)

      known if {
      \tinput.user.id
      \tnot blocked(input.user.id)
      }

      plain if not input.user.blocked

      blocked(id) if id in data.blocked
      """
    try withWorkbench(["a.rego": source]) { bench in
      let outcome = try bench.policy("check", ".")
      #expect(outcome.code == 0)
      let wanted =
        "a.rego:3:10: rego_negation_warning: undefined, and not true, where input.user.id"
      #expect(outcome.errors.contains(wanted), "\(outcome)")
      #expect(outcome.errors.split(separator: "rego_negation_warning").count == 2, "\(outcome)")
      guard case .object(let report)? = try bench.policy("check", "-f", "json", ".").json,
        case .array(let warnings)? = report["warnings"]
      else {
        Issue.record("no warnings")
        return
      }
      #expect(warnings.count == 1)
    }
  }

  @Test func `finds nothing of the kind in our own policies`() throws {
    try withWorkbench { bench in
      let outcome = try bench.policy("check", "--strict", "\(Workbench.checkout)/Policies")
      #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
    }
  }

  @Test func `refuses unused names only when it is strict`() throws {
    try withWorkbench(["a.rego": "package p\n\nx if { y := 1 }\n"]) { bench in
      #expect(try bench.policy("check", ".").code == 0)
      let outcome = try bench.policy("check", "--strict", ".")
      #expect(outcome.code == 1)
      #expect(outcome.errors.contains("assigned var y unused"))
      #expect(try bench.policy("check", "nowhere").code == 1)
      #expect(try bench.policy("check").code == 64)
    }
  }
}

@Suite struct `strongroom policy fmt` {
  private static let messy = "package p\nx=1"
  private static let neat = "package p\n\nx := 1\n"

  @Test func `prints, lists, shows and writes`() throws {
    try withWorkbench(["a.rego": Self.messy, "b.rego": Self.neat]) { bench in
      #expect(try bench.policy("fmt", "a.rego").output == Self.neat)
      #expect(try bench.policy("fmt", input: Self.messy).output == Self.neat)
      #expect(try bench.policy("fmt", "-l", ".").output == "./a.rego\n")
      let difference = try bench.policy("fmt", "-d", ".").output
      #expect(difference.contains("\n-x=1\n+\n+x := 1\n"), "\(difference)")
      #expect(try bench.policy("fmt", "-l", "--fail", ".").code == 1)
      #expect(try bench.read("a.rego") == Self.messy)
      #expect(try bench.policy("fmt", "-w", ".").output == "")
      #expect(try bench.read("a.rego") == Self.neat)
      #expect(try bench.policy("fmt", "-l", "--fail", ".").code == 0)
    }
  }

  @Test func `leaves alone what it cannot read`() throws {
    try withWorkbench(["a.rego": "package p\nx := [1"]) { bench in
      let outcome = try bench.policy("fmt", "-w", ".")
      #expect(outcome.code == 1)
      #expect(outcome.errors.contains("./a.rego:2:8: rego_parse_error"))
      #expect(try bench.read("a.rego") == "package p\nx := [1")
    }
  }
}
