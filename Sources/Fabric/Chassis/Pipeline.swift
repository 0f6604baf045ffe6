import Charters
import Faults
import NIOCore
import Storage
import Telemetry
import Transport
import Vocabulary

/// What every request of every service passes. This list is the order, and it stands nowhere else.
/// A request goes down the list and its answer comes back up: handler → idempotency (keeps the answer) → access (the
/// decision is durable in the outbox before anybody hears of it) → problem+json.
struct Pipeline: Sendable {
  private let stages: [any Stage]

  /// - Parameters:
  ///   - claimsLater: operations whose handlers claim the idempotency key themselves.
  ///   - page: what a person is shown for a failure, where an operation answers with pages.
  init(
    _ service: ServiceContext, handlers: [String: Handler], claimsLater: Set<String>,
    page: @escaping @Sendable (Problem) -> Answer?
  ) {
    stages = [
      // Every failure leaves as RFC 9457 problem+json or a page, measured and logged.
      ProblemStage(service, page: page),
      PeerStage(service),  // the certificate names a service of our trust domain
      LimitsStage(service),  // the operation exists; size and time are within its charter
      CorrelationStage(service),  // correlation id and W3C trace context, or new ones
      DiskStage(service),  // there is room for new work
      AccessStage(
        service,
        checks: [
          PolicyFreshness(service),  // there are policies, and their source confirms them
          EdgeCheck(service),  // both charters declare caller × operation
          TransactionTokenCheck(service),  // who, on whose behalf, why, which request
          RevocationCheck(service),  // nobody has taken that back
          PolicyCheck(service),  // what the organisation says: who may call, who may do
        ]),
      FairStage(service),  // nobody's many requests keep others from theirs
      IdempotencyStage(service, claimsLater: claimsLater),  // same key, same answer
      HandlerStage(handlers),
    ]
  }

  /// The answer to one request; never throws, never hangs beyond the request's deadline by its own doing.
  func answer(_ request: WireRequest, from peer: VerifiedPeer, at now: Instant) async
    -> WireResponse
  {
    let passage = Passage(request: request, peer: peer, receivedAt: now)
    let answer: Answer
    do {
      answer = try await pass(passage, through: stages[...])
    } catch {
      answer = .problem(.defect, correlation: nil)
    }
    FaultPoint.answerReady.reached()
    return WireResponse(
      status: answer.status, headers: answer.headers, body: ByteBuffer(bytes: answer.body))
  }

  private func pass(_ passage: Passage, through rest: ArraySlice<any Stage>) async throws -> Answer
  {
    guard let stage = rest.first else { throw Problem.defect }
    return try await stage.pass(passage) { try await pass($0, through: rest.dropFirst()) }
  }
}

/// One step of the way. It may refuse by throwing, add what it has proven, and touch the answer on its way back.
protocol Stage: Sendable {
  typealias Next = @Sendable (Passage) async throws -> Answer
  func pass(_ passage: Passage, _ next: Next) async throws -> Answer
}

/// One part of the access decision. Throws the refusal.
protocol AccessCheck: Sendable {
  func examine(_ passage: inout Passage) async throws
}

/// What is known about a request so far; each stage proves more.
struct Passage: Sendable {
  let request: WireRequest
  let peer: VerifiedPeer
  let receivedAt: Instant

  var caller: ServiceName?
  var operation: CharterOperation?
  var pathParameters: [String: String] = [:]
  var query: [String: String] = [:]
  var deadline: Deadline?
  var correlation: CorrelationID?
  var trace: TraceContext?
  var transaction: TransactionToken?
  var idempotency: IdempotencyClaim?
  /// The access policies in force, from the first check on.
  var policy: AccessRules?
  /// Which policies decide, for the record: a version, or an agent's decision.
  var decider: String?
  /// The rule by which they refused.
  var rule: String?
  /// Collects what `ProblemStage`, the outermost, needs to tell after an inner stage refused.
  let trail: Trail

  init(request: WireRequest, peer: VerifiedPeer, receivedAt: Instant) {
    self.request = request
    self.peer = peer
    self.receivedAt = receivedAt
    trail = Trail()
  }

  var path: String { String(request.target.prefix { $0 != "?" }) }

  /// Whether the request asks for every check and no effect, at an operation whose charter says that it can.
  var isDryRun: Bool {
    query["dry_run"] == "true" && operation?.query?.contains("dry_run") == true
  }

  /// The call for the handler. Nil when a stage is missing from the list above, which is a defect.
  func call() -> Call? {
    guard let caller, let operation, let deadline, let correlation, let trace else { return nil }
    return Call(
      operation: operation, caller: caller, target: request.target, path: pathParameters,
      query: query,
      headers: request.headers, body: Array(request.body.readableBytesView),
      correlation: correlation, trace: trace, deadline: deadline, transaction: transaction,
      idempotency: idempotency, receivedAt: receivedAt)
  }
}
