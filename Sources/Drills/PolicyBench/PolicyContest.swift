package import PolicyEngine

/// What an engine did with a workload.
package struct ContestFigures: Sendable, Codable {
  package let engine: String
  package let workload: String
  /// On one core.
  package let perSecond: Double
  package let p50Microseconds: Double
  package let p99Microseconds: Double
  /// How often the heap was asked for memory, for one decision; nil where nobody counts.
  package let allocations: Double?
  /// Decisions that are not ours.
  package let different: Int

  package init(
    engine: String, workload: String, nanoseconds times: [Double], allocations: Double?,
    different: Int = 0
  ) {
    self.engine = engine
    self.workload = workload
    self.allocations = allocations
    self.different = different
    let sorted = times.sorted()
    func quantile(_ part: Double) -> Double {
      sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))] / 1e3
    }
    perSecond = 1e9 * Double(times.count) / times.reduce(0, +)
    p50Microseconds = quantile(0.5)
    p99Microseconds = quantile(0.99)
  }
}

/// Our engine at a workload. The policy is prepared for the data, and for what is known of the inputs, as a service does
/// that loads both.
package struct PolicyContest {
  private let workload: PolicyWorkload
  /// For each input, or one for all.
  private let policies: [PreparedPolicy]
  private let query: CompiledQuery
  /// Most samples of one run.
  private static let samplesMax = 5_000_000

  /// - Throws: `PolicyErrors`.
  package init(_ workload: PolicyWorkload) throws(PolicyErrors) {
    self.workload = workload
    let policy = try CompiledPolicy.compile(workload.modules).prepared(data: workload.data)
    policies = workload.known.isEmpty ? [policy] : workload.known.map(policy.narrowed)
    query = try CompiledQuery("result = \(workload.query)", policy: policy.policy)
  }

  private func decide(_ place: Int, _ input: Value) throws(PolicyError) -> Value? {
    try policies[policies.count == 1 ? 0 : place].evaluate(query, EvaluationInput(input: input))
      .bindings.first?["result"]
  }

  /// Our decisions, which the others are held against; null where there is none.
  package func decisions() throws(PolicyError) -> [Value] {
    var all: [Value] = []
    for (place, input) in workload.inputs.enumerated() {
      all.append(try decide(place, input)?.jsonValue ?? .null)
    }
    return all
  }

  /// - Parameters:
  ///   - readsJSON: each decision begins with the input as JSON text.
  ///   - duration: how long to measure, after as long a warm-up as a tenth of it.
  package func run(readsJSON: Bool, for duration: Duration) throws -> ContestFigures {
    let texts = workload.inputs.map { Array($0.jsonText.utf8) }
    var times: [Double] = []
    var number = 0
    func decide() throws {
      let place = number % workload.inputs.count
      number += 1
      let input = readsJSON ? try Value.parse(json: texts[place]) : workload.inputs[place]
      _ = try self.decide(place, input)
    }
    let clock = ContinuousClock()
    let warm = clock.now
    repeat { try decide() } while clock.now - warm < duration / 10
    let before = HeapCount.now
    for _ in workload.inputs { try decide() }
    let allocations = HeapCount.now.flatMap { after in
      before.map { Double(after - $0) / Double(workload.inputs.count) }
    }
    let start = clock.now
    var last = start
    repeat {
      try decide()
      let now = clock.now
      let (seconds, attoseconds) = (now - last).components
      times.append(Double(seconds) * 1e9 + Double(attoseconds) / 1e9)
      last = now
    } while last - start < duration && times.count < Self.samplesMax
    return ContestFigures(
      engine: readsJSON ? "strongroom, from JSON" : "strongroom", workload: workload.name,
      nanoseconds: times, allocations: allocations)
  }
}
