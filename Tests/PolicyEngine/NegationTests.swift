import Foundation
import PolicyEngine
import Testing

/// What a real Open Policy Agent makes of `not` before some thousand expressions; `Referee/negation.py`
/// asks it.
private struct NegationTable {
  let prelude: String
  let data: Value
  let inputs: [Value]
  let forms: [(expression: String, verdict: String)]

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Referee/negation.json")
    guard case .object(let table) = try Value.parse(json: [UInt8](try Data(contentsOf: file))),
      case .string(let prelude)? = table["prelude"], let data = table["data"],
      case .array(let inputs)? = table["inputs"], case .array(let forms)? = table["forms"]
    else { throw Broken() }
    (self.prelude, self.data, self.inputs) = (prelude, data, inputs)
    self.forms = forms.compactMap { form in
      guard case .array(let pair) = form, case .string(let expression) = pair[0],
        case .string(let verdict) = pair[1]
      else { return nil }
      return (expression, verdict)
    }
  }

  struct Broken: Error {}

  /// - Parameter isIndexed: among rules that an index tells apart.
  func source(_ expression: String, isIndexed: Bool) -> String {
    let local = expression.contains("local") ? "local := input.o\n\t" : ""
    let guarded = isIndexed ? "input.kind == \"it\"\n\t" : ""
    let others = isIndexed ? (0..<5).map { "\nr if input.kind == \"other\($0)\"\n" }.joined() : ""
    return prelude + others + "\nr if {\n\t\(guarded)\(local)not \(expression)\n}\n"
  }
}

@Suite struct `A negation` {
  private enum Way: String, CaseIterable {
    case plain, covered, indexed, prepared, narrowed, known
  }

  /// `t` where it holds, `-` where it does not, `e` for an error.
  private static func letter(_ run: () throws -> EvaluationResult) -> Character {
    do {
      return try run().bindings.isEmpty ? "-" : "t"
    } catch {
      return (error as? PolicyError)?.code == "eval_internal_error" ? "!" : "e"
    }
  }

  private static func verdict(_ source: String, _ table: NegationTable, _ way: Way) throws -> String
  {
    let policy: CompiledPolicy
    do {
      policy = try CompiledPolicy.compile([("p.rego", source)])
    } catch {
      return "R"
    }
    let query = try CompiledQuery("x = data.p.r", policy: policy)
    let prepared = policy.prepared(data: table.data)
    return String(
      table.inputs.map { input in
        var document = EvaluationInput(input: input, data: table.data, isStrict: true)
        guard case .object(let members) = input else { return "?" }
        switch way {
        case .plain: return letter { try policy.evaluate(query, document) }
        case .covered:
          var reached: ReachedLines? = ReachedLines()
          return letter { try policy.evaluate(query, document, reaching: &reached) }
        case .indexed:
          document.input = .object(
            ObjectValue(
              members.members.map { ($0.key, $0.value) } + [(.string("kind"), .string("it"))]))
          return letter { try policy.evaluate(query, document) }
        case .prepared: return letter { try prepared.evaluate(query, document) }
        case .narrowed:
          let names = ["a", "k", "s", "xs", "o", "q", "zz", "z", "never"].map(Value.string)
          let there = names.filter { members[$0].map { $0 != .bool(false) } ?? false }
          let input = KnownInput(
            members: .empty, absent: Set(names.filter { members[$0] == nil }),
            present: Set(there.map { [$0] }))
          return letter { try prepared.narrowed(to: input).evaluate(query, document) }
        case .known:
          let input = KnownInput(members: members, absent: [.string("zz"), .string("z")])
          return letter { try prepared.narrowed(to: input).evaluate(query, document) }
        }
      })
  }

  /// An error of a builtin may come later, or not at all, where something else is undefined first.
  private static func isSame(_ found: String, _ wanted: String) -> Bool {
    found.count == wanted.count
      && zip(found, wanted).allSatisfy { $0 == $1 || $1 == "e" && $0 == "-" }
  }

  @Test(arguments: ["plain", "covered", "indexed", "prepared", "narrowed", "known"])
  func `of something undefined decides as Open Policy Agent does`(_ name: String) throws {
    let way = try #require(Way(rawValue: name))
    let table = try NegationTable()
    #expect(table.forms.count > 2_500)
    var differences: [String] = []
    for (expression, verdict) in table.forms {
      let source = table.source(expression, isIndexed: way == .indexed)
      let found = try Self.verdict(source, table, way)
      if !Self.isSame(found, verdict) {
        differences.append("not \(expression): \(found), Open Policy Agent \(verdict)")
      }
    }
    #expect(differences.isEmpty, "\(differences.prefix(20)), \(differences.count) in all")
  }

  @Test func `of a call whose argument is undefined holds for nobody`() throws {
    let source = """
      package p
      default allow := false
      allow if not blocked(input.user.id)
      blocked(id) if id in data.blocked
      """
    let policy = try CompiledPolicy.compile([("p.rego", source)])
    func allow(_ input: String) throws -> Value? {
      let document = EvaluationInput(
        input: try Value.parse(json: Array(input.utf8)),
        data: try Value.parse(json: Array(#"{"blocked": ["eve"]}"#.utf8)))
      return try policy.evaluate("x = data.p.allow", document).bindings.first?["x"]
    }
    #expect(try allow(#"{"user": {"id": "ann"}}"#) == .bool(true))
    #expect(try allow(#"{"user": {"id": "eve"}}"#) == .bool(false))
    #expect(try allow(#"{"user": {}}"#) == .bool(false))
    #expect(try allow("{}") == .bool(false))
  }
}
