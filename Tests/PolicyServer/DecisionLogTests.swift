import PolicyEngine
import PolicyServer
import Testing

@Suite struct `The decision log` {
  static let policy = "package authz\n\ndefault allow := false\n\nallow if input.user == \"ada\"\n"

  private func decision(
    _ mask: String, input: String, path: String = "authz/allow"
  ) async throws -> Value? {
    var modules = ["authz.rego": Self.policy, "echo.rego": "package echo\n\nall := input\n"]
    if !mask.isEmpty { modules["mask.rego"] = "package system.log\n\n" + mask }
    var limits = PolicyServerLimits()
    limits.budget = EvaluationBudget(stepsMax: 100_000)
    return try await Stand.with(modules, limits: limits) { stand in
      let answer = try await stand.ask("POST", "/v1/data/\(path)", #"{"input":\#(input)}"#)
      #expect(answer.status == 200)
      let decisions = try stand.decisions()
      #expect(decisions.count <= 1)
      return decisions.first
    }
  }

  private func member(_ value: Value?, _ name: String) -> Value? {
    if case .object(let members)? = value { members[name] } else { nil }
  }

  @Test func `has each decision in OPA's shape`() async throws {
    try await Stand.with(["authz.rego": Self.policy]) { stand in
      let answer = try await stand.ask("POST", "/v1/data/authz/allow", #"{"input":{"user":"ada"}}"#)
      _ = try await stand.ask("POST", "/v1/data/authz/nothing", "{}")
      _ = try await stand.ask("POST", "/v1/query", #"{"query":"x := 1"}"#)
      let decisions = try stand.decisions()
      #expect(decisions.count == 3)
      #expect(member(decisions[0], "decision_id") == answer["decision_id"])
      #expect(member(decisions[0], "path") == .string("authz/allow"))
      #expect(try member(decisions[0], "input") == json(#"{"user":"ada"}"#))
      #expect(member(decisions[0], "result") == .bool(true))
      #expect(try member(decisions[0], "labels") == json(#"{"id":"stand"}"#))
      for name in ["requested_by", "timestamp", "metrics"] {
        #expect(member(decisions[0], name) != nil)
      }
      #expect(member(decisions[1], "result") == nil)
      #expect(member(decisions[2], "query") == .string("x := 1"))
    }
  }

  @Test(
    arguments: [
      // What to leave out, as a set of pointers.
      (
        #"mask contains "/input/card""#, #"{"card":"4111","user":"ada"}"#, #"{"user":"ada"}"#,
        #"["/input/card"]"#, "null"
      ),
      (
        #"mask contains "/input/a/1/card""#, #"{"a":[{"card":1},{"card":2,"x":3}]}"#,
        #"{"a":[{"card":1},{"x":3}]}"#, #"["/input/a/1/card"]"#, "null"
      ),
      (#"mask contains "/input""#, #"{"user":"ada"}"#, "null", #"["/input"]"#, "null"),
      (#"mask contains "/input/none""#, #"{"user":"ada"}"#, #"{"user":"ada"}"#, "null", "null"),
      // What to write instead, and conditions on the event.
      (
        #"mask contains {"op": "upsert", "path": "/input/card", "value": "**"} if input.input.card"#,
        #"{"card":"4111"}"#, #"{"card":"**"}"#, "null", #"["/input/card"]"#
      ),
      (
        #"mask := [{"op": "remove", "path": "/input/a"}, "/input/b"] if input.path == "authz/allow""#,
        #"{"a":1,"b":2,"c":3}"#, #"{"c":3}"#, #"["/input/a","/input/b"]"#, "null"
      ),
    ])
  func `leaves out what the policy masks`(
    _ mask: String, _ input: String, _ wanted: String, _ erased: String, _ masked: String
  ) async throws {
    let decision = try await decision(mask, input: input)
    #expect(try (member(decision, "input") ?? .null) == json(wanted))
    #expect(try (member(decision, "erased") ?? .null) == json(erased))
    #expect(try (member(decision, "masked") ?? .null) == json(masked))
    #expect(member(decision, "result") != nil)
  }

  @Test(
    arguments: [
      "mask := 7", "mask := {\"op\": \"remove\"}", "mask contains 7",
      "mask contains \"input/card\"", "mask contains \"/labels/id\"",
      "mask contains {\"op\": \"burn\", \"path\": \"/input/card\"}",
      "mask := {\"/input/x\"}\n\nmask := {\"/input/card\"} if input.input.card",
      "mask := s if {\n\tn := numbers.range(1, 4000)\n\ts := {x | some x in n; some y in n; x + y == 0}\n}",
    ])
  func `has neither input nor result where the mask is wrong`(_ mask: String) async throws {
    // Digits alone may stand in an id or a time by chance.
    let decision = try await decision(mask, input: #"{"card":"card 4111"}"#)
    #expect(decision != nil)
    #expect(member(decision, "input") == nil)
    #expect(member(decision, "result") == nil)
    #expect(try member(decision, "erased") == json(#"["/input","/result"]"#))
    #expect(member(decision, "mask_error") != nil)
    #expect(decision?.jsonText.contains("card 4111") == false)
  }

  @Test(
    arguments: [
      #"{"Authorization":"x1SECRET"}"#, #"{"headers":{"authorization":["Bearer x1SECRET"]}}"#,
      #"{"a":["Bearer x1SECRET"]}"#, #"{"a":"basic x1SECRET"}"#,
      #"{"token":{"value":"x1SECRET"}}"#, #"{"access_token":"x1SECRET","Set-Cookie":"x1SECRET"}"#,
      #"{"password":["x1SECRET"]}"#, #"{"x":"see eyJx1SECRET.eyJx.y"}"#, #""Bearer x1SECRET""#,
      #"{"client-secret":12345678901234,"x~/y":{"apiKey":"x1SECRET"}}"#,
      #"{"a":"\"Bearer\" \"x1SECRET\""}"#, #"{"a":"[Bearer x1SECRET]"}"#,
      #"{"a":"x;bearer;x1SECRET"}"#,
      #"{"a":"/p?q=Bearer%20x1SECRET"}"#, #"{"user_password":"x1SECRET"}"#,
      #"{"newPassword":"x1SECRET","auth_token":"x1SECRET"}"#,
      #"{"headers":[{"name":"Authorization","value":"x1SECRET"}]}"#,
      #"{"headers":[["authorization","x1SECRET"],["host","a"]]}"#,
      #"{"raw":["Host","a","Cookie","x1SECRET"]}"#,
      #"{"a":"https://u:x1SECRET@h/p","b":"https://h/?access_token=x1SECRET&c=1"}"#,
      #"{"a":"postgresql://u:x1SECRET@h/db","b":"host=h password=x1SECRET"}"#,
      #"{"a":"-----BEGIN PRIVATE KEY-----\nx1SECRET\n-----END PRIVATE KEY-----"}"#,
    ])
  func `never has a credential, whatever the policy says`(_ input: String) async throws {
    let decision = try await decision("", input: input, path: "echo/all")
    #expect(decision != nil)
    #expect(decision?.jsonText.contains("SECRET") == false, "\(decision?.jsonText ?? "")")
    #expect(decision?.jsonText.contains("12345678901234") == false)
    guard case .array(let erased)? = member(decision, "erased") else {
      Issue.record("nothing is told to be erased")
      return
    }
    #expect(erased.count >= 2)  // In input and result.
  }

  @Test func `has no credential in the text of a query`() async throws {
    try await Stand.with { stand in
      for query in [
        #"x := \"Bearer x1SECRET\""#, #"x := {\"password\": \"x1SECRET\"}"#,
        #"io.jwt.decode(\"eyJx1SECRET.eyJx.y\", x)"#,
      ] {
        _ = try await stand.ask("POST", "/v1/query", #"{"query":"\#(query)"}"#)
      }
      let decisions = try stand.decisions()
      #expect(decisions.count == 3)
      for decision in decisions {
        #expect(!decision.jsonText.contains("SECRET"), "\(decision.jsonText)")
      }
    }
  }

  @Test func `keeps what only has a suspicious name`() async throws {
    let input = #"{"token":true,"tokens_left":3,"author":"ada","note":"bearer of news"}"#
    let decision = try await decision("", input: input)
    // "bearer of news" is taken for a credential; that is the price.
    #expect(
      try member(decision, "input") == json(#"{"token":true,"tokens_left":3,"author":"ada"}"#))
  }

  @Test func `drops what the policy drops, and nothing by mistake`() async throws {
    let drop = "drop if input.path == \"authz/allow\""
    #expect(try await decision(drop, input: "{}") == nil)
    #expect(try await decision("drop := 1", input: "{}") != nil)
    #expect(try await decision("drop := to_number(\"x\")", input: "{}") != nil)
  }

  @Test func `names the revisions of bundles, and errors`() async throws {
    try await Stand.with { stand in
      try stand.service.activate(
        "b", bundle(["p.rego": "package p\n\nx := 1\n\nx := 2 if input.y\n"], revision: "7"))
      _ = try await stand.ask("POST", "/v1/data/p/x", #"{"input":{"y":1}}"#)
      let decisions = try stand.decisions()
      #expect(try member(decisions.first, "bundles") == json(#"{"b":{"revision":"7"}}"#))
      #expect(member(decisions.first, "error")?.jsonText.contains("eval_conflict_error") == true)
    }
  }
}
