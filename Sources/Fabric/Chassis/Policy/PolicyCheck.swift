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
    guard let asked = AskedAccess(passage), let rules = passage.policy else { throw Problem.defect }
    let (verdict, decision) = try await verdict(on: asked, by: rules)
    if let decision { passage.decider = decision }
    if case .refused(let refusals) = verdict { passage.rule = refusals.first?.rule }
    try require(verdict, asked, decider: passage.decider)
  }

  /// - Returns: the verdict, and the decision's name where an agent made it.
  func verdict(
    on asked: AskedAccess, by rules: AccessRules
  ) async throws -> (AccessVerdict, decision: String?) {
    guard
      let question = questions.question(
        by: asked.caller, for: asked.operation, resource: asked.resource,
        token: asked.transaction.map(AccessQuestions.shape))
    else { throw Problem.defect }
    let now = service.clock.now()
    if let remote = service.remotePolicy, !PolicyFreshness.isVital(service.service, asked.operation)
    {
      let (verdict, decision) = await RemoteRules.ask(
        remote, question.value, within: asked.deadline?.remaining(at: now))
      return (verdict, decision)
    }
    return (rules.verdict(on: question, at: now), nil)
  }

  /// Throws what a verdict comes to, and logs why.
  func require(_ verdict: AccessVerdict, _ asked: AskedAccess, decider: String?) throws(Problem) {
    func tell(_ message: StaticString, _ rule: String, _ why: String) {
      service.log.with(
        correlation: asked.correlation, subject: asked.transaction?.subject,
        operation: asked.operation
      ).warning(
        message,
        [
          "rule": .id(rule), "why": .text(why), "policy": .id(decider ?? "-"),
          "caller": .id(asked.caller),
        ])
    }
    switch verdict {
    case .allowed: return
    case .refused(let refusals):
      for refusal in refusals { tell("a policy refuses a request", refusal.rule, refusal.why) }
      throw Problem("policy-refused", 403, "A policy does not allow this", kind: .policy)
    case .undecided(let why):
      tell("the policies came to no decision", "-", why)
      throw Problem(
        "policy-undecided", 503, "The policies came to no decision", retryAfterSeconds: 1)
    }
  }
}

/// One question to the policies: may this caller do this, on whose behalf.
struct AskedAccess {
  let caller: ServiceName
  let operation: String
  let resource: [String: String]
  let transaction: TransactionToken?
  let deadline: Deadline?
  let correlation: CorrelationID?

  /// Nil while caller and operation are not proven.
  init?(_ passage: Passage) {
    guard let caller = passage.caller, let operation = passage.operation else { return nil }
    self.caller = caller
    self.operation = operation.id
    resource = passage.pathParameters
    transaction = passage.transaction
    deadline = passage.deadline
    correlation = passage.correlation
  }

  /// What a call does besides its own operation.
  init(_ operation: String, resource: [String: String], in call: Call) {
    self.operation = operation
    self.resource = resource
    caller = call.caller
    transaction = call.transaction
    deadline = call.deadline
    correlation = call.correlation
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
