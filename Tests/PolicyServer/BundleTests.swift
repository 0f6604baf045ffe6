import PolicyBundles
import PolicyEngine
import PolicyServer
import Synchronization
import Testing

/// A bundle, unpacked again as from a file.
func bundle(
  _ modules: [String: String], data: String = "{}", revision: String, roots: [String] = [""]
) throws -> PolicyBundle {
  let packed = try PolicyBundle.packed(
    BundleManifest(revision: revision, roots: roots),
    modules: modules.map { (file: $0.key, source: $0.value) }, data: json(data))
  return try PolicyBundle(packed, verification: nil)
}

/// Counts answers, and tells tasks to stop.
private final class End: Sendable {
  let isReached = Atomic<Bool>(false)
  let answers = Atomic<Int>(0)
}

@Suite struct `A bundle in a policy server` {
  @Test func `replaces the one before without a request lost`() async throws {
    func version(_ number: Int) throws -> PolicyBundle {
      try bundle(
        ["p.rego": "package p\n\nversion := \(number)\n\nsame if data.n == version\n"],
        data: #"{"n":\#(number)}"#, revision: "\(number)")
    }
    try await Stand.with { stand in
      try stand.service.activate("b", version(0))
      let end = End()
      let last = try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            let caller = try await Caller.connect(port: stand.port)
            defer { caller.close() }
            var latest = 0
            while !end.isReached.load(ordering: .relaxed) {
              let answer = try await caller.ask("POST", "/v1/data/p", #"{"input":{}}"#)
              guard answer.status == 200, case .object(let found)? = answer["result"],
                case .number(let number)? = found["version"]
              else {
                Issue.record("\(answer)")
                return
              }
              // Policy and data are of one version, and nothing goes back.
              #expect(found["same"] == .bool(true))
              #expect(Int(number.int64 ?? -1) >= latest)
              latest = Int(number.int64 ?? -1)
              end.answers.wrappingAdd(1, ordering: .relaxed)
            }
          }
        }
        var number = 0
        while number < 20 || number < 5_000 && end.answers.load(ordering: .relaxed) < 200 {
          number += 1
          try stand.service.activate("b", version(number))
          try await Task.sleep(for: .milliseconds(5))
        }
        end.isReached.store(true, ordering: .relaxed)
        try await group.waitForAll()
        return number
      }
      #expect(end.answers.load(ordering: .relaxed) >= 200)
      #expect(try await stand.ask("GET", "/v1/data/p/version")["result"] == .integer(last))
    }
  }

  @Test(
    arguments: [
      ("package p\n\nx if", "8", [""], "rego_parse_error"),
      ("package p\n\nx := 2", "6", [""], "revision 6 is older than 7"),
      ("package p\n\nx := 2", "6.9.1", [""], "older"),
      ("package q\n\nx := 2", "8", ["p"], "outside the bundle's roots"),
      ("package p\n\nx := 2", "8", ["p", "other/deep"], "overlaps"),
    ])
  func `is refused where it is wrong, and the one before stays`(
    _ source: String, _ revision: String, _ roots: [String], _ reason: String
  ) async throws {
    try await Stand.with { stand in
      try stand.service.activate(
        "b", bundle(["p.rego": "package p\n\nx := 1"], revision: "7", roots: ["p"]))
      try stand.service.activate(
        "c", bundle(["o.rego": "package other\n\nx := 1"], revision: "1", roots: ["other"]))
      let refusal = #expect(throws: BundleRefusal.self) {
        try stand.service.activate(
          "b", bundle(["p.rego": source], revision: revision, roots: roots == [""] ? ["p"] : roots))
      }
      #expect(refusal?.reason.contains(reason) == true, "\(String(describing: refusal))")
      #expect(try await stand.ask("GET", "/v1/data/p/x")["result"] == json("1"))
      let status = try await stand.ask("GET", "/v1/status").body
      #expect(status.contains(#""active_revision":"7""#))
      #expect(status.contains(#""code":"bundle_error""#))
      let metrics = try await stand.ask("GET", "/metrics").body
      #expect(metrics.contains(#"strongroom_policy_bundle_refusals_total{name="b"} 1"#))
    }
  }

  @Test func `takes its old documents and policies with it`() async throws {
    try await Stand.with(data: #"{"mine":1}"#) { stand in
      try stand.service.activate(
        "b",
        bundle(
          ["p.rego": "package p.a\n\nx := 1"], data: #"{"p":{"old":1}}"#, revision: "1",
          roots: ["p"]))
      try stand.service.activate(
        "b",
        bundle(
          ["q.rego": "package p.b\n\nx := 2"], data: #"{"p":{"new":1}}"#, revision: "2",
          roots: ["p"]))
      #expect(
        try await stand.ask("GET", "/v1/data")["result"]
          == json(#"{"mine":1,"p":{"b":{"x":2},"new":1}}"#))
    }
  }

  @Test(
    arguments: [
      ("PUT", "/v1/data/p/x", "1", #"path p/x is owned by bundle "b""#),
      ("PUT", "/v1/data/p", "{}", #"path p is owned by bundle "b""#),
      ("PUT", "/v1/data", "{}", "can't write to document root with bundle roots configured"),
      ("DELETE", "/v1/data/p/old", "", #"path p/old is owned by bundle "b""#),
      (
        "PATCH", "/v1/data", #"[{"op":"add","path":"/p/x","value":1}]"#,
        #"path p/x is owned by bundle "b""#
      ),
      ("PUT", "/v1/policies/mine", "package p.mine", #"path p/mine is owned by bundle "b""#),
      ("DELETE", "/v1/policies/b/p.rego", "", #"path p/a is owned by bundle "b""#),
    ])
  func `owns its roots`(_ method: String, _ target: String, _ body: String, _ message: String)
    async throws
  {
    try await Stand.with { stand in
      try stand.service.activate(
        "b",
        bundle(
          ["p.rego": "package p.a\n\nx := 1"], data: #"{"p":{"old":1}}"#, revision: "1",
          roots: ["p"]))
      let answer = try await stand.ask(method, target, body)
      #expect(answer.status == 400)
      #expect(answer["code"] == .string("invalid_parameter"))
      #expect(answer["message"] == .string(message))
      #expect(try await stand.ask("PUT", "/v1/data/elsewhere", "1").status == 204)
    }
  }

  @Test(
    arguments: [
      ("6", "7", true), ("7", "7", false), ("10", "9", false), ("1.9", "1.10", true),
      ("1.10", "1.9.9", false), ("1", "1.0", true), ("a1b2", "9", false), ("6", "v7", false),
      ("", "7", false), ("6", "", false),
    ])
  func `is older by numbers only`(_ revision: String, _ other: String, _ isOlder: Bool)
    async throws
  {
    try await Stand.with { stand in
      try stand.service.activate("b", bundle([:], revision: other))
      if isOlder {
        #expect(throws: BundleRefusal.self) {
          try stand.service.activate("b", bundle([:], revision: revision))
        }
      } else {
        try stand.service.activate("b", bundle([:], revision: revision))
      }
    }
  }
}
