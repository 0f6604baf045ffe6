package import PolicyEngine

/// What two engines make of one policy.
package struct PolicyDispute: CustomStringConvertible {
  /// What one of them made of one input.
  package enum Answer: Sendable, CustomStringConvertible {
    case value(Value)
    case undefined
    case error(String)
    /// The policy itself, whatever the input.
    case refused(String)
    /// The engine crashed, or never came back.
    case died

    package var description: String {
      switch self {
      case .value(let value): value.jsonText
      case .undefined: "undefined"
      case .error(let reason): "error: \(reason)"
      case .refused(let reason): "refused: \(reason)"
      case .died: "died"
      }
    }
  }

  package let draw: PolicyDraw
  package let input: Value
  package let ours: Answer
  package let theirs: Answer

  package var description: String {
    """
    === seed \(draw.seed)
    \(draw.source)
    data   \(draw.data.jsonText)
    input  \(input.jsonText)
    ours   \(ours)
    theirs \(theirs)
    """
  }

  /// What the engine makes of each input. Both ways of evaluating must agree.
  package static func ours(_ draw: PolicyDraw) -> [Answer] {
    do {
      let policy = try CompiledPolicy.compile([("p.rego", draw.source)])
      let prepared = policy.prepared(data: draw.data)
      let query = try CompiledQuery("x = data.p", policy: policy)
      return draw.inputs.map { input in
        let document = EvaluationInput(input: input, data: draw.data)
        func answer(_ run: () throws -> EvaluationResult) -> Answer {
          do {
            return try run().bindings.first?["x"].map { .value($0.jsonValue) } ?? .undefined
          } catch {
            return .error("\(error)")
          }
        }
        let plain = answer { try policy.evaluate(query, document) }
        let fast = answer { try prepared.evaluate(query, document) }
        guard isSame(plain, fast) else { return .error("prepared: \(fast), else \(plain)") }
        return plain
      }
    } catch {
      return draw.inputs.map { _ in .refused("\(error)") }
    }
  }

  /// The question for the peer, as one line.
  package static func question(_ draw: PolicyDraw) -> String {
    let members: [(Value, Value)] = [
      (.string("source"), .string(draw.source)), (.string("data"), draw.data),
      (.string("inputs"), .array(draw.inputs)),
    ]
    return Value.object(ObjectValue(members)).jsonText + "\n"
  }

  /// The peer's answers, one for each input.
  package static func theirs(_ line: some Sequence<UInt8>, count: Int) -> [Answer] {
    func all(_ answer: Answer) -> [Answer] { Array(repeating: answer, count: count) }
    guard case .object(let members)? = try? Value.parse(json: Array(line)) else {
      return all(.error("no JSON"))
    }
    if case .string(let reason)? = members["refused"] { return all(.refused(reason)) }
    guard case .array(let answers)? = members["answers"], answers.count == count else {
      return all(.error("no answers"))
    }
    return answers.map { answer in
      guard case .object(let object) = answer else { return .error("no answer") }
      if let value = object["value"] { return .value(value) }
      if case .string(let reason)? = object["error"] { return .error(reason) }
      return .undefined
    }
  }

  /// Errors agree whatever their words, and who died has no say. Sets come as arrays in any order, and quotients as doubles.
  package static func isSame(_ ours: Answer, _ theirs: Answer) -> Bool {
    switch (ours, theirs) {
    case (.value(let left), .value(let right)): isClose(unordered(left), unordered(right))
    case (.undefined, .undefined), (.error, .error), (.refused, .refused), (.error, .refused),
      (.refused, .error), (_, .died):
      true
    default: false
    }
  }

  private static func unordered(_ value: Value) -> Value {
    switch value {
    case .array(let elements): .array(elements.map(unordered).sorted())
    case .object(let object):
      .object(ObjectValue(object.members.map { ($0.key, unordered($0.value)) }))
    default: value
    }
  }

  private static func isClose(_ left: Value, _ right: Value) -> Bool {
    switch (left, right) {
    case (.number(let first), .number(let second)):
      first == second
        || (first.double - second.double).magnitude <= 1e-9 * max(1, first.double.magnitude)
    case (.array(let first), .array(let second)):
      first.count == second.count && zip(first, second).allSatisfy(isClose)
    case (.object(let first), .object(let second)):
      first.count == second.count
        && zip(first.members, second.members).allSatisfy {
          $0.key == $1.key && isClose($0.value, $1.value)
        }
    default: left == right
    }
  }

  package init(draw: PolicyDraw, input: Value, ours: Answer, theirs: Answer) {
    self.draw = draw
    self.input = input
    self.ours = ours
    self.theirs = theirs
  }
}
