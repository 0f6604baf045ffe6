import AuditAPI
package import Charters
package import Chassis
package import PolicyBundles
package import PolicyEngine
package import Vocabulary

/// What access policies must pass before they are signed. Pure: policies and charters in, faults out.
///
/// Their own tests say what they mean; the gate's questions say what no policies may do, whatever their tests say:
/// allow what the charters do not, or lock out those who keep the platform running.
package struct AccessGate: Sendable {
  /// Least share of lines that the tests reach, in percent.
  package static let coverageMin = 100.0

  let charters: CharterSet
  let now: Instant
  let randomness: Randomness

  /// - Parameters:
  ///   - now: what `time.now_ns` gives in tests.
  ///   - randomness: what they and the gate's questions draw from.
  package init(_ charters: CharterSet, at now: Instant, randomness: Randomness) {
    self.charters = charters
    self.now = now
    self.randomness = randomness
  }

  /// Most faults told.
  package static let faultsMax = 50

  /// Empty for policies that may be published.
  package func faults(of draft: PolicyDraft) -> [String] {
    let faults = AccessLists(charters).faults(draft) + randomFaults(draft) + testFaults(draft)
    guard faults.isEmpty else { return Array(faults.prefix(Self.faultsMax)) }
    return Array(answerFaults(draft).prefix(Self.faultsMax))
  }

  /// What decides by lot cannot be judged by asking.
  private func randomFaults(_ draft: PolicyDraft) -> [String] {
    draft.distributed.modules.flatMap { module in
      ["rand.", "uuid.rfc4122"].compactMap {
        module.source.contains($0) ? "\(module.file) uses \($0), and a decision is no lot" : nil
      }
    }
  }

  // MARK: Their own tests

  private func testFaults(_ draft: PolicyDraft) -> [String] {
    let policy: CompiledPolicy
    do throws(PolicyErrors) {
      policy = try CompiledPolicy.compile(draft.modules, outside: .onlyReplaced, isStrict: true)
      try policy.check(with: draft.data)
    } catch {
      return error.errors.map { "\($0)" }
    }
    let tests = policy.tests
    guard !tests.isEmpty else { return ["they have no tests (rules whose names begin with test_)"] }
    var reached: ReachedLines? = ReachedLines()
    var faults = tests.compactMap { test -> String? in
      let input = EvaluationInput(
        data: draft.data, nanoseconds: now.nanoseconds, seed: randomness.next(),
        // As services decide: an error is none.
        isStrict: true, budget: Self.testBudget)
      switch test.run(policy, input, &reached).outcome {
      case .passed: return nil
      case .failed: return "\(test.path) failed"
      case .skipped: return "\(test.path) is skipped"
      case .error(let error): return "\(test.path): \(error)"
      case .cases(let cases):
        guard let failed = cases.first(where: { !$0.passes }) else { return nil }
        return "\(test.path) failed for \(Value.array(failed.names).regoText)"
      }
    }
    if faults.isEmpty, let reached {
      faults = CoverageReport(policy, reached).files.filter {
        $0.percentage < Self.coverageMin
      }.flatMap { file in
        file.notCovered.map { "no test reaches \(file.name):\(Self.text($0))" }
      }
    }
    return faults
  }

  /// A test asks many questions.
  private static let testBudget = EvaluationBudget(
    stepsMax: 2_000_000, bytesMax: 64 << 20, depthMax: 128, stackBytesMax: 512 << 10)

  private static func text(_ lines: ClosedRange<Int>) -> String {
    lines.count == 1 ? "\(lines.lowerBound)" : "\(lines.lowerBound)-\(lines.upperBound)"
  }

  // MARK: The gate's questions

  /// Who and what is asked about: drawn anew each time, so that nobody can write policies that know the gate.
  struct Questions {
    var subject: String
    let client: String
    let reason: String
    let amount: String
    /// From long ago to far ahead; roles that end are not the gate's business, so most are ahead.
    let moments: [Instant]
    /// Purposes of real operations.
    let purposes: [String]
    /// What a claim of the transaction's context names instead of the subject.
    var named: [String: String] = [:]
  }

  private func drawn() -> Questions {
    func id() -> String {
      PersonID(at: now, random: randomness.bits128()).description
    }
    let day: Int64 = 86_400
    return Questions(
      subject: id(), client: id(), reason: "asked by \(id())",
      amount: "\(1 + randomness.next() % 100_000)",
      moments: [now] + (0..<2).map { _ in now + .seconds(day * Int64(randomness.next() % 3_650)) },
      purposes: Set(charters.charters.flatMap(\.operations).compactMap(\.purpose)).sorted())
  }

  /// What a service asks its policies when a request is in order: one question for each caller of each operation, on a
  /// person's behalf where the operation is for somebody; and what is known of it beforehand. For measuring.
  package func soundQuestions() -> [(question: AccessQuestion, known: KnownInput)] {
    let drawn = drawn()
    var found: [(question: AccessQuestion, known: KnownInput)] = []
    for charter in charters.charters {
      let questions = AccessQuestions(charter, in: charters)
      let operations = Dictionary(uniqueKeysWithValues: charter.operations.map { ($0.id, $0) })
      for (edge, known) in questions.edges {
        guard let operation = operations[edge.operation],
          edge.behalf == (operation.purpose == nil ? .nobody : .person),
          let question = questions.question(
            by: edge.caller, for: operation.id,
            resource: Dictionary(
              uniqueKeysWithValues: operation.path.parameters.map { ($0, drawn.subject) }),
            token: token(
              for: operation, claims(of: operation, at: charter.service), drawn, isPerson: true,
              purpose: nil, scopes: nil))
        else { continue }
        found.append((question, known))
      }
    }
    return found
  }

  private func answerFaults(_ draft: PolicyDraft) -> [String] {
    let drawn = drawn()
    let draft = draft.distributed
    do throws(AccessRulesError) {
      let plain = try AccessRules(draft, version: 1)
      // Compiled once; only the lists differ.
      func rules(_ draft: PolicyDraft) throws(AccessRulesError) -> AccessRules {
        try plain.deciding(by: draft.data)
      }
      let editions = Editions(
        plain: plain,
        // To contain a workload is to keep it from everything.
        calm: try rules(draft.emptying("contained")),
        suspending: try rules(draft.listing(drawn.subject, drawn.reason, under: "suspended")),
        suspendingClient: try rules(draft.listing(drawn.client, drawn.reason, under: "suspended")),
        freezing: try rules(draft.listing(drawn.subject, drawn.reason, under: "frozen")))
      var faults = entryFaults(draft, plain, drawn)
      for charter in charters.charters {
        let questions = AccessQuestions(charter, in: charters)
        let containing = try rules(
          draft.listing("\(charter.service)", drawn.reason, under: "contained"))
        faults += self.faults(ofContained: charter.service, containing)
        for operation in charter.operations + CharterOperation.allImplied {
          let closing = try rules(
            draft.listing("\(charter.service)/\(operation.id)", drawn.reason, under: "closed"))
          for moment in drawn.moments {
            faults += self.faults(
              charter.service, operation, questions, editions, closing, drawn, at: moment)
          }
        }
      }
      return Array(Set(faults)).sorted()
    } catch {
      return [error.description]
    }
  }

  /// The policies with one list changed.
  private struct Editions {
    let plain: AccessRules
    let calm: AccessRules
    let suspending: AccessRules
    let suspendingClient: AccessRules
    let freezing: AccessRules
  }

  private func faults(
    _ service: ServiceName, _ operation: CharterOperation, _ questions: AccessQuestions,
    _ rules: Editions, _ closing: AccessRules, _ drawn: Questions, at moment: Instant
  ) -> [String] {
    let name = "\(service)/\(operation.id)"
    var faults: [String] = []
    func ask(_ caller: ServiceName, _ token: Value?, _ rules: AccessRules) -> AccessVerdict {
      guard
        let question = questions.question(
          by: caller, for: operation.id,
          resource: Dictionary(
            uniqueKeysWithValues: operation.path.parameters.map { ($0, drawn.subject) }),
          token: token)
      else { return .undecided("no question") }
      return rules.verdict(on: question, at: moment)
    }
    func require(_ verdict: AccessVerdict, _ what: String) {
      switch verdict {
      case .refused: return
      case .allowed: faults.append("they allow \(what)")
      case .undecided(let why): faults.append("they do not decide on \(what): \(why)")
      }
    }
    for kind in [true, false] {
      func token(_ purpose: String? = nil, _ scopes: Set<Scope>? = nil) -> Value? {
        self.token(
          for: operation, claims(of: operation, at: service), drawn, isPerson: kind,
          purpose: purpose, scopes: scopes)
      }
      let sound = token()
      for charter in charters.charters {
        let caller = charter.service
        guard charters.mayCall(caller: caller, service: service, operation: operation.id) else {
          require(
            ask(caller, sound, rules.plain), "\(caller) to call \(name), which no charters declare")
          continue
        }
        require(ask(caller, sound, closing), "\(name) while it is closed")
        guard let purpose = operation.purpose else {
          if isVital(service, operation.id), ask(caller, nil, rules.calm) != .allowed {
            faults.append("they keep \(caller) from \(name), and the platform from running")
          }
          continue
        }
        require(ask(caller, nil, rules.plain), "\(caller) to call \(name) on nobody's behalf")
        for other in drawn.purposes + [drawn.reason] where other != purpose {
          require(ask(caller, token(other), rules.plain), "\(name) to a token for another purpose")
        }
        for scope in operation.scopes {
          require(
            ask(caller, token(nil, operation.scopes.subtracting([scope])), rules.plain),
            "\(name) without the scope \(scope)")
        }
        require(ask(caller, sound, rules.suspending), "\(name) to who is suspended")
        if kind {
          require(ask(caller, sound, rules.suspendingClient), "\(name) through a suspended client")
        }
        if !claims(of: operation, at: service).isEmpty,
          !AccessQuestions.isPassedOn(operation, of: service, in: charters)
        {
          require(ask(caller, sound, rules.freezing), "\(name) with a frozen account")
        }
      }
    }
    return faults
  }

  /// A contained workload is refused by everybody whom it may call.
  func faults(ofContained caller: ServiceName, _ rules: AccessRules) -> [String] {
    guard let calls = charters[caller]?.calls else { return [] }
    return calls.flatMap { call -> [String] in
      guard let callee = charters[call.service] else { return [] }
      let questions = AccessQuestions(callee, in: charters)
      return call.operations.compactMap { operation in
        guard let question = questions.question(by: caller, for: operation),
          case .refused = rules.verdict(on: question, at: now)
        else {
          return "they allow \(caller) to call \(callee.service)/\(operation) while it is contained"
        }
        return nil
      }
    }
  }

  /// What the launcher, the services' starts and the evidence need.
  private func isVital(_ service: ServiceName, _ operation: String) -> Bool {
    let append = AuditOperations.appendRecords
    return CharterOperation.allImplied.contains { $0.id == operation }
      || service == charters.holder(of: .authority)
      || (service == append.service && operation == append.id)
  }

  /// What the tokens say with which an operation is called: by its own charter, and by those that forward them to it.
  func claims(of operation: CharterOperation, at service: ServiceName) -> Set<String> {
    let forwarding = charters.charters.flatMap(\.operations).filter {
      $0.purpose == operation.purpose && $0.forwards.contains(service)
    }
    return Set(([operation] + forwarding).flatMap(\.context.keys))
  }

  func token(
    for operation: CharterOperation, _ claims: Set<String>, _ drawn: Questions, isPerson: Bool,
    purpose: String?,
    scopes: Set<Scope>?
  ) -> Value? {
    guard let purpose = purpose ?? operation.purpose, let correlation = CorrelationID(bits: 1)
    else { return nil }
    return AccessQuestions.shape(
      TransactionToken(
        id: TransactionID(at: now, random: 1), subject: drawn.subject,
        // A client that acts for itself is its own subject.
        clientID: isPerson ? drawn.client : drawn.subject,
        scopes: scopes ?? operation.scopes, purpose: purpose, correlation: correlation,
        method: operation.method.rawValue, target: "/", bodyDigest: [],
        context: claims.reduce(into: [:]) { context, claim in
          switch claim {
          case "amount": context[claim] = drawn.amount
          case "currency": context[claim] = "EUR"
          default: context[claim] = drawn.named[claim] ?? drawn.subject
          }
        },
        presenters: [], issuedAt: now))
  }
}

extension PolicyDraft {
  /// The same with one entry more in a list of `data.access`.
  func listing(_ key: String, _ reason: String, under list: String) -> PolicyDraft {
    changing(list) { $0[.string(key)] = .string(reason) }
  }

  /// The same with nothing in a list of `data.access`.
  func emptying(_ list: String) -> PolicyDraft { changing(list) { $0 = .empty } }

  private func changing(_ list: String, _ change: (inout ObjectValue) -> Void) -> PolicyDraft {
    guard case .object(var data) = data, case .object(var access)? = data["access"] else {
      return self
    }
    var entries = ObjectValue.empty
    if case .object(let present)? = access[list] { entries = present }
    change(&entries)
    access[.string(list)] = .object(entries)
    data[.string("access")] = .object(access)
    return PolicyDraft(modules: modules, data: .object(data))
  }
}
