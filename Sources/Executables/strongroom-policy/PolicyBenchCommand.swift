import ArgumentParser
import Foundation
import PolicyDocuments
import PolicyEngine
import Vocabulary

struct PolicyBenchCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case pretty, json, gobench
  }

  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure a query.",
    discussion: """
      Policies and query are compiled beforehand; each sample is one evaluation, for about a second.
      Exit codes: 1 the query is undefined, 2 an error.
      """)

  @Argument(help: "Rego, such as 'data.authz.allow'.")
  var query: String

  @OptionGroup var sources: PolicySources
  @OptionGroup var input: PolicyInput

  @Option(help: "How often to measure.")
  var count = 1

  @Option(name: .shortAndLong, help: "pretty, json or gobench.")
  var format = Format.pretty

  @Flag(inversion: .prefixedNo, help: "Exit code 1 where the query is undefined.")
  var fail = true

  func validate() throws {
    guard (1...1_000).contains(count) else { throw ValidationError("--count must be 1–1000") }
  }

  func run() throws {
    do {
      let files = try sources.load()
      let policy = try files.compiled()
      let compiled = try CompiledQuery(query, policy: policy, keepsValues: true)
      let document = EvaluationInput(
        input: try input.load(), data: files.data,
        nanoseconds: Clock.system.now().nanoseconds,
        timeZones: .system(for: files.modules.map(\.source) + [query]))
      if fail, try policy.evaluate(compiled, document).bindings.isEmpty {
        throw endPolicy("the query is undefined", code: 1)
      }
      for _ in 0..<count { show(try sample(policy, compiled, document)) }
    } catch let errors as PolicyErrors {
      throw endPolicy(errors.shown([(file: "query", source: query)]), code: 2)
    } catch let error as PolicyError {
      throw endPolicy("\(error)", code: 2)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 2)
    }
  }

  private func sample(
    _ policy: CompiledPolicy, _ query: CompiledQuery, _ document: EvaluationInput
  ) throws -> SampledTimes {
    let samplesMax = 5_000_000
    var times: [Double] = []
    let start = ContinuousClock.now
    var last = start
    repeat {
      _ = try policy.evaluate(query, document)
      let now = ContinuousClock.now
      times.append(Double((now - last).components.attoseconds) / 1e9)
      last = now
    } while last - start < .seconds(1) && times.count < samplesMax
    return SampledTimes(times)
  }

  private func show(_ times: SampledTimes) {
    switch format {
    case .pretty:
      print(
        TextBox.text(
          times.rows.map { [$0.name, String(Int($0.value.rounded()))] }, hasHeading: false),
        terminator: "")
    case .json:
      let members = times.rows.map { row in
        (Value.string(row.name), Number(row.value).map(Value.number) ?? .null)
      }
      print(Value.object(ObjectValue(members)).indentedJSON)
    case .gobench:
      let name = query.filter { $0.isLetter || $0.isNumber || $0 == "." }
      print("BenchmarkPolicyEval/\(name)\t\(times.count)\t\(Int(times.mean.rounded())) ns/op")
    }
  }
}

/// How long evaluations took, in nanoseconds.
struct SampledTimes {
  private let sorted: [Double]
  var count: Int { sorted.count }
  let mean: Double

  /// - Parameter times: at least one.
  init(_ times: [Double]) {
    sorted = times.sorted()
    mean = times.reduce(0, +) / Double(max(1, times.count))
  }

  func quantile(_ part: Double) -> Double {
    sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))]
  }

  var rows: [(name: String, value: Double)] {
    [("samples", Double(count)), ("ns/op", mean), ("min_ns", sorted[0])]
      + [("50", 0.5), ("75", 0.75), ("90", 0.9), ("99", 0.99), ("99.9", 0.999)].map {
        ("histogram_timer_rego_query_eval_ns_\($0.0)%", quantile($0.1))
      } + [("max_ns", quantile(1))]
  }
}
