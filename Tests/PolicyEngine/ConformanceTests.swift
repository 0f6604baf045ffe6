import FoundationEssentials
import PolicyEngine
import TestKit
import Testing

/// One of OPA's own cases.
struct ConformanceCase {
  let note: String
  let category: String
  let members: Value

  func text(_ name: String) -> String? {
    guard case .object(let object) = members, case .string(let text)? = object[name] else {
      return nil
    }
    return text
  }

  func value(_ name: String) -> Value? {
    guard case .object(let object) = members else { return nil }
    return object[name]
  }

  func flag(_ name: String) -> Bool { value(name) == .bool(true) }

  static func all(in folder: String) throws -> [ConformanceCase] {
    var cases: [ConformanceCase] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      let bytes = try Data(contentsOf: URL(filePath: folder + "/" + file))
      guard case .object(let object) = try Value.parse(json: bytes),
        case .array(let elements)? = object["cases"]
      else { continue }
      for element in elements {
        guard case .object(let members) = element, case .string(let note)? = members["note"] else {
          continue
        }
        cases.append(
          ConformanceCase(note: note, category: String(file.dropLast(5)), members: element))
      }
    }
    return cases
  }

  /// Nil where the engine does as OPA; else what it does.
  /// - Parameter formatted: decides by the modules as `fmt` lays them out.
  func failure(formatted: Bool = false) -> String? {
    var sources: [(file: String, source: String)] = []
    if case .array(let modules)? = value("modules") {
      for (index, module) in modules.enumerated() {
        if case .string(let source) = module {
          let file = "test-\(index).rego"
          let laidOut = formatted ? try? PolicyFormat.format(source, file: file) : source
          sources.append((file, laidOut ?? ""))
        }
      }
    }
    let wantsError = text("want_error") != nil || text("want_error_code") != nil
    do {
      let policy = try CompiledPolicy.compile(sources, outside: .onlyReplaced)
      var input = EvaluationInput(
        input: value("input"), data: value("data") ?? .object(.empty),
        nanoseconds: 1_700_000_000_000_000_000, timeZones: .samples,
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
    guard case .array(let wanted)? = value("want_result") else { return nil }
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
    guard flag("sort_bindings") else { return value }
    guard case .object(let object) = value else { return value }
    return .object(
      ObjectValue(
        object.members.map { member in
          guard case .array(let elements) = member.value else { return (member.key, member.value) }
          return (member.key, .array(elements.sorted()))
        }))
  }
}

@Suite struct `The policy engine` {
  @Test func `decides as OPA does, but for the cases that are listed with a reason`() throws {
    guard let folder = Testdata.folder("rego/opa-v1") else { return }
    let cases = try ConformanceCase.all(in: folder)
    let reasons = NotYet.reasons
    var passed = 0
    var surprises: [String] = []
    var skipped: [String: Int] = [:]
    for one in cases {
      let failure = one.failure()
      let reason = reasons["\(one.category): \(one.note)"] ?? reasons["\(one.category): *"]
      switch (failure, reason) {
      case (nil, nil): passed += 1
      case (let failure?, nil): surprises.append("\(one.category): \(one.note): \(failure)")
      case (nil, _?):
        // A whole category may hold cases that pass all the same.
        passed += 1
        if reasons["\(one.category): \(one.note)"] != nil {
          surprises.append("\(one.category): \(one.note): is listed, but passes")
        }
      case (_?, let reason?): skipped[reason, default: 0] += 1
      }
    }
    let count = skipped.values.reduce(0, +)
    print("rego: \(passed) of \(cases.count) cases as OPA has them (\(count) skipped:")
    for (reason, count) in skipped.sorted(by: { $0.key < $1.key }) { print("  \(count) \(reason)") }
    print(")")
    for surprise in surprises { Issue.record("\(surprise)") }
  }
}
