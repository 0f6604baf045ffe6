import PolicyBundles
import PolicyEngine
import Testing

/// Where something was undefined, or left out, without a word.
@Suite struct `What an engine could pass over in silence` {
  private static func value(_ body: String, data: Value = .object(ObjectValue([]))) throws
    -> Value?
  {
    let policy = try CompiledPolicy.compile([("p.rego", "package p\n\n\(body)\n")])
    try policy.check(with: data)
    let document = EvaluationInput(input: .object(ObjectValue([])), data: data)
    return try policy.evaluate("x = data.p.r", document).bindings.first?["x"]?.jsonValue
  }

  private static func json(_ text: String) throws -> Value {
    try Value.parse(json: Array(text.utf8))
  }

  @Test(
    arguments: [
      #"{"uniqueItems": true}"#, #"{"anyOf": [{}]}"#, #"{"$ref": "a"}"#, #"{"format": "email"}"#,
      #"{"properties": {"a": {"not": {}}}}"#, #"{"items": [{}]}"#, #"{"multipleOf": 2}"#,
    ])
  func `is an error where a schema has a keyword that is not supported`(_ schema: String) throws {
    for body in [
      "r := json.match_schema(input, \(schema))", "r := json.verify_schema(\(schema))",
      "s := \(schema)\n\nr if not json.match_schema(input, s)[0]",
    ] {
      #expect(throws: PolicyErrors.self, "\(body)") { try Self.value(body) }
    }
    let data = try Self.json(#"{"schemas": {"a": \#(schema)}}"#)
    #expect(throws: PolicyErrors.self) {
      try Self.value("r := json.match_schema(input, data.schemas.a)", data: data)
    }
    // One that nobody knew before is an error of the decision, and not undefined.
    #expect(throws: PolicyError.self) {
      try Self.value("r := json.match_schema({}, data.schemas[k]) if some k in [\"a\"]", data: data)
    }
    #expect(try Self.value("r := json.verify_schema({\"nobody knows it\": 1})[0]") == .bool(true))
  }

  @Test func `is refused where a rule and base data have one place`() throws {
    for (body, data) in [
      ("r := 1", #"{"p": {"r": 2}}"#), ("r contains 1", #"{"p": {"r": []}}"#),
      ("r := 1", #"{"p": 7}"#), ("r(x) := x", #"{"p": {"r": 2}}"#),
      ("r.a.b := 1", #"{"p": {"r": {"a": {"b": 1}}}}"#),
    ] {
      let policy = try CompiledPolicy.compile([("p.rego", "package p\n\n\(body)\n")])
      let documents = try Self.json(data)
      do throws(PolicyErrors) {
        try policy.check(with: documents) { _ in "roles.json" }
        Issue.record("\(body) beside \(data)")
      } catch {
        #expect(
          "\(error)".contains("p.rego:3: rego_compile_error: conflicting rule for data path p"))
        #expect("\(error)".contains("roles.json"))
      }
    }
    #expect(try Self.value("r := 1", data: Self.json(#"{"p": {"s": 2}, "q": 1}"#)) == .integer(1))
  }

  @Test func `runs tests with parameters, case by case`() throws {
    let source = """
      package p

      test_sum[name] if {
        some name, c in {"right": [1, 2, 3], "wrong": [1, 1, 3], "none": [1, "a", 0]}
        print(name)
        c[0] + c[1] == c[2]
      }

      test_deep[a][b] if {
        some a in ["x", "y"]
        some b in [1, 2]
        a == "x"
      }

      test_note[c.note] if { some c in [{"note": "n", "v": true}]; c.v }

      test_one := 1

      test_set contains 1
      """
    let policy = try CompiledPolicy.compile([("p.rego", source)], checksTypes: false)
    var reached: ReachedLines?
    func cases(_ name: String) throws -> [String: Bool] {
      let test = try #require(policy.tests.first { $0.name == name })
      guard case .cases(let cases) = test.run(policy, EvaluationInput(), &reached).outcome else {
        return [:]
      }
      return Dictionary(
        uniqueKeysWithValues: cases.map { (Value.array($0.names).jsonText, $0.passes) })
    }
    #expect(
      try cases("test_sum") == [#"["none"]"#: false, #"["right"]"#: true, #"["wrong"]"#: false])
    #expect(
      try cases("test_deep") == [
        #"["x",1]"#: true, #"["x",2]"#: true, #"["y",1]"#: false, #"["y",2]"#: false,
      ])
    #expect(try cases("test_note") == [#"["n"]"#: true])
    // What is not true is no test that passed.
    for name in ["test_one", "test_set"] {
      let test = try #require(policy.tests.first { $0.name == name })
      guard case .failed = test.run(policy, EvaluationInput(), &reached).outcome else {
        Issue.record("\(name) passed")
        continue
      }
    }
  }

  @Test(
    arguments: [
      (#"regex.match("(?m)^b", "a\nb")"#, "true"), (#"regex.match("^b", "a\nb")"#, "false"),
      (#"regex.find_n("(?m)^.", "ab\ncd\n\nef", -1)"#, #"["a","c","e"]"#),
      (#"regex.replace("ab\ncd", "(?m)^", "> ")"#, #""> ab\n> cd""#),
      (#"regex.match("\\bfoo", "..foo")"#, "true"), (#"regex.match("$", "ab")"#, "true"),
      (#"json.patch({"": 1, "a": 2}, [{"op": "remove", "path": "/"}])"#, #"{"a":2}"#),
      (#"json.patch({"": 1}, [{"op": "replace", "path": "/", "value": 7}])"#, #"{"":7}"#),
      (#"json.patch({"": 1}, [{"op": "replace", "path": "", "value": 7}])"#, "7"),
      (#"json.remove({"": 1, "a": 2}, ["/"])"#, #"{"a":2}"#),
      (#"json.remove({"": 1, "a": 2}, [""])"#, #"{"":1,"a":2}"#),
      (#"json.filter({"": 1, "a": 2}, ["/"])"#, #"{"":1}"#),
      (#"json.filter({"": 1, "a": 2}, [""])"#, "{}"),
      (#"json.remove({"": 1, "a": {"": 3}}, ["/a/"])"#, #"{"":1,"a":{}}"#),
    ])
  func `is as Open Policy Agent has it`(_ term: String, _ wanted: String) throws {
    #expect(try Self.value("r := \(term)")?.jsonText == wanted)
  }

  @Test func `is an error where a token is encrypted`() throws {
    let head = #"{"alg":"dir","enc":"A128GCM"}"#
    for rest in ["..AAAA.AAAA.AAAA", ".e30.AAAA"] {
      let token = "base64url.encode_no_pad(`\(head)`)"
      #expect(try Self.value("r := io.jwt.decode(concat(\"\", [\(token), \"\(rest)\"]))") == nil)
    }
    #expect(try Self.value("r := io.jwt.decode(\"e30.e30.AAAA\")") != nil)
  }

  @Test func `reads the YAML data of a bundle`() throws {
    let files = [
      BundleFile(name: "roles/data.yaml", bytes: Array("ada: [admin]\n".utf8)),
      BundleFile(name: "data.yml", bytes: Array("limit: 7\n".utf8)),
      BundleFile(name: "data.json", bytes: Array(#"{"a": 1}"#.utf8)),
    ]
    let bundle = try PolicyBundle(files, verification: nil)
    #expect(bundle.data == (try Self.json(#"{"a":1,"limit":7,"roles":{"ada":["admin"]}}"#)))
    let broken = [BundleFile(name: "data.yaml", bytes: Array("a: [".utf8))]
    #expect(throws: BundleError.self) { try PolicyBundle(broken, verification: nil) }
  }
}
