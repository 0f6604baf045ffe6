import PolicyEngine
import PolicyServer
import Testing

@Suite struct `The policies of a policy server` {
  @Test func `are put, listed, read and deleted`() async throws {
    try await Stand.with { stand in
      let source = "package a.b\n\nallow := true\n"
      let put = try await stand.ask("PUT", "/v1/policies/dir/one.rego", source)
      #expect(put.status == 200)
      #expect(put.json == .object(.empty))
      #expect(try await stand.ask("GET", "/v1/data/a/b/allow")["result"] == .bool(true))
      let one = try await stand.ask("GET", "/v1/policies/dir/one.rego")
      guard case .object(let members)? = one["result"] else {
        Issue.record("\(one.body)")
        return
      }
      #expect(members["id"] == .string("dir/one.rego"))
      #expect(members["raw"] == .string(source))
      let tree = try CompiledPolicy.compile([]).evaluate(
        "tree = rego.parse_module(\"\", `\(source)`)", EvaluationInput())
      #expect(members["ast"] == tree.bindings.first?["tree"])
      #expect(one.body.contains(#""rules":[{"body":[{"#))
      guard case .array(let all)? = try await stand.ask("GET", "/v1/policies")["result"] else {
        Issue.record("no list")
        return
      }
      #expect(all == [.object(members)])
      #expect(try await stand.ask("DELETE", "/v1/policies/dir/one.rego").status == 200)
      for method in ["GET", "DELETE"] {
        let missing = try await stand.ask(method, "/v1/policies/dir/one.rego")
        #expect(missing.status == 404)
        #expect(
          try missing.json
            == json(
              #"{"code":"resource_not_found","message":"storage_not_found_error: policy id \"dir/one.rego\""}"#
            ))
      }
    }
  }

  @Test(
    arguments: [
      ("package x\n\np if {", "rego_parse_error"), ("nothing", "rego_parse_error"),
      ("package x\n\np if q", "rego_unsafe_var_error"),
      ("package x\n\np if p", "rego_recursion_error"),
      ("package x\n\np := nope(1)", "rego_type_error"),
      ("package taken\n\nroot := 1", "rego_compile_error"),
    ])
  func `are refused with what is wrong in them`(_ source: String, _ code: String) async throws {
    try await Stand.with(data: #"{"taken":{"root":1}}"#) { stand in
      #expect(try await stand.ask("PUT", "/v1/policies/x", "package x\n\np := 1").status == 200)
      let answer = try await stand.ask("PUT", "/v1/policies/x", source)
      #expect(answer.status == 400, "\(answer.body)")
      #expect(answer["code"] == .string("invalid_parameter"))
      #expect(answer["message"] == .string("error(s) occurred while compiling module(s)"))
      guard case .array(let errors)? = answer["errors"], case .object(let error)? = errors.first
      else {
        Issue.record("\(answer.body)")
        return
      }
      #expect(error["code"] == .string(code))
      if code != "rego_compile_error" {
        guard case .object(let location)? = error["location"] else {
          Issue.record("no location: \(answer.body)")
          return
        }
        #expect(location["file"] == .string("x") && location["row"] != nil)
      }
      // What was there before goes on.
      #expect(try await stand.ask("GET", "/v1/data/x/p")["result"] == json("1"))
    }
  }

  @Test func `stay while another needs them`() async throws {
    let modules = [
      "a": "package a\n\nf(x) := x + 1\n", "b": "package b\n\np := data.a.f(1)\n",
    ]
    try await Stand.with(modules) { stand in
      let answer = try await stand.ask("DELETE", "/v1/policies/a")
      #expect(answer.status == 400)
      #expect(answer["code"] == .string("invalid_operation"))
      #expect(try await stand.ask("GET", "/v1/data/b/p")["result"] == json("2"))
    }
  }

  @Test func `have a largest size and a largest number`() async throws {
    var limits = PolicyServerLimits()
    limits.policyBytesMax = 100
    limits.policiesMax = 2
    try await Stand.with(limits: limits) { stand in
      func put(_ id: String, _ source: String, gives status: Int) async throws {
        let answer = try await stand.ask("PUT", "/v1/policies/\(id)", source)
        #expect(answer.status == status)
      }
      let padding = String(repeating: "#", count: 90)
      try await put("a", "package a\n" + padding, gives: 200)
      try await put("b", "package b\n" + padding + "#", gives: 413)
      try await put("b", "package b", gives: 200)
      try await put("c", "package c", gives: 413)
      try await put("b", "package b # changed", gives: 200)
    }
  }
}

@Suite struct `A query to a policy server` {
  @Test(
    arguments: [
      ("x := data.a[_]", #"{"result":[{"x":1},{"x":2}]}"#), ("data.a[0] == 1", #"{"result":[{}]}"#),
      ("data.a[0] == 3", "{}"), ("input.n == 5; y := 1", #"{"result":[{"y":1}]}"#),
    ])
  func `finds all that fulfils it`(_ query: String, _ wanted: String) async throws {
    try await Stand.with(data: #"{"a":[1,2]}"#) { stand in
      let body = Value.object(
        ObjectValue([
          (.string("query"), .string(query)), (.string("input"), try json(#"{"n":5}"#)),
        ]))
      let answer = try await stand.ask("POST", "/v1/query", body.jsonText)
      #expect(answer.status == 200)
      #expect(try answer.json == json(wanted))
    }
  }

  @Test func `comes by GET as well`() async throws {
    try await Stand.with { stand in
      let answer = try await stand.ask("GET", "/v1/query?q=x%20:=%201%20%2B%201&metrics")
      #expect(try answer["result"] == json(#"[{"x":2}]"#))
      #expect(answer["metrics"] != nil)
    }
  }

  @Test(
    arguments: [
      ("GET", "/v1/query", "", "missing parameter 'q'"),
      ("POST", "/v1/query", "{}", "missing required 'query' value"),
      ("POST", "/v1/query", #"{"query":"x :="}"#, "error(s) occurred while parsing query"),
      ("POST", "/v1/query", #"{"query":"x == y"}"#, "error(s) occurred while compiling query"),
    ])
  func `is refused where it is none`(
    _ method: String, _ target: String, _ body: String, _ message: String
  ) async throws {
    try await Stand.with { stand in
      let answer = try await stand.ask(method, target, body)
      #expect(answer.status == 400)
      #expect(answer["code"] == .string("invalid_parameter"))
      #expect(answer["message"] == .string(message))
    }
  }
}

@Suite struct `What a policy server tells of itself` {
  @Test func `is its health, settings, status and metrics`() async throws {
    try await Stand.with(["a": "package a\n\np := 1\n"]) { stand in
      for target in ["/health", "/health?bundles&plugins&exclude-plugin=x"] {
        let health = try await stand.ask("GET", target)
        #expect(health.status == 200 && health.json == .object(.empty))
      }
      #expect(try await stand.ask("GET", "/v1/config")["result"] != nil)
      #expect(
        try await stand.ask("GET", "/v1/status")["result"]
          == json(#"{"labels":{"id":"stand"},"bundles":{}}"#))
      _ = try await stand.ask("GET", "/v1/data/a/p")
      _ = try await stand.ask("GET", "/v1/data/a/q")
      let metrics = try await stand.ask("GET", "/metrics")
      #expect(metrics.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      for line in [
        #"strongroom_policy_decisions_total{outcome="defined"} 1"#,
        #"strongroom_policy_decisions_total{outcome="undefined"} 1"#,
        "strongroom_policy_evaluation_seconds_count 2",
        #"http_request_duration_seconds_count{code="200",handler="v1/data",method="get"} 2"#,
      ] {
        #expect(metrics.body.contains(line + "\n"), "\(line)")
      }
    }
  }
}
