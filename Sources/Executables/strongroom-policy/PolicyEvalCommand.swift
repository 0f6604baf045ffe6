import ArgumentParser
import Foundation
import PolicyDocuments
import PolicyEngine
import Vocabulary

struct PolicyEvalCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case json, pretty, raw, values, bindings
  }

  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Evaluate a query.",
    discussion: "Exit codes: 0 done, 1 --fail or --fail-defined, 2 an error.")

  @Argument(help: "Rego, such as 'data.authz.allow'.")
  var query: String

  @OptionGroup var sources: PolicySources
  @OptionGroup var input: PolicyInput

  @Option(name: .shortAndLong, help: "json, pretty, raw, values or bindings.")
  var format = Format.json

  @Flag(
    help: "Exit code 1 where the query is undefined; one of several lines also where one is false.")
  var fail = false

  @Flag(help: "Exit code 1 where the query has a result.")
  var failDefined = false

  @Flag(help: "An error of a builtin ends the evaluation.")
  var strictBuiltinErrors = false

  func run() throws {
    var modules: [(file: String, source: String)] = [(file: "query", source: query)]
    let result: (lines: [CompiledQuery.Line], found: EvaluationResult)
    do {
      let files = try sources.load()
      modules += files.modules
      let policy = try files.compiled()
      let compiled = try CompiledQuery(query, policy: policy, keepsValues: true)
      let document = EvaluationInput(
        input: try input.load(), data: files.data,
        nanoseconds: Clock.system.now().nanoseconds,
        timeZones: .system(for: modules.map(\.source)), seed: Randomness.system.next(),
        isStrict: strictBuiltinErrors)
      result = (compiled.lines, try policy.evaluate(compiled, document))
    } catch let errors as PolicyErrors {
      throw failure(errors, modules)
    } catch let error as PolicyError {
      throw failure(PolicyErrors(errors: [error]), modules)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 2)
    }
    for line in result.found.printed {
      FileHandle.standardError.write(Data((line + "\n").utf8))
    }
    let shown = EvaluationTable(lines: result.lines, result: result.found)
    print(shown.text(format), terminator: "")
    // Several lines are a conjunction: one that is false leaves nothing of it.
    let isDefined =
      !result.found.bindings.isEmpty
      && (result.lines.count < 2
        || result.found.values.contains { row in row.allSatisfy { $0 != .bool(false) } })
    if fail && !isDefined || failDefined && isDefined { throw ArgumentParser.ExitCode(1) }
  }

  private func failure(_ errors: PolicyErrors, _ sources: [(file: String, source: String)])
    -> any Error
  {
    guard format == .json else { return endPolicy(errors.shown(sources), code: 2) }
    print(errors.value.indentedJSON)
    return ArgumentParser.ExitCode(2)
  }
}

/// A query's result in the ways that `opa eval --format` shows it.
struct EvaluationTable {
  let lines: [CompiledQuery.Line]
  let result: EvaluationResult

  private var bindings: [Value] {
    result.bindings.map { binding in
      .object(ObjectValue(binding.map { (.string($0.key), $0.value) }))
    }
  }

  func text(_ format: PolicyEvalCommand.Format) -> String {
    switch format {
    case .json: json.indentedJSON + "\n"
    case .bindings: Value.array(bindings).indentedJSON + "\n"
    case .values: Value.array(result.values.map(Self.one)).indentedJSON + "\n"
    case .raw:
      result.values.map { $0.map(Self.raw).joined(separator: " ") + "\n" }.joined()
    case .pretty: pretty
    }
  }

  /// The value of a query of one line; of several, all of them.
  private static func one(_ values: [Value]) -> Value {
    values.count == 1 ? values[0] : .array(values)
  }

  private static func raw(_ value: Value) -> String {
    if case .string(let text) = value { text } else { value.jsonText }
  }

  private var json: Value {
    guard !result.bindings.isEmpty else { return .object(.empty) }
    let rows = zip(bindings, result.values).map { binding, values -> Value in
      let expressions = zip(lines, values).map { line, value -> Value in
        let location = ObjectValue([
          (.string("col"), .integer(line.location.column)),
          (.string("row"), .integer(line.location.line)),
        ])
        return .object(
          ObjectValue([
            (.string("location"), .object(location)), (.string("text"), .string(line.text)),
            (.string("value"), value),
          ]))
      }
      var members: [(Value, Value)] = [(.string("expressions"), .array(expressions))]
      if case .object(let object) = binding, object.count > 0 {
        members.append((.string("bindings"), binding))
      }
      return .object(ObjectValue(members))
    }
    return .object(ObjectValue([(.string("result"), .array(rows))]))
  }

  private var pretty: String {
    guard let first = result.bindings.first, let values = result.values.first else {
      return "undefined\n"
    }
    if result.values.count == 1, lines.count == 1, first.isEmpty {
      return values[0].indentedJSON + "\n"
    }
    let names = first.keys.sorted()
    // A line that only binds says nothing that its variables do not.
    let shown = lines.indices.filter { place in
      names.isEmpty || result.values.contains { $0[place] != .bool(true) }
    }
    let heading = names + shown.map { lines[$0].text }
    let rows = zip(result.bindings, result.values).map { binding, values in
      names.map { binding[$0]?.jsonText ?? "" } + shown.map { values[$0].jsonText }
    }
    return TextBox.text([heading] + rows)
  }
}

/// A table with lines around its cells; the first row is the heading.
enum TextBox {
  static func text(_ rows: [[String]], hasHeading: Bool = true) -> String {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    let rule =
      "+" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "+") + "+\n"
    let lines = rows.map { row in
      "|"
        + zip(row, widths).map { cell, width in
          " " + cell + String(repeating: " ", count: width - cell.count) + " "
        }.joined(separator: "|") + "|\n"
    }
    guard hasHeading, let heading = lines.first else { return rule + lines.joined() + rule }
    return rule + heading + rule + lines.dropFirst().joined() + rule
  }
}
