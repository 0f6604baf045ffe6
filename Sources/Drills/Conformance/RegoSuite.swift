package import PolicyEngine

extension ConformanceSuite {
  /// Open Policy Agent's own cases for Rego v1.
  /// - Parameter timeZones: of the machine.
  static func rego(timeZones: TimeZones) -> ConformanceSuite {
    ConformanceSuite("rego", "Open Policy Agent's cases for Rego v1", folder: "rego/opa-v1") {
      folder, told in
      for one in try RegoCase.all(in: folder) { told(one.result(timeZones: timeZones)) }
    }
  }
}

/// One of OPA's own cases.
package struct RegoCase: Sendable {
  /// Cases that are out of scope, each with the reason: `category: note`, or `category: *` for all of a category. The list
  /// may only shrink.
  package static let outOfScope: [String: String] = [
    "graphql: *": "GraphQL is out of scope",
    "providers-aws: *": "signing requests to AWS is out of scope",
    "netlookupipaddr: *": "needs the network",
    "invalidkeyerror: *": "needs the network: http.send is refused whatever its arguments",
  ]

  package let note: String
  package let category: String
  private let members: ObjectValue

  /// - Parameter folder: with a file for each category.
  package static func all(in folder: String) throws -> [RegoCase] {
    try all(in: CaseFolder(path: folder))
  }

  static func all(in folder: CaseFolder) throws -> [RegoCase] {
    try folder.names(ending: ".json").flatMap { file -> [RegoCase] in
      // By the engine's own reader: numbers keep their spelling.
      guard case .object(let object) = try Value.parse(json: folder.bytes(file)),
        case .array(let elements)? = object["cases"]
      else { throw CaseFileError(description: "\(folder.path)/\(file) has no 'cases'") }
      return elements.compactMap { element in
        guard case .object(let members) = element, case .string(let note)? = members["note"] else {
          return nil
        }
        return RegoCase(note: note, category: String(file.dropLast(5)), members: members)
      }
    }
  }

  /// Why it is not asked for, if it is not.
  package var reason: String? {
    Self.outOfScope["\(category): \(note)"] ?? Self.outOfScope["\(category): *"]
  }

  /// The Rego sources.
  package var modules: [String] {
    guard case .array(let modules)? = members["modules"] else { return [] }
    return modules.compactMap { if case .string(let source) = $0 { source } else { nil } }
  }

  fileprivate func result(timeZones: TimeZones) -> CaseResult {
    let failure = failure(timeZones: timeZones)
    let id = "\(category): \(note)"
    guard let failure else { return CaseResult(id, expected: "as OPA", came: "as OPA") }
    return CaseResult(
      id, expected: "as OPA", came: failure, verdict: reason == nil ? .failed : .outOfScope,
      reason: reason)
  }

  private func text(_ name: String) -> String? {
    if case .string(let text)? = members[name] { text } else { nil }
  }

  private func flag(_ name: String) -> Bool { members[name] == .bool(true) }

  /// Nil where the engine does as OPA; else what it does.
  /// - Parameter formatted: decides by the modules as `fmt` lays them out.
  package func failure(timeZones: TimeZones, formatted: Bool = false) -> String? {
    let sources = modules.enumerated().map { index, source in
      let file = "test-\(index).rego"
      return (
        file: file,
        source: formatted ? (try? PolicyFormat.format(source, file: file)) ?? "" : source
      )
    }
    let wantsError = text("want_error") != nil || text("want_error_code") != nil
    do {
      let policy = try CompiledPolicy.compile(sources, outside: .onlyReplaced)
      var input = EvaluationInput(
        input: members["input"], data: members["data"] ?? .object(.empty),
        nanoseconds: 1_700_000_000_000_000_000, timeZones: timeZones,
        isStrict: flag("strict_error"))
      if let term = text("input_term") {
        input.input = try policy.evaluate("x = \(term)", input).bindings.first?["x"]
      }
      let result = try policy.evaluate(text("query") ?? "", input)
      if wantsError { return "no error, but \(result.bindings)" }
      return difference(result.bindings)
    } catch let error as PolicyError {
      guard wantsError else { return "\(error)" }
      if let code = text("want_error_code"), code != error.code { return "\(error)" }
      if let part = text("want_error"), !"\(error)".contains(part) { return "\(error)" }
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func difference(_ bindings: [[String: Value]]) -> String? {
    guard case .array(let wanted)? = members["want_result"] else { return nil }
    let ignoresGenerated = flag("ignore_generated_vars")
    let found = bindings.map { binding in
      let shown = binding.filter { !ignoresGenerated || !$0.key.hasPrefix("__") }
      return normal(
        .object(ObjectValue(shown.map { (.string($0.key), $0.value) })).jsonValue)
    }
    let (left, right) = (found.sorted(), wanted.map(normal).sorted())
    guard left == right else {
      return "\(left.map(\.regoText)), wanted \(right.map(\.regoText))"
    }
    return nil
  }

  private func normal(_ value: Value) -> Value {
    guard flag("sort_bindings"), case .object(let object) = value else { return value }
    return .object(
      ObjectValue(
        object.members.map { member in
          guard case .array(let elements) = member.value else { return (member.key, member.value) }
          return (member.key, .array(elements.sorted()))
        }))
  }
}
