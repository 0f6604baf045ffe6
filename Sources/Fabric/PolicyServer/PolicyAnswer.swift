package import PolicyEngine
import Vocabulary

/// What the policy server answers.
package struct PolicyAnswer: Sendable, Equatable {
  package let status: Int
  /// Nil where there is no body.
  package let contentType: String?
  package let body: String

  static func empty(_ status: Int) -> PolicyAnswer {
    PolicyAnswer(status: status, contentType: nil, body: "")
  }

  static func json(_ value: Value, pretty: Bool = false) -> PolicyAnswer {
    PolicyAnswer(
      status: 200, contentType: "application/json",
      body: pretty ? value.indentedJSON + "\n" : value.jsonText + "\n")
  }

  static func text(_ text: String, contentType: String) -> PolicyAnswer {
    PolicyAnswer(status: 200, contentType: contentType, body: text)
  }
}

/// Why a request was refused, with the status, code and words of OPA's REST API.
package struct PolicyRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  package let status: Int
  package let code: String
  package let message: String
  /// What is wrong with a policy or a query, or went wrong while it was evaluated.
  package var errors: [PolicyError] = []

  package var description: String {
    ([message] + errors.map(\.description)).joined(separator: "; ")
  }

  static func invalid(_ message: String) -> PolicyRefusal {
    PolicyRefusal(status: 400, code: "invalid_parameter", message: message)
  }
  static func missing(_ what: String) -> PolicyRefusal {
    PolicyRefusal(
      status: 404, code: "resource_not_found", message: "storage_not_found_error: \(what)")
  }
  static func conflict(_ path: some Sequence<String>) -> PolicyRefusal {
    PolicyRefusal(
      status: 404, code: "resource_conflict",
      message: "storage_write_conflict_error: /" + path.joined(separator: "/"))
  }
  static func unauthorized(
    _ message: String = "request rejected by administrative policy"
  ) -> PolicyRefusal {
    PolicyRefusal(status: 401, code: "unauthorized", message: message)
  }
  static func `internal`(_ message: String, _ errors: [PolicyError] = []) -> PolicyRefusal {
    PolicyRefusal(status: 500, code: "internal_error", message: message, errors: errors)
  }
  static func modules(_ errors: PolicyErrors, code: String = "invalid_parameter") -> PolicyRefusal {
    PolicyRefusal(
      status: 400, code: code, message: "error(s) occurred while compiling module(s)",
      errors: errors.errors)
  }
  static func query(_ errors: PolicyErrors) -> PolicyRefusal {
    let isSyntax = errors.errors.contains { $0.code == "rego_parse_error" }
    return PolicyRefusal(
      status: 400, code: "invalid_parameter",
      message: "error(s) occurred while \(isSyntax ? "parsing" : "compiling") query",
      errors: errors.errors)
  }
  static func evaluation(_ error: PolicyError) -> PolicyRefusal {
    .internal("error(s) occurred while evaluating query", [error])
  }
  /// Too much at once; nothing was done.
  static let overloaded = PolicyRefusal(
    status: 503, code: "overloaded", message: "too many long evaluations at once; try again")

  package var value: Value {
    var members: [(String, Value)] = [("code", .string(code)), ("message", .string(message))]
    if !errors.isEmpty { members.append(("errors", .array(errors.map(\.answerValue)))) }
    return .record(members)
  }

  var answer: PolicyAnswer {
    if status == 501 || status >= 503 || status == 413 || status == 415 || status == 408 {
      return problem
    }
    return PolicyAnswer(
      status: status, contentType: "application/json", body: value.indentedJSON + "\n")
  }

  /// What OPA has no words for, as a problem (RFC 9457) that a client of OPA can read all the same.
  private var problem: PolicyAnswer {
    let members: [(String, Value)] = [
      ("type", .string(Problem.typePrefix + code.replacing("_", with: "-"))),
      ("title", .string(message)), ("status", .integer(status)), ("code", .string(code)),
      ("message", .string(message)),
    ]
    return PolicyAnswer(
      status: status, contentType: "application/problem+json",
      body: Value.record(members).indentedJSON + "\n")
  }
}

extension PolicyError {
  var answerValue: Value {
    var members: [(String, Value)] = [("code", .string(code)), ("message", .string(message))]
    if let location {
      members.append(
        (
          "location",
          .record([
            ("file", .string(location.file)), ("row", .integer(location.line)),
            ("col", .integer(location.column)),
          ])
        ))
    }
    if !details.isEmpty { members.append(("details", .array(details.map(Value.string)))) }
    return .record(members)
  }
}

extension Value {
  /// An object with these members.
  static func record(_ members: some Sequence<(String, Value)>) -> Value {
    .object(ObjectValue(members.map { (Value.string($0.0), $0.1) }))
  }

  /// Whether it has at most so many values; looks at no more than those.
  func has(atMost values: Int) -> Bool {
    var left = values
    var open = [self]
    while let value = open.popLast() {
      left -= 1
      guard left >= 0 else { return false }
      switch value {
      case .null, .bool, .number: break
      case .string(let text): left -= text.utf8.count / 64
      case .array(let elements):
        guard elements.count <= left else { return false }
        open += elements
      case .set(let set):
        guard set.members.count <= left else { return false }
        open += set.members
      case .object(let object):
        guard object.members.count <= left else { return false }
        for member in object.members { open.append(member.value) }
      }
    }
    return true
  }
}
