import PolicyBundles
import PolicyEngine

/// What must hold for any bytes as a policy, as its input, as a query and as a bundle.
enum PolicyLaws {
  /// Enough for what a fuzzer writes, and over in a few milliseconds.
  private static let budget = EvaluationBudget(
    stepsMax: 20_000, bytesMax: 4 << 20, depthMax: 50, stackBytesMax: 256 << 10)

  /// Parses, lays out, compiles and evaluates. What was laid out is the same policy, and stays as it
  /// is when it is laid out again.
  static func decides(_ bytes: [UInt8]) {
    let source = String(decoding: bytes, as: UTF8.self)
    if let formatted = try? PolicyFormat.format(source, file: "p.rego"),
      // Annotations that are broken are no matter of layout.
      let isSame = try? PolicyFormat.isSamePolicy(source, source)
    {
      precondition(isSame)
      precondition((try? PolicyFormat.isSamePolicy(source, formatted)) == true)
      precondition((try? PolicyFormat.format(formatted, file: "p.rego")) == formatted)
    }
    guard let policy = try? CompiledPolicy.compile([("p.rego", source)], outside: .onlyReplaced)
    else { return }
    let input = EvaluationInput(
      input: fixedInput, data: fixedInput, nanoseconds: 1_700_000_000_000_000_000, budget: budget)
    let first = try? policy.evaluate("data = x", input)
    let second = try? policy.evaluate("data = x", input)
    precondition(first?.bindings == second?.bindings)
  }

  /// The bytes up to a zero are a query, those after it are the input and the data.
  static func answers(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let document = try? Value.parse(json: parts.count > 1 ? parts[1] : parts[0])
    var input = EvaluationInput(
      input: document, nanoseconds: 1_700_000_000_000_000_000, budget: budget)
    if case .object? = document { input.data = document ?? input.data }
    if let document {
      // What JSON can carry comes back as it was.
      precondition((try? Value.parse(json: document.jsonText.utf8)) == document)
    }
    for query in fixedQueries { _ = try? fixedPolicy?.evaluate(query, input) }
    guard parts.count > 1 else { return }
    _ = try? fixedPolicy?.evaluate(String(decoding: parts[0], as: UTF8.self), input)
  }

  /// Reads as a bundle that nobody signed, and as one that somebody must have.
  static func unpacks(_ bytes: [UInt8]) {
    if let bundle = try? PolicyBundle(bytes, verification: nil),
      let again = try? PolicyBundle.packed(
        bundle.manifest, modules: bundle.modules, data: bundle.data)
    {
      guard let read = try? PolicyBundle(again, verification: nil) else {
        preconditionFailure("what was packed is refused")
      }
      precondition(read.data == bundle.data && read.modules.count == bundle.modules.count)
    }
    let key = BundleVerification(algorithm: "HS256", key: "fuzz")
    if let bundle = try? PolicyBundle(bytes, verification: key) { precondition(bundle.isVerified) }
  }

  private static let fixedInput =
    (try? Value.parse(
      json: #"{"a": {"b": [1, 2, {"c": "d"}]}, "n": 7, "s": "text", "l": ["x", "y"], "u": null}"#
        .utf8)) ?? .null

  /// A bit of everything that looks at its input.
  private static let fixedPolicy = try? CompiledPolicy.compile(
    [
      (
        "p.rego",
        #"""
        package p

        default allow := false

        allow if {
        	input.method == "GET"
        	["v1", _] = input.path
        }

        allow if {
        	some role in input.roles
        	data.grants[role][_] == input.action
        }

        names contains name if some name, _ in input

        sizes[key] := count(value) if some key, value in input

        walked := [path | walk(input, [path, _])]

        texts := [t | walk(input, [_, t]); is_string(t)]

        patterns := {t: r | some t in texts; r := regex.match(t, "abc")}

        formatted := [sprintf(t, [1, "x", [2]]) | some t in texts]

        times := [time.parse_rfc3339_ns(t) | some t in texts]

        decoded := [[base64.decode(t), json.unmarshal(t)] | some t in texts]

        units_read := [[units.parse(t), units.parse_bytes(t)] | some t in texts]

        yaml_read := [yaml.unmarshal(t) | some t in texts]

        tokens := [io.jwt.decode(t) | some t in texts]

        certificates := [crypto.x509.parse_certificates(t) | some t in texts]

        globs := [glob.match(t, null, "a.b") | some t in texts]

        schemas := [json.match_schema({"a": 1}, s) | walk(input, [_, s]); is_object(s)]

        patched := json.patch({"a": [1, {"b": 2}]}, input.patch)

        blocks := [net.cidr_expand(t) | some t in texts]

        numbers_read := [[to_number(t), format_int(to_number(t), 16)] | some t in texts]

        all_small if every x in input.list { x < 10 }

        chain := input.n if input.n > 1 else := input.n + 1 if input.n < 0 else := 3
        """#
      )
    ])

  private static let fixedQueries: [CompiledQuery] = {
    guard let fixedPolicy, let query = try? CompiledQuery("x = data.p", policy: fixedPolicy) else {
      preconditionFailure("the fixed policy does not compile")
    }
    return [query]
  }()
}
