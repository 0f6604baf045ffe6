package import PolicyBundles
package import PolicyEngine
package import Vocabulary

/// What policies say of a request.
package enum AccessVerdict: Hashable, Sendable {
  case allowed
  /// At least one.
  case refused([AccessRefusal])
  /// They came to no decision; nothing is allowed then.
  case undecided(String)
}

/// A no of the policies.
package struct AccessRefusal: Hashable, Sendable {
  /// The rule's name, `account-frozen`.
  package let rule: String
  /// In plain words, for the log.
  package let why: String
}

/// One version of the access policies, ready to decide: an immutable value. Deciding does no I/O and holds no lock.
package struct AccessRules: Sendable {
  /// What a decision may spend; policies that need more are no policies for requests.
  package static let budget = EvaluationBudget(
    stepsMax: 200_000, bytesMax: 16 << 20, depthMax: 64, stackBytesMax: 256 << 10)
  /// The document that decides.
  package static let document = "data.strongroom.access.decision"

  package let version: Int
  /// The same as text, for every record.
  let name: String
  /// With its data: what depends on nothing else is known already.
  private let policy: PreparedPolicy
  /// People and clients on the organisation's list of the suspended.
  let suspended: Set<String>
  private let query: CompiledQuery
  /// What is left of them for the requests that are to be expected.
  private var edges: [AccessEdge: PreparedPolicy] = [:]
  /// Most rules that are kept for all edges together; larger policies decide without.
  private static let edgeRulesMax = 50_000

  /// - Throws: `AccessRulesError` where the policies are wrong, do not decide, or allow a question that asks nothing.
  package init(_ release: PolicyRelease) throws(AccessRulesError) {
    try self.init(release.draft, version: release.version)
  }

  /// - Throws: as above.
  package init(_ draft: PolicyDraft, version: Int) throws(AccessRulesError) {
    self.version = version
    name = "\(version)"
    suspended = Self.suspended(draft.data)
    do throws(PolicyErrors) {
      let compiled = try CompiledPolicy.compile(draft.modules)
      policy = compiled.prepared(data: draft.data, budget: Self.budget)
      query = try CompiledQuery("decision = \(Self.document)", policy: compiled)
    } catch {
      throw AccessRulesError("\(error)")
    }
    try requireDecision()
  }

  private init(_ other: AccessRules, data: Value) {
    version = other.version
    name = other.name
    query = other.query
    suspended = Self.suspended(data)
    policy = other.policy.policy.prepared(data: data, budget: Self.budget)
  }

  /// The same policies with other lists.
  /// - Throws: `AccessRulesError` where they do not decide by them.
  package func deciding(by data: Value) throws(AccessRulesError) -> AccessRules {
    let rules = AccessRules(self, data: data)
    try rules.requireDecision()
    return rules
  }

  /// The same, with what is known of the requests to be expected worked in: operation and caller are as the charters say,
  /// and of most policies little is left then.
  package func narrowed(to known: [AccessEdge: KnownInput]) -> AccessRules {
    guard known.count * policy.policy.ruleNames.count <= Self.edgeRulesMax else { return self }
    var rules = self
    rules.edges = known.mapValues { policy.narrowed(to: $0) }
    return rules
  }

  private static func suspended(_ data: Value) -> Set<String> {
    guard case .object(let all) = data, case .object(let lists)? = all["access"],
      case .object(let entries)? = lists["suspended"]
    else { return [] }
    return Set(
      entries.members.compactMap { member in
        guard case .string(let id) = member.key else { return nil }
        return id
      })
  }

  private func requireDecision() throws(AccessRulesError) {
    switch verdict(policy, .object(.empty), at: Instant(nanoseconds: 0)) {
    case .refused: break
    case .allowed: throw AccessRulesError("they allow a request that says nothing of itself")
    case .undecided(let why): throw AccessRulesError("they do not decide: \(why)")
    }
  }

  package func verdict(on question: AccessQuestion, at now: Instant) -> AccessVerdict {
    verdict(edges[question.edge] ?? policy, question.value, at: now)
  }

  private func verdict(
    _ policy: PreparedPolicy, _ question: Value, at now: Instant
  ) -> AccessVerdict {
    let result: EvaluationResult
    do throws(PolicyError) {
      // Strict: a builtin that fails must not leave out the refusal that it stands in.
      result = try policy.evaluate(
        query,
        EvaluationInput(
          input: question, nanoseconds: now.nanoseconds, isStrict: true, budget: Self.budget))
    } catch {
      return .undecided("\(error)")
    }
    return Self.verdict(result.bindings.first?["decision"])
  }

  /// Reads `{"allow": true}`, or `{"allow": false, "refusals": [{"rule", "why"}]}`.
  package static func verdict(_ decision: Value?) -> AccessVerdict {
    guard case .object(let members)? = decision else { return .undecided("no decision") }
    guard members["allow"] != .bool(true) else {
      // One that allows and refuses does not allow.
      return members["refusals"] == nil ? .allowed : .undecided("allows and refuses")
    }
    let found: [Value] =
      switch members["refusals"] {
      case .array(let elements)?: elements
      case .set(let set)?: set.members
      default: []
      }
    let refusals = found.compactMap { refusal -> AccessRefusal? in
      guard case .object(let members) = refusal, case .string(let rule)? = members["rule"],
        case .string(let why)? = members["why"]
      else { return nil }
      return AccessRefusal(rule: rule, why: why)
    }
    return refusals.isEmpty
      ? .refused([AccessRefusal(rule: "unnamed", why: "the policies do not say why")])
      : .refused(refusals)
  }
}

/// Why policies cannot be put in force.
package struct AccessRulesError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
