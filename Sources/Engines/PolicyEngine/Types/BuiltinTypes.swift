/// What a function takes and gives.
struct FunctionType: Hashable, Sendable, CustomStringConvertible {
  let arguments: [PolicyType]
  let result: PolicyType

  var description: String {
    "(\(arguments.map(\.description).joined(separator: ", "))) => \(result)"
  }

  /// Another clause of the same function.
  func union(_ other: FunctionType) -> FunctionType {
    FunctionType(
      arguments: zip(arguments, other.arguments).map { $0.union($1) },
      result: result.union(other.result))
  }
}

/// What each builtin takes and gives (OPA policy reference, "Built-in Functions"). `print` is not
/// among them: it takes anything, and what has no value.
enum BuiltinTypes {
  static let all: [String: FunctionType] = {
    let lines = [
      comparisons, numbers, texts, patterns, collections, documents, encodings, times, networks,
      cryptography,
    ]
    return lines.joined().reduce(into: [:]) { result, line in
      for name in line.names.split(separator: " ") { result[String(name)] = line.type }
    }
  }()

  private typealias Line = (names: String, type: FunctionType)

  private static func line(
    _ names: String, _ arguments: [PolicyType], _ result: PolicyType
  ) -> Line { (names, FunctionType(arguments: arguments, result: result)) }

  private static func any(_ types: PolicyType...) -> PolicyType { .any(Set(types)) }

  private static let record = PolicyType.object(keys: .string, values: .anything)
  private static let arrayOrSet = any(.anyArray, .anySet)
  private static let collection = any(.anyArray, .anySet, .anyObject)
  private static let manyTexts = any(.array(.string), .set(.string))

  private static var comparisons: [Line] {
    [
      line("equal neq lt lte gt gte internal.member_2", [.anything, .anything], .boolean),
      line("internal.member_3", [.anything, .anything, .anything], .boolean),
      line(
        "is_array is_boolean is_null is_number is_object is_set is_string semver.is_valid",
        [.anything], .boolean),
      line("type_name json.marshal yaml.marshal", [.anything], .string),
      line("trace", [.string], .boolean),
    ]
  }

  private static var numbers: [Line] {
    let numberOrSet = any(.number, .anySet)
    return [
      line("abs bits.negate ceil floor round", [.number], .number),
      line("plus mul div rem", [.number, .number], .number),
      line("bits.and bits.or bits.xor bits.lsh bits.rsh", [.number, .number], .number),
      line("minus", [numberOrSet, numberOrSet], numberOrSet),
      line("and or", [.anySet, .anySet], .anySet),
      line("numbers.range", [.number, .number], .array(.number)),
      line("numbers.range_step", [.number, .number, .number], .array(.number)),
      line("rand.intn", [.string, .number], .number),
      line("format_int", [.number, .number], .string),
      line("to_number", [any(.null, .boolean, .number, .string)], .number),
      line("units.parse units.parse_bytes", [.string], .number),
    ]
  }

  private static var texts: [Line] {
    let textOrTexts = any(.string, .array(.string), .set(.string))
    return [
      line("lower upper trim_space strings.reverse", [.string], .string),
      line("trim trim_left trim_right trim_prefix trim_suffix", [.string, .string], .string),
      line("contains startswith endswith", [.string, .string], .boolean),
      line("indexof strings.count semver.compare", [.string, .string], .number),
      line("indexof_n", [.string, .string], .array(.number)),
      line("concat", [.string, manyTexts], .string),
      line("split", [.string, .string], .array(.string)),
      line("replace", [.string, .string, .string], .string),
      line("strings.replace_n", [.object(keys: .string, values: .string), .string], .string),
      line("substring", [.string, .number, .number], .string),
      line("sprintf", [.string, .anyArray], .string),
      line(
        "strings.any_prefix_match strings.any_suffix_match", [textOrTexts, textOrTexts], .boolean),
      line("strings.render_template", [.string, record], .string),
    ]
  }

  private static var patterns: [Line] {
    [
      line("regex.is_valid", [.string], .boolean),
      line("regex.match regex.globs_match", [.string, .string], .boolean),
      line("regex.split", [.string, .string], .array(.string)),
      line("regex.replace", [.string, .string, .string], .string),
      line("regex.find_n", [.string, .string, .number], .array(.string)),
      line(
        "regex.find_all_string_submatch_n", [.string, .string, .number],
        .array(.array(.string))),
      line("regex.template_match", [.string, .string, .string, .string], .boolean),
      line("glob.match", [.string, any(.null, .array(.string)), .string], .boolean),
      line("glob.quote_meta", [.string], .string),
    ]
  }

  private static var collections: [Line] {
    let graph = PolicyType.object(keys: .anything, values: arrayOrSet)
    return [
      line("count", [any(.string, .anyArray, .anySet, .anyObject)], .number),
      line("sum product", [any(.array(.number), .set(.number))], .number),
      line("max min", [arrayOrSet], .anything),
      line("sort", [arrayOrSet], .anyArray),
      line("all any", [arrayOrSet], .boolean),
      line("union intersection", [.set(.anySet)], .anySet),
      line("array.concat", [.anyArray, .anyArray], .anyArray),
      line("array.reverse array.flatten", [.anyArray], .anyArray),
      line("array.slice", [.anyArray, .number, .number], .anyArray),
      line("object.get", [.anyObject, .anything, .anything], .anything),
      line("object.keys", [.anyObject], .anySet),
      line("object.remove object.filter", [.anyObject, collection], .anything),
      line("object.subset", [collection, collection], .anything),
      line("object.union", [.anyObject, .anyObject], .anything),
      line("object.union_n", [.array(.anyObject)], .anything),
      line("graph.reachable", [graph, arrayOrSet], .anySet),
      line("graph.reachable_paths", [graph, arrayOrSet], .set(.anyArray)),
      line("walk", [.anything], .array(first: [.anyArray, .anything], rest: nil)),
      line("cast_array", [.anything], .anyArray),
      line("cast_set", [.anything], .anySet),
      line("cast_object", [.anything], .anyObject),
      line("cast_boolean", [.anything], .boolean),
      line("cast_string", [.anything], .string),
      line("cast_null", [.anything], .null),
    ]
  }

  private static var documents: [Line] {
    let step = any(.string, .anyArray)
    let paths = any(.array(step), .set(step))
    let patch = PolicyType.object(
      members: [.string("op"): .string, .string("path"): .anything],
      others: .init(key: .anything, value: .anything))
    let schema = any(.string, .anyObject)
    return [
      line("json.filter json.remove", [.anyObject, paths], .anything),
      line("json.patch", [.anything, .array(patch)], .anything),
      line("json.marshal_with_options", [.anything, record], .string),
      line("json.is_valid yaml.is_valid", [.string], .boolean),
      line("json.unmarshal yaml.unmarshal", [.string], .anything),
      line(
        "json.match_schema", [schema, schema],
        .array(first: [.boolean, .array(record)], rest: nil)),
      line(
        "json.verify_schema", [schema],
        .array(first: [.boolean, any(.null, .string)], rest: nil)),
      line("rego.parse_module", [.string, .string], record),
      line("rego.metadata.chain", [], .anyArray),
      line("rego.metadata.rule", [], .anything),
      line("opa.runtime", [], record),
    ]
  }

  private static var encodings: [Line] {
    let fields = any(.string, .array(.string), .set(.string))
    return [
      line(
        "base64.encode base64.decode base64url.encode base64url.encode_no_pad base64url.decode "
          + "hex.encode hex.decode urlquery.encode urlquery.decode", [.string], .string),
      line("base64.is_valid", [.string], .boolean),
      line("urlquery.encode_object", [.object(keys: .string, values: fields)], .string),
      line(
        "urlquery.decode_object", [.string], .object(keys: .string, values: .array(.string))),
      line("uuid.rfc4122", [.string], .string),
      line("uuid.parse", [.string], record),
    ]
  }

  private static var times: [Line] {
    let moment = any(.number, .array(first: [.number, .string], rest: nil))
    let laidOut = any(
      .number, .array(first: [.number, .string], rest: nil),
      .array(first: [.number, .string, .string], rest: nil))
    func numberArray(_ count: Int) -> PolicyType {
      .array(first: Array(repeating: .number, count: count), rest: nil)
    }
    return [
      line("time.now_ns", [], .number),
      line("time.parse_duration_ns time.parse_rfc3339_ns", [.string], .number),
      line("time.parse_ns", [.string, .string], .number),
      line("time.add_date", [moment, .number, .number, .number], .number),
      line("time.clock time.date", [moment], numberArray(3)),
      line("time.diff", [moment, moment], numberArray(6)),
      line("time.weekday", [moment], .string),
      line("time.format", [laidOut], .string),
    ]
  }

  private static var networks: [Line] {
    let place = any(.string, .anyArray)
    let places = any(
      .string, .array(place), .set(place), .object(keys: .string, values: place))
    return [
      line("net.cidr_contains net.cidr_intersects", [.string, .string], .boolean),
      line(
        "net.cidr_contains_matches", [places, places],
        .set(.array(first: [.anything, .anything], rest: nil))),
      line("net.cidr_expand net.lookup_ip_addr", [.string], .set(.string)),
      line("net.cidr_is_valid", [.string], .boolean),
      line("net.cidr_merge", [manyTexts], .set(.string)),
      line("http.send", [record], .anyObject),
    ]
  }

  private static var cryptography: [Line] {
    let verifications = ["es", "hs", "ps", "rs"].flatMap { family in
      [256, 384, 512].map { "io.jwt.verify_\(family)\($0)" }
    }
    let chain = PolicyType.array(first: [.boolean, .array(record)], rest: nil)
    return [
      line("crypto.md5 crypto.sha1 crypto.sha256", [.string], .string),
      line(
        "crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512",
        [.string, .string], .string),
      line("crypto.hmac.equal", [.string, .string], .boolean),
      line("crypto.parse_private_keys crypto.x509.parse_certificates", [.string], .array(record)),
      line(
        "crypto.x509.parse_certificate_request crypto.x509.parse_rsa_private_key", [.string],
        record),
      line("crypto.x509.parse_keypair", [.string, .string], record),
      line("crypto.x509.parse_and_verify_certificates", [.string], chain),
      line("crypto.x509.parse_and_verify_certificates_with_options", [.string, record], chain),
      line(
        verifications.joined(separator: " ") + " io.jwt.verify_eddsa", [.string, .string], .boolean),
      line(
        "io.jwt.decode", [.string],
        .array(first: [.anyObject, .anyObject, .string], rest: nil)),
      line(
        "io.jwt.decode_verify", [.string, record],
        .array(first: [.boolean, .anyObject, .anyObject], rest: nil)),
      line("io.jwt.encode_sign", [record, record, record], .string),
      line("io.jwt.encode_sign_raw", [.string, .string, .string], .string),
    ]
  }
}
