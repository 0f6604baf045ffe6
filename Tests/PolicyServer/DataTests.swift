import PolicyEngine
import Testing

@Suite struct `The data of a policy server` {
  static let rego = [
    "authz.rego": """
    package authz

    default allow := false

    allow if input.user == "ada"

    names contains name if some name in data.users

    strict := to_number(input.user)

    p := 1 if true

    p := 2 if input.conflict
    """
  ]

  @Test(
    arguments: [
      (#"{"input":{"user":"ada"}}"#, "true"), (#"{"input":{"user":"bob"}}"#, "false"),
      (#"{"input":null}"#, "false"),
    ])
  func `decides about an input`(_ body: String, _ wanted: String) async throws {
    try await Stand.with(Self.rego) { stand in
      let answer = try await stand.ask("POST", "/v1/data/authz/allow", body)
      #expect(answer.status == 200)
      #expect(answer.fields["content-type"] == "application/json")
      #expect(try answer["result"] == json(wanted))
      #expect(answer["warning"] == nil)
    }
  }

  @Test func `takes the input of a GET from its query, and of YAML from the body`() async throws {
    try await Stand.with(Self.rego) { stand in
      let asked = try await stand.ask(
        "GET", "/v1/data/authz/allow?input=%7B%22user%22%3A%0A%22ada%22%7D")
      #expect(asked["result"] == .bool(true))
      let yaml = try await stand.ask(
        "POST", "/v1/data/authz/allow", "input:\n  user: ada\n",
        headers: [("content-type", "application/yaml")])
      #expect(yaml["result"] == .bool(true))
    }
  }

  @Test(arguments: ["", "{}", "null", #"{"user":"ada"}"#])
  func `warns where the input is missing`(_ body: String) async throws {
    try await Stand.with(Self.rego) { stand in
      let answer = try await stand.ask("POST", "/v1/data/authz/allow", body)
      #expect(answer.status == 200)
      #expect(answer["result"] == .bool(false))
      #expect(
        try answer["warning"]
          == json(
            #"{"code":"api_usage_warning","message":"'input' key missing from the request"}"#))
      let asked = try await stand.ask("GET", "/v1/data/authz/allow")
      #expect(asked["warning"] == nil)
    }
  }

  @Test func `is without a result where it is undefined`() async throws {
    try await Stand.with(Self.rego) { stand in
      let answer = try await stand.ask("POST", "/v1/data/authz/nothing", #"{"input":{}}"#)
      #expect(answer.status == 200)
      #expect(answer["result"] == nil)
      let bare = try await stand.ask("POST", "/v0/data/authz/nothing", "{}")
      #expect(bare.status == 404)
      #expect(bare["code"] == .string("undefined_document"))
    }
  }

  @Test func `answers bare where the body is the input`() async throws {
    let main = ["main.rego": "package system\n\nmain := input.x + 1\n"]
    try await Stand.with(Self.rego.merging(main) { $1 }) { stand in
      let bare = try await stand.ask("POST", "/v0/data/authz/allow", #"{"user":"ada"}"#)
      #expect(bare.body == "true\n")
      let main = try await stand.ask("POST", "/", #"{"x":41}"#)
      #expect(main.body == "42\n")
    }
  }

  @Test func `tells time, version and bundles when asked`() async throws {
    try await Stand.with(Self.rego) { stand in
      let answer = try await stand.ask(
        "POST", "/v1/data/authz/allow?metrics&provenance=true&explain=full&instrument&pretty",
        #"{"input":{"user":"ada"}}"#)
      guard case .object(let metrics)? = answer["metrics"] else {
        Issue.record("no metrics: \(answer.body)")
        return
      }
      #expect(metrics["timer_rego_query_eval_ns"] != nil)
      #expect(metrics["timer_server_handler_ns"] != nil)
      #expect(try answer["provenance"] == json(#"{"version":"1","bundles":{}}"#))
      #expect(answer.body.hasPrefix("{\n  \""))
      let plain = try await stand.ask(
        "GET", "/v1/data/authz/allow?metrics=false&provenance=false&pretty=false")
      #expect(plain["metrics"] == nil && plain["provenance"] == nil)
      #expect(!plain.body.dropLast().contains("\n"))
    }
  }

  @Test func `says what went wrong in an evaluation`() async throws {
    try await Stand.with(Self.rego) { stand in
      let conflict = try await stand.ask("POST", "/v1/data/authz/p", #"{"input":{"conflict":1}}"#)
      #expect(conflict.status == 500)
      #expect(conflict["code"] == .string("internal_error"))
      #expect(conflict["message"] == .string("error(s) occurred while evaluating query"))
      #expect(conflict.body.contains("eval_conflict_error"))
      let body = #"{"input":{"user":"x"}}"#
      let lenient = try await stand.ask("POST", "/v1/data/authz/strict", body)
      #expect(lenient.status == 200 && lenient["result"] == nil)
      let strict = try await stand.ask(
        "POST", "/v1/data/authz/strict?strict-builtin-errors", body)
      #expect(strict.status == 500)
      #expect(strict.body.contains("to_number"))
    }
  }

  @Test(
    arguments: [
      ("POST", "/v1/data/authz/allow", "{\"input\":", 400, "invalid_parameter"),
      ("POST", "/v1/data/authz/allow", "[1]", 400, "invalid_parameter"),
      ("POST", "/v1/data/authz/allow", "{}{}", 400, "invalid_parameter"),
      ("GET", "/v1/data/authz/allow?input=%7B", "", 400, "invalid_parameter"),
      ("GET", "/v1/data/%zz", "", 400, "invalid_parameter"),
      ("GET", "/v1/data/%ff", "", 400, "invalid_parameter"),
      ("PUT", "/v1/data/x", "{", 400, "invalid_parameter"),
      ("PUT", "/v1/data/x", "", 400, "invalid_parameter"),
      ("PUT", "/v1/data", "1", 400, "invalid_parameter"),
      ("PUT", "/v1/data/authz/allow", "1", 400, "invalid_parameter"),
      ("PUT", "/v1/data/authz", "1", 400, "invalid_parameter"),
      ("PUT", "/v1/data/users/0/name/first", "1", 404, "resource_conflict"),
      ("DELETE", "/v1/data/none", "", 404, "resource_not_found"),
      ("DELETE", "/v1/data", "", 400, "invalid_parameter"),
      ("PATCH", "/v1/data/users", "{}", 400, "invalid_parameter"),
      ("PATCH", "/v1/data/users", #"[{"op":"move","path":"/0"}]"#, 400, "invalid_parameter"),
      ("PATCH", "/v1/data/users", #"[{"op":"add","path":"/0"}]"#, 400, "invalid_parameter"),
      (
        "PATCH", "/v1/data/users", #"[{"op":"add","path":"/~2","value":1}]"#, 400,
        "invalid_parameter"
      ),
      ("PATCH", "/v1/data/users", #"[{"op":"remove","path":"/9"}]"#, 404, "resource_not_found"),
      (
        "PATCH", "/v1/data/users", #"[{"op":"add","path":"/9","value":1}]"#, 404,
        "resource_not_found"
      ),
      (
        "PATCH", "/v1/data/none", #"[{"op":"replace","path":"/a","value":1}]"#, 404,
        "resource_not_found"
      ),
      ("POST", "/v1/compile", "{}", 501, "not_implemented"),
      ("POST", "/v1/nothing", "{}", 404, "resource_not_found"),
      ("PUT", "/v0/data/x", "{}", 405, "invalid_operation"),
    ])
  func `stays as it is after what it cannot take`(
    _ method: String, _ target: String, _ body: String, _ status: Int, _ code: String
  ) async throws {
    try await Stand.with(Self.rego, data: #"{"users":["ada"]}"#) { stand in
      let answer = try await stand.ask(method, target, body)
      #expect(answer.status == status, "\(answer.body)")
      #expect(answer["code"] == .string(code))
      let after = try await stand.ask("GET", "/v1/data/users")
      #expect(try after["result"] == json(#"["ada"]"#))
    }
  }

  @Test func `is written, patched and deleted as documents`() async throws {
    try await Stand.with(Self.rego) { stand in
      func expect(_ path: String, is wanted: String) async throws {
        let answer = try await stand.ask("GET", "/v1/data/\(path)")
        #expect(try answer["result"] == json(wanted))
      }
      #expect(try await stand.ask("PUT", "/v1/data/a/b/c", #"{"d":1}"#).status == 204)
      try await expect("a", is: #"{"b":{"c":{"d":1}}}"#)
      let again = try await stand.ask(
        "PUT", "/v1/data/a/b/c", "2", headers: [("If-None-Match", "*")])
      #expect(again.status == 304 && again.body.isEmpty)
      try await expect("a/b/c/d", is: "1")
      #expect(try await stand.ask("PUT", "/v1/data/a/b/c", "[1,2]").status == 204)
      let patch = """
        [{"op":"add","path":"/b/c/-","value":4},{"op":"add","path":"/b/c/2","value":3},
         {"op":"replace","path":"/b/c/0","value":0},{"op":"remove","path":"/b/c/1"},
         {"op":"add","path":"/x~1y~0z","value":{}}]
        """
      #expect(try await stand.ask("PATCH", "/v1/data/a", patch).status == 204)
      try await expect("a", is: #"{"b":{"c":[0,3,4]},"x/y~z":{}}"#)
      try await expect("a/x%2Fy~z", is: "{}")
      try await expect("a/b/c/1", is: "3")
      #expect(try await stand.ask("DELETE", "/v1/data/a/b").status == 204)
      try await expect("a", is: #"{"x/y~z":{}}"#)
    }
  }

  @Test func `takes all of a patch or nothing`() async throws {
    try await Stand.with(data: #"{"a":{"b":1}}"#) { stand in
      let patch = #"[{"op":"replace","path":"/b","value":2},{"op":"remove","path":"/c"}]"#
      let answer = try await stand.ask("PATCH", "/v1/data/a", patch)
      #expect(answer.status == 404)
      #expect(try await stand.ask("GET", "/v1/data/a/b")["result"] == json("1"))
    }
  }

  @Test func `finds a member whose name is a number, and an element`() async throws {
    try await Stand.with(data: #"{"a":{"7":"member"},"b":["element"]}"#) { stand in
      let member = try await stand.ask("GET", "/v1/data/a/7")
      #expect(member["result"] == .string("member"))
      let element = try await stand.ask("GET", "/v1/data/b/0")
      #expect(element["result"] == .string("element"))
    }
  }
}
