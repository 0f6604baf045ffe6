import PolicyEngine
import Testing

/// `rego.parse_module` gives what `opa parse --format json` writes, without comments.
@Suite struct `A module as a document` {
  private func value(_ source: String, _ path: String) throws -> String? {
    let policy = try CompiledPolicy.compile([])
    let input = EvaluationInput(input: .string(source), isStrict: true)
    return try policy.evaluate(
      "x := rego.parse_module(\"p.rego\", input)\(path)", input
    ).bindings.first?["x"]?.regoText
  }

  @Test(
    arguments: [
      (
        "package a.b", "",
        #"""
        {"package": {"path": [{"type": "var", "value": "data"}, \#
        {"type": "string", "value": "a"}, {"type": "string", "value": "b"}]}}
        """#
      ),
      (
        "package a\nimport data.x as y", ".imports",
        #"""
        [{"alias": "y", "path": {"type": "ref", "value": [{"type": "var", "value": "data"}, \#
        {"type": "string", "value": "x"}]}}]
        """#
      ),
      (
        "package a\np := 1", ".rules",
        #"""
        [{"body": [{"index": 0, "terms": {"type": "boolean", "value": true}}], \#
        "head": {"assign": true, "name": "p", "ref": [{"type": "var", "value": "p"}], \#
        "value": {"type": "number", "value": 1}}}]
        """#
      ),
      (
        "package a\np contains x if {\n\tsome x in input\n\tnot x == null with input as [_]\n}",
        ".rules[0]",
        #"""
        {"body": [{"index": 0, "terms": {"symbols": [{"type": "call", "value": [\#
        {"type": "ref", "value": [{"type": "var", "value": "internal"}, \#
        {"type": "string", "value": "member_2"}]}, {"type": "var", "value": "x"}, \#
        {"type": "var", "value": "input"}]}]}}, \#
        {"index": 1, "negated": true, "terms": [{"type": "ref", "value": [\#
        {"type": "var", "value": "equal"}]}, {"type": "var", "value": "x"}, \#
        {"type": "null", "value": {}}], "with": [{"target": {"type": "var", "value": "input"}, \#
        "value": {"type": "array", "value": [{"type": "var", "value": "$0"}]}}]}], \#
        "head": {"key": {"type": "var", "value": "x"}, "name": "p", \#
        "ref": [{"type": "var", "value": "p"}]}}
        """#
      ),
      (
        "package a\nf(x) := {x: 1} if x else := {y | y := x}", ".rules[0][\"else\"].head.value",
        #"""
        {"type": "setcomprehension", "value": {"body": [{"index": 0, "terms": [\#
        {"type": "ref", "value": [{"type": "var", "value": "assign"}]}, \#
        {"type": "var", "value": "y"}, {"type": "var", "value": "x"}]}], \#
        "term": {"type": "var", "value": "y"}}}
        """#
      ),
      (
        "package a\ndefault p.q := 2", ".rules[0][\"default\"]", "true"
      ),
      (
        "package a\np if every k, v in [1] { k != v }", ".rules[0].body[0].terms.key",
        #"{"type": "var", "value": "k"}"#
      ),
    ])
  func `has the members of OPA's`(_ source: String, _ path: String, _ wanted: String) throws {
    #expect(try value(source, path) == wanted)
  }

  @Test func `is an error where the source is none`() throws {
    let error = #expect(throws: PolicyError.self) { try value("package a\np {", "") }
    #expect(error?.code == "eval_builtin_error")
    #expect(error?.message.contains("p.rego:2: rego_parse_error") == true)
  }
}
