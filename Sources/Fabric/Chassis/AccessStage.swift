import AuditAPI
import Charters
import Crypto
import NIOCore
import Telemetry
import Transport
import Vocabulary

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
    try require(operation.id, by: caller)
  }

  /// - Parameter fields: what the problem says besides.
  func require(
    _ operation: String, by caller: ServiceName, fields: [String: String] = [:]
  ) throws {
    guard
      service.charters.mayCall(caller: caller, service: service.service, operation: operation)
        || service.platform.lacks(.edgeChecks)
    else {
      throw Problem(
        "edge-not-declared", 403, "The charters do not declare this call", fields: fields)
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
    if caller == service.charters.holder(of: .door) {
      // Straight from the door: the token was made for exactly this request.
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
