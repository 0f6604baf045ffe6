import PolicyEngine

/// What `data.system.authz.allow` is asked with (OPA, "Security").
enum AuthorizationInput {
  static func value(_ request: PolicyRequest, _ body: Value?) -> Value {
    var headers: [String: [Value]] = [:]
    for (name, value) in request.headers {
      headers[canonical(name), default: []].append(.string(value))
    }
    var parameters: [String: [Value]] = [:]
    for (name, value) in request.parameters {
      parameters[name, default: []].append(.string(value))
    }
    var members: [(String, Value)] = [
      ("method", .string(request.method)), ("path", .array(request.path.map(Value.string))),
      ("params", .record(parameters.map { ($0.key, .array($0.value)) })),
      ("headers", .record(headers.map { ($0.key, .array($0.value)) })),
    ]
    if let body { members.append(("body", body)) }
    if let identity = request.identity { members.append(("identity", .string(identity))) }
    return .record(members)
  }

  /// `content-type` as `Content-Type`: policies are written with Go's names.
  private static func canonical(_ name: String) -> String {
    var isFirst = true
    return String(
      decoding: name.utf8.map { byte -> UInt8 in
        defer { isFirst = byte == UInt8(ascii: "-") }
        switch byte {
        case 97...122 where isFirst: return byte - 32
        case 65...90 where !isFirst: return byte + 32
        default: return byte
        }
      }, as: UTF8.self)
  }
}
