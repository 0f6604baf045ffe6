package import PolicyEngine

/// What two engines make of one policy.
package struct PolicyDispute: CustomStringConvertible {
  /// What one of them made of one input.
  package enum Answer: Sendable, Equatable, CustomStringConvertible {
    case value(Value)
    case undefined
    case error(String)
    /// The policy itself, whatever the input.
    case refused(String)
    /// The engine crashed, or never came back.
    case died

    /// What kind of answer it is.
    fileprivate var way: Int {
      switch self {
      case .value: 0
      case .undefined: 1
      case .error: 2
      case .refused: 3
      case .died: 4
      }
    }

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

  package let seed: UInt64
  /// One input.
  package let question: PolicyQuestion
  package let ours: Answer
  package let theirs: Answer

  package var description: String {
    """
    === seed \(seed)
    \(question.source)
    data   \(question.data.jsonText)
    input  \(question.inputs[0].jsonText)
    ours   \(ours)
    theirs \(theirs)
    """
  }

  /// What the engine makes of each input. Both ways of evaluating must agree.
  package static func ours(
    _ question: PolicyQuestion, beside peer: PolicyPeerKind = .regopy
  ) -> [Answer] {
    do {
      // regopy knows no types before it evaluates; the real one is asked to be strict.
      let isReal = peer == .openPolicyAgent
      let policy = try CompiledPolicy.compile(
        [("p.rego", question.source)], checksTypes: isReal)
      let prepared = policy.prepared(data: question.data)
      let query = try CompiledQuery("x = data.p", policy: policy)
      return question.inputs.map { input in
        let document = EvaluationInput(input: input, data: question.data, isStrict: isReal)
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
      return question.inputs.map { _ in .refused("\(error)") }
    }
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

  /// One failed in a builtin: the other may have come to an end before it got there.
  package static func isUncertain(_ ours: Answer, _ theirs: Answer) -> Bool {
    [ours, theirs].contains { answer in
      guard case .error(let reason) = answer else { return false }
      return reason.contains("eval_type_error") || reason.contains("eval_builtin_error")
    }
  }

  /// Whether both answered, and not merely failed each for a reason of its own.
  package static func isCompared(_ ours: Answer, _ theirs: Answer) -> Bool {
    ours.way <= 1 && theirs.way <= 1
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

  package init(seed: UInt64, question: PolicyQuestion, ours: Answer, theirs: Answer) {
    self.seed = seed
    self.question = question
    self.ours = ours
    self.theirs = theirs
  }

  /// The smallest question found that the two still answer each in the same way, as a value or not.
  package func shrunk(
    beside peer: PolicyPeerKind = .regopy, _ theirs: (PolicyQuestion) throws -> [Answer]
  ) rethrows -> PolicyDispute {
    var smallest = self
    _ = try PolicyShrinker().shrunk(question) { question in
      // Ours first: it is the faster one to say that nothing is left of the policy.
      let left = Self.ours(question, beside: peer)[0]
      guard left.way == ours.way else { return false }
      let right = try theirs(question)[0]
      guard right.way == self.theirs.way, right == .died || !Self.isSame(left, right) else {
        return false
      }
      smallest = PolicyDispute(seed: seed, question: question, ours: left, theirs: right)
      return true
    }
    return smallest
  }
}
