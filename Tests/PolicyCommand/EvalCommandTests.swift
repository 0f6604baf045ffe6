import PolicyEngine
import Testing

@Suite struct `strongroom policy eval` {
  static let files = [
    "authz/policy.rego": """
    package authz

    default allow := false

    allow if data.roles[input.user] == "admin"

    greeting := concat(" ", ["hello", input.user])
    """,
    "authz/roles.json": #"{"roles": {"ada": "admin"}}"#,
    "input.json": #"{"user": "ada"}"#,
  ]

  @Test func `gives what opa gives, as JSON`() throws {
    try withWorkbench(Self.files) { bench in
      let outcome = try bench.policy(
        "eval", "-d", "authz/policy.rego", "-d", "authz/roles.json", "-i", "input.json",
        "data.authz.allow; x := 1 + 1")
      #expect(outcome.code == 0, "\(outcome.errors)")
      let wanted = """
        {"result": [{"bindings": {"x": 2}, "expressions": [
          {"value": true, "text": "data.authz.allow", "location": {"row": 1, "col": 1}},
          {"value": true, "text": "x := 1 + 1", "location": {"row": 1, "col": 19}}]}]}
        """
      let value = try Value.parse(json: wanted.utf8)
      #expect(outcome.json == value)
    }
  }

  @Test(
    arguments: [
      ("raw", "data.authz.greeting", "hello ada\n"), ("raw", "1; \"a\"", "1 a\n"),
      ("values", "data.authz.greeting", "[\n  \"hello ada\"\n]\n"),
      ("bindings", "x := 1", "[\n  {\n    \"x\": 1\n  }\n]\n"),
      ("pretty", "data.authz.greeting", "\"hello ada\"\n"),
      ("pretty", "data.authz.nothing", "undefined\n"),
      ("json", "data.authz.nothing", "{}\n"),
      ("raw", "false", "false\n"),
      (
        "pretty", "x := 1; y := \"b\"",
        "+---+-----+\n| x | y   |\n+---+-----+\n| 1 | \"b\" |\n+---+-----+\n"
      ),
    ])
  func `shows a result in each format`(_ format: String, _ query: String, _ wanted: String) throws {
    try withWorkbench(Self.files) { bench in
      let outcome = try bench.policy(
        "eval", "-f", format, "-d", "authz/policy.rego", "-I", query, input: #"{"user": "ada"}"#)
      #expect(outcome.output == wanted)
      #expect(outcome.code == 0)
    }
  }

  @Test func `finds data in a folder under the folder's name`() throws {
    try withWorkbench(Self.files) { bench in
      let query = "data.authz.roles.ada"
      let outcome = try bench.policy("eval", "-f", "raw", "-d", ".", query)
      #expect(outcome.output == "admin\n")
    }
  }

  @Test(
    arguments: [
      (["--fail", "data.nothing"], 1), (["--fail", "1"], 0), (["--fail-defined", "1"], 1),
      (["--fail-defined", "data.nothing"], 0), (["1 +"], 2), (["nope(1)"], 2),
      (["--fail", "true; false"], 1), (["--fail", "false; true"], 1), (["--fail", "true; 1"], 0),
      (["--fail", "true; data.nothing"], 1), (["--fail", "some x in [false, 1]; x"], 0),
      (["-d", "missing.rego", "1"], 2), (["to_number(\"x\")"], 0),
      (["--strict-builtin-errors", "to_number(\"x\")"], 2), (["http.send({})"], 2),
      (["-f", "yaml", "1"], 64),
    ] as [([String], Int32)])
  func `ends with the codes of opa`(_ words: [String], _ code: Int32) throws {
    try withWorkbench { bench in
      let all = ["\(Workbench.checkout)/.build/debug/strongroom", "policy", "eval"] + words
      let outcome = try bench.run(all)
      #expect(outcome.code == code, "\(outcome)")
    }
  }

  @Test func `refuses a rule and data that have one place, and names both`() throws {
    try withWorkbench([
      "p.rego": "package p\n\nr := 1\n", "d.json": #"{"p": {"r": 2}}"#,
      "e.json": #"{"p": {"r": 3}}"#,
    ]) { bench in
      for words in [
        ["eval", "-d", "p.rego", "-d", "d.json", "data.p"], ["test", "p.rego", "d.json"],
      ] {
        let all = ["\(Workbench.checkout)/.build/debug/strongroom", "policy"] + words
        let outcome = try bench.run(all)
        #expect(outcome.code != 0, "\(outcome)")
        let said = outcome.output + outcome.errors
        #expect(said.contains("conflicting rule for data path p.r found"), "\(said)")
        #expect(said.contains("p.rego") && said.contains("d.json"), "\(said)")
      }
      let outcome = try bench.policy("eval", "-d", "d.json", "-d", "e.json", "data.p")
      #expect(outcome.code == 2)
      #expect(outcome.errors.contains("e.json: contradicts other data, such as d.json"))
    }
  }

  @Test func `reads the YAML data of a bundle's folder`() throws {
    try withWorkbench(["b/roles/data.yaml": "ada: admin\n"]) { bench in
      let outcome = try bench.policy("eval", "-f", "raw", "-b", "b", "data.roles.ada")
      #expect(outcome.output == "admin\n", "\(outcome)")
    }
  }

  @Test func `ends a query that runs away`() throws {
    try withWorkbench { bench in
      let outcome = try bench.policy(
        "eval", "-f", "pretty",
        "count([1 | numbers.range(1, 4000)[_] = x; numbers.range(1, 4000)[_] = y; x + y == 0])")
      #expect(outcome.code == 2)
      #expect(outcome.errors.contains("eval_budget_error"))
    }
  }
}

@Suite struct `strongroom policy bench` {
  @Test func `says how long a query takes`() throws {
    try withWorkbench(`strongroom policy eval`.files) { bench in
      let outcome = try bench.policy(
        "bench", "-f", "json", "-d", "authz/policy.rego", "-i", "input.json", "data.authz.allow")
      guard case .object(let figures)? = outcome.json, case .number(let each)? = figures["ns/op"],
        case .number(let samples)? = figures["samples"]
      else {
        Issue.record("\(outcome.output) \(outcome.errors)")
        return
      }
      #expect(each.double > 0 && samples.double > 10)
      #expect(try bench.policy("bench", "data.nothing").code == 1)
    }
  }
}
