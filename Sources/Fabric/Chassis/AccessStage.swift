import AuditAPI
import Charters
import Crypto
import NIOCore
import Telemetry
import Transport
package import Vocabulary

/// Decides whether a request may happen, and has the decision durable before anybody hears of it.
struct AccessStage: Stage {
  private let checks: [any AccessCheck]
  private let recorder: AccessRecorder

  init(_ service: ServiceContext, checks: [any AccessCheck]) {
    self.checks = checks
    recorder = service.recorder
  }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    var judged = passage
    do {
      for check in checks { try await check.examine(&judged) }
    } catch let refusal as any Refusal {
      try await recorder.record(judged, refused: refusal.problem.slug)
      throw refusal
    }
    let allowed = judged
    let subject = allowed.transaction?.subject
    allowed.trail.note { $0.subject = subject }
    // The record goes to disk while the handler works; the answer waits for both.
    let record = try recorder.begin(allowed, refused: nil)
    do {
      let answer = try await next(allowed)
      try await recorder.finish(record)
      return answer
    } catch {
      try await recorder.finish(record)
      throw error
    }
  }
}

/// Both ends must have declared it: the caller in `calls`, the callee in `callers`. Default is deny.
struct EdgeCheck: AccessCheck {
  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  func examine(_ passage: inout Passage) async throws {
    guard let caller = passage.caller, let operation = passage.operation else {
      throw Problem.defect
    }
    guard
      service.charters.mayCall(caller: caller, service: service.service, operation: operation.id)
        || service.platform.lacks(.edgeChecks)
    else {
      throw Problem("edge-not-declared", 403, "The charters do not declare this call")
    }
  }
}

/// Who, on whose behalf, why and which request: the transaction token, wherever the charter gives a purpose.
struct TransactionTokenCheck: AccessCheck {
  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  func examine(_ passage: inout Passage) async throws {
    guard let operation = passage.operation, let caller = passage.caller else {
      throw Problem.defect
    }
    guard let encoded = passage.request.headers[Header.transactionToken] else {
      guard operation.purpose == nil else { throw TransactionTokenRefusal.missing }
      return
    }
    let token = try service.transactionTokens.verify(
      encoded, presentedBy: caller, purpose: operation.purpose, scopes: operation.scopes,
      at: service.clock.now())
    guard !service.platform.lacks(.transactionTokens) else {
      passage.transaction = token
      return
    }
    if caller == TransactionToken.issuingService {
      // Straight from the gateway: the token was made for exactly this request.
      try token.requireRequest(
        method: passage.request.method, target: passage.request.target,
        bodyDigest: Array(SHA256.hash(data: Array(passage.request.body.readableBytesView))))
    }
    guard passage.correlation == token.correlation else {
      throw TransactionTokenRefusal.otherRequest
    }
    passage.transaction = token
  }
}

/// What an organisation adds to the charters: pure, default allows what the charters allow. Issue "Policy as code" puts
/// Rego here.
package struct AccessPolicy: Sendable {
  package struct Question: Sendable {
    package let caller: ServiceName
    package let service: ServiceName
    package let operation: String
    package let subject: String?
    package let scopes: Set<Scope>
  }
  /// Nil allows; a refusal names the rule.
  package let refusal: @Sendable (Question) -> Problem?
  package init(refusal: @escaping @Sendable (Question) -> Problem?) { self.refusal = refusal }
  package static let chartersOnly = AccessPolicy { _ in nil }
}

struct PolicyCheck: AccessCheck {
  private let policy: AccessPolicy
  private let service: ServiceName
  init(_ policy: AccessPolicy, service: ServiceName) {
    self.policy = policy
    self.service = service
  }

  func examine(_ passage: inout Passage) async throws {
    guard let caller = passage.caller, let operation = passage.operation else {
      throw Problem.defect
    }
    let question = AccessPolicy.Question(
      caller: caller, service: service, operation: operation.id,
      subject: passage.transaction?.subject, scopes: passage.transaction?.scopes ?? [])
    if let refusal = policy.refusal(question) { throw refusal }
  }
}
