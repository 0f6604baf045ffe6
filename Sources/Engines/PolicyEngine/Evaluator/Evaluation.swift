/// What one evaluation may spend. Past a limit it ends with `eval_budget_error`, so that a runaway
/// query is an error of its own and never a service that hangs.
package struct EvaluationBudget: Hashable, Sendable {
  /// Most steps: expressions tried, members visited, characters matched.
  package let stepsMax: Int
  /// Most memory that values made on the way take, in bytes, counted as they are made and not
  /// given back.
  package let bytesMax: Int
  /// Most rules and functions inside each other.
  package let depthMax: Int
  /// Most stack, in bytes; a thread must have more than this left.
  package let stackBytesMax: Int

  package init(
    stepsMax: Int = 10_000_000, bytesMax: Int = 256 << 20, depthMax: Int = 500,
    stackBytesMax: Int = 2 << 20
  ) {
    self.stepsMax = stepsMax
    self.bytesMax = bytesMax
    self.depthMax = depthMax
    self.stackBytesMax = stackBytesMax
  }

  /// Ten million steps, 256 MiB, 500 rules deep, 2 MiB of stack.
  package static let standard = EvaluationBudget()
}

/// What an evaluation starts from, besides the policy and the query.
package struct EvaluationInput: Sendable {
  /// The input document; nil leaves `input` undefined.
  package var input: Value?
  /// The base documents: an object.
  package var data: Value
  /// What `time.now_ns` gives, in nanoseconds since 1970 (UTC).
  package var nanoseconds: Int64
  /// What `time.*` knows besides UTC.
  package var timeZones: TimeZones
  /// What `rand.intn` and `uuid.rfc4122` draw from.
  package var seed: UInt64
  /// Errors of builtins end the evaluation; otherwise they leave the call undefined.
  package var isStrict: Bool
  package var budget: EvaluationBudget

  package init(
    input: Value? = nil, data: Value = .object(.empty), nanoseconds: Int64 = 0,
    timeZones: TimeZones = .none, seed: UInt64 = 0, isStrict: Bool = false,
    budget: EvaluationBudget = .standard
  ) {
    self.input = input
    self.data = data
    self.nanoseconds = nanoseconds
    self.timeZones = timeZones
    self.seed = seed
    self.isStrict = isStrict
    self.budget = budget
  }
}

/// What an evaluation found.
package struct EvaluationResult: Sendable {
  /// One entry per way to fulfil the query, by variable; empty where it is undefined.
  package let bindings: [[String: Value]]
  /// For each of those the values of the query's lines; empty unless the query keeps them.
  package let values: [[Value]]
  /// Lines that `print` and `trace` wrote, in order, with their place.
  package let printed: [String]
}

extension CompiledPolicy {
  /// Evaluates a query. Pure: the same arguments give the same result.
  /// - Throws: `PolicyError` with OPA's code, or `eval_budget_error`.
  package func evaluate(_ query: CompiledQuery, _ input: EvaluationInput) throws(PolicyError)
    -> EvaluationResult
  {
    try evaluate(Evaluator(policy: self, input: input), query)
  }

  /// The same, and adds the lines that were reached, unless `reached` is nil.
  /// - Throws: as without.
  package func evaluate(
    _ query: CompiledQuery, _ input: EvaluationInput, reaching reached: inout ReachedLines?
  ) throws(PolicyError) -> EvaluationResult {
    let evaluator = Evaluator(policy: self, input: input)
    evaluator.reached = reached
    defer { reached = evaluator.reached }
    return try evaluate(evaluator, query)
  }

  func evaluate(_ evaluator: Evaluator, _ query: CompiledQuery) throws(PolicyError)
    -> EvaluationResult
  {
    do {
      return try evaluator.run(query)
    } catch let error as PolicyError {
      throw error
    } catch {
      throw PolicyError(code: "eval_internal_error", message: "\(error)", location: nil)
    }
  }

  /// Compiles and evaluates a query.
  /// - Throws: `PolicyError`; of several errors in the query the first.
  package func evaluate(_ query: String, _ input: EvaluationInput) throws(PolicyError)
    -> EvaluationResult
  {
    let compiled: CompiledQuery
    do {
      compiled = try CompiledQuery(query, policy: self)
    } catch {
      throw error.errors[0]
    }
    return try evaluate(compiled, input)
  }
}
