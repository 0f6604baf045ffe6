import AuditAPI
import Charters
import PolicyClient
import PolicyEngine
import Telemetry
import Vocabulary

/// What the organisation's policies say, after certificate, charters and token: they can take away, never give.
struct PolicyCheck: AccessCheck {
  private let service: ServiceContext
  private let questions: AccessQuestions

  init(_ service: ServiceContext) {
    self.service = service
    questions = AccessQuestions(service.charter, in: service.charters)
  }

  func examine(_ passage: inout Passage) async throws {
    guard !service.platform.lacks(.policies) else { return }
    guard let caller = passage.caller, let operation = passage.operation,
      let rules = passage.policy,
      let question = questions.question(
        by: caller, for: operation.id, resource: passage.pathParameters,
        token: passage.transaction.map(AccessQuestions.shape))
    else { throw Problem.defect }
    let now = service.clock.now()
    if let remote = service.remotePolicy, !PolicyFreshness.isVital(service.service, operation.id) {
      let (verdict, decision) = await RemoteRules.ask(
        remote, question.value, within: passage.deadline?.remaining(at: now))
      passage.decider = decision
      try require(verdict, &passage)
    } else {
      try require(rules.verdict(on: question, at: now), &passage)
    }
  }

  private func require(_ verdict: AccessVerdict, _ passage: inout Passage) throws {
    switch verdict {
    case .allowed: return
    case .refused(let refusals):
      passage.rule = refusals.first?.rule
      for refusal in refusals {
        tell(passage, "a policy refuses a request", refusal.rule, refusal.why)
      }
      throw Problem("policy-refused", 403, "A policy does not allow this", kind: .policy)
    case .undecided(let why):
      tell(passage, "the policies came to no decision", "-", why)
      throw Problem(
        "policy-undecided", 503, "The policies came to no decision", retryAfterSeconds: 1)
    }
  }

  private func tell(_ passage: Passage, _ message: StaticString, _ rule: String, _ why: String) {
    service.log.with(
      correlation: passage.correlation, subject: passage.transaction?.subject,
      operation: passage.operation?.id
    ).warning(
      message,
      [
        "rule": .id(rule), "why": .text(why), "policy": .id(passage.decider ?? "-"),
        "caller": .id(passage.caller.map(\.description) ?? "-"),
      ])
  }
}

/// Policies that their source no longer confirms are believed for a while, then by nobody: whoever can keep the source
/// away must not be able to keep yesterday's rules in force.
struct PolicyFreshness: AccessCheck {
  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  func examine(_ passage: inout Passage) async throws {
    let (rules, isStale) = service.policy.rules
    passage.policy = rules
    passage.decider = rules.name
    guard isStale, service.remotePolicy == nil, !service.platform.lacks(.policies),
      let operation = passage.operation,
      !Self.isVital(service.service, operation.id)
    else { return }
    throw Problem(
      "policy-stale", 503, "The access policies have not been confirmed for too long",
      retryAfterSeconds: 5)
  }

  /// What must go on while nobody can decide: the operator sees how it stands, and what happens comes on record.
  static func isVital(_ service: ServiceName, _ operation: String) -> Bool {
    let append = AuditOperations.appendRecords
    return ImpliedOperation.names.contains(operation)
      || (service == append.service && operation == append.id)
  }
}
