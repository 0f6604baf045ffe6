import AuditAPI
import Charters
import Faults
import GatewayAPI
package import NIOCore
import StrictJSON
import Telemetry
import Tokens
import Transport
package import Vocabulary

/// What every outside request passes, in this order: address limit → route → method → form of the
/// request → token → scopes → limits of client, user and route → content → transaction token → the
/// service → audit → answer. Runs on the connection's event loop; nothing here waits except for the
/// service and the disk, side by side. A class: all connections share one.
package final class Edge: Sendable {
  private let routes: EdgeRoutes
  private let book: LimitBook
  private let tokens: TokenGate
  private let exchange: TokenExchange
  private let trail: AccessTrail
  private let upstream: Upstream
  private let clock: Clock
  private let randomness: Randomness
  private let telemetry: EdgeTelemetry

  /// Everything it works with; nothing is global.
  package init(
    routes: EdgeRoutes, book: LimitBook, tokens: TokenGate, exchange: TokenExchange,
    trail: AccessTrail, upstream: Upstream, clock: Clock, randomness: Randomness,
    telemetry: EdgeTelemetry
  ) {
    self.routes = routes
    self.book = book
    self.tokens = tokens
    self.exchange = exchange
    self.trail = trail
    self.upstream = upstream
    self.clock = clock
    self.randomness = randomness
    self.telemetry = telemetry
  }

  /// The moment, for whoever writes an answer.
  package func now() -> Instant { clock.now() }

  /// What becomes of a request whose head is read.
  package enum Arrival: Sendable {
    /// Read at most so many bytes of content, then ask `answer`.
    case proceed(Passage, contentBytesMax: Int)
    /// The content is of no interest any more.
    case answered(EventLoopFuture<EdgeAnswer>)
  }

  /// Judges what a head alone can tell, before a byte of content is read. On the connection's loop.
  package func arrive(
    _ head: RequestHead, from source: Source, on loop: any EventLoop
  ) -> Arrival {
    var passage = Passage(
      head: head, source: source, receivedAt: clock.now(), correlation: newCorrelation(),
      randomness: randomness)
    do throws(Problem) {
      book.arrive(from: source.key, at: passage.receivedAt, &passage.report)
      guard passage.report.isAllowed else { throw passage.report.problem }
      if head.method == "GET", head.path == GatewayAPI.getHealth.path {
        return health(passage, loop)
      }
      let route = try find(&passage)
      try FormRules.check(head, route: route)
      return .proceed(passage, contentBytesMax: route.operation.bodyBytesMax)
    } catch {
      return .answered(refuse(passage, error, on: loop))
    }
  }

  /// The answer to a whole request.
  package func answer(
    _ passage: Passage, _ content: ByteBuffer, on loop: any EventLoop
  ) -> EventLoopFuture<EdgeAnswer> {
    guard let route = passage.route else { return refuse(passage, .defect, on: loop) }
    guard route.operation.authentication == .token else {
      return admit(passage, nil, route, content, on: loop)
    }
    guard let bearer = TokenGate.bearer(in: passage.head[.authorization]) else {
      return refuse(passage, .unauthenticated, on: loop)
    }
    let isChange = route.operation.method != .get
    guard tokens.knowsRevocations(forChanges: isChange, at: passage.receivedAt) else {
      return refuse(passage, .revocationsUnknown, on: loop)
    }
    switch tokens.check(bearer, at: passage.receivedAt) {
    case .success(let token): return admit(passage, token, route, content, on: loop)
    case .failure(.token(.unknownKey)):
      // Perhaps a key so new that we have not heard of it. The gate asks at most once in a while,
      // for all of us.
      return tokens.refreshKeys(on: loop).flatMap {
        switch self.tokens.check(bearer, at: self.clock.now()) {
        case .success(let token): self.admit(passage, token, route, content, on: loop)
        case .failure(let refusal): self.refuse(passage, refusal, on: loop)
        }
      }
    case .failure(let refusal): return refuse(passage, refusal, on: loop)
    }
  }

  /// A request that never became one: counted and logged, not audited, because it named no
  /// operation.
  package func answer(_ fault: RequestFault) -> EdgeAnswer {
    telemetry.count(fault)
    let correlation = newCorrelation()
    var answer = EdgeAnswer(fault.problem, correlation: correlation)
    answer.fields.append((Header.correlation, "\(correlation)"))
    return answer
  }

  /// For a request whose answer could not be made: a defect of ours.
  package func answerToDefect() -> EdgeAnswer {
    EdgeAnswer(.defect, correlation: newCorrelation())
  }

  private func newCorrelation() -> CorrelationID {
    // Zero comes once in 2^128 draws; then the next one is taken.
    CorrelationID(bits: randomness.bits128()) ?? newCorrelation()
  }

  private func find(_ passage: inout Passage) throws(Problem) -> EdgeRoute {
    switch routes.find(passage.head.method, passage.head.path) {
    case .route(let route):
      passage.route = route
      if route.operation.authentication == .none {
        book.open(
          route.index, route.limits, from: passage.source.key, at: passage.receivedAt,
          &passage.report)
        guard passage.report.isAllowed else { throw passage.report.problem }
      } else if TokenGate.bearer(in: passage.head[.authorization]) == nil {
        throw .unauthenticated
      }
      return route
    case .none: throw Problem("not-found", 404, "There is nothing here")
    case .otherMethods(let methods):
      throw Problem(
        "method-not-allowed", 405, "This method is not allowed here",
        fields: ["allow": methods.map(\.rawValue).joined(separator: ", ")])
    case .unknownMethod: throw Problem("method-unknown", 501, "This method is not known here")
    }
  }

  private func health(_ passage: Passage, _ loop: any EventLoop) -> Arrival {
    let answer = EdgeAnswer(
      status: 200, fields: [("content-type", "application/json")],
      content: ByteBuffer(string: #"{"status":"ok"}"#))
    return .answered(loop.makeSucceededFuture(finished(answer, passage, reason: nil)))
  }
}

extension Edge {
  private func admit(
    _ passage: Passage, _ token: AccessToken?, _ route: EdgeRoute, _ content: ByteBuffer,
    on loop: any EventLoop
  ) -> EventLoopFuture<EdgeAnswer> {
    var passage = passage
    passage.token = token
    let request: WireRequest
    do throws(Problem) {
      request = try prepare(&passage, route, content)
    } catch {
      return refuse(passage, error, on: loop)
    }
    let allowed = passage
    // The record goes to disk while the service works; the answer waits for both.
    let recorded = trail.record(record(of: allowed, reason: nil), on: loop)
    let deadline = Deadline(allowed.receivedAt + route.operation.timeout)
    FaultPoint.callLeaving.reached()
    return upstream.send(
      request, route.service, deadline, route.operation.isRetryable, loop
    ).map { answer in
      FaultPoint.callAnswered.reached()
      return EdgeAnswer(
        status: answer.status, fields: PassageFields.outbound(answer.headers, route: route),
        content: answer.body)
    }.flatMapErrorThrowing { error in
      self.telemetry.upstreamFailed(route, error, allowed.correlation)
      return EdgeAnswer(
        Upstream.problem(for: error as? TransportFailure), correlation: allowed.correlation)
    }.flatMap { answer in
      recorded.map {
        FaultPoint.answerReady.reached()
        return self.finished(answer, allowed, reason: nil)
      }
    }.flatMapErrorThrowing { error in
      // Done, perhaps, but not on record: nobody hears that it was done.
      self.telemetry.unrecorded(error, allowed.correlation)
      return self.finished(
        EdgeAnswer(.unavailable(), correlation: allowed.correlation), allowed, reason: "unrecorded")
    }
  }

  private func prepare(
    _ passage: inout Passage, _ route: EdgeRoute, _ content: ByteBuffer
  ) throws(Problem) -> WireRequest {
    if let token = passage.token {
      guard route.operation.scopes.isSubset(of: token.scopes) else {
        throw EntryRefusal.missingScope.problem
      }
      book.admit(
        route.index, route.limits, client: token.clientID, user: token.userOrNil,
        at: passage.receivedAt, &passage.report)
      guard passage.report.isAllowed else { throw passage.report.problem }
    }
    let body = try FormRules.json(of: content, in: passage.head)
    var fields = PassageFields.inbound(passage, route: route)
    if route.operation.purpose != nil {
      fields.add(
        Header.transactionToken,
        try exchange.transactionToken(
          for: passage, route: route, content: content, body: body, at: clock.now()))
    }
    return WireRequest(
      method: passage.head.method, target: passage.target, headers: fields, body: content)
  }

  /// A refusal is on record before it is told, like everything else.
  private func refuse(
    _ passage: Passage, _ problem: Problem, reason: String? = nil, on loop: any EventLoop
  ) -> EventLoopFuture<EdgeAnswer> {
    let reason = reason ?? problem.slug
    var answer = EdgeAnswer(problem, correlation: passage.correlation)
    switch problem.status {
    case 401: answer.fields.append(("www-authenticate", EntryRefusal.challenge(problem)))
    case 403 where problem.slug == EntryRefusal.missingScope.problem.slug:
      let scopes = passage.route?.operation.scopes.map(\.description).sorted() ?? []
      answer.fields.append(
        (
          "www-authenticate",
          "Bearer error=\"insufficient_scope\", scope=\"\(scopes.joined(separator: " "))\""
        ))
    case 405: answer.fields.append(("allow", problem.fields["allow"] ?? ""))
    default: break
    }
    let told = answer
    return trail.record(record(of: passage, reason: reason), on: loop).map {
      self.finished(told, passage, reason: reason)
    }.flatMapErrorThrowing { error in
      self.telemetry.unrecorded(error, passage.correlation)
      return self.finished(
        EdgeAnswer(.unavailable(), correlation: passage.correlation), passage, reason: "unrecorded")
    }
  }

  private func refuse(
    _ passage: Passage, _ refusal: EntryRefusal, on loop: any EventLoop
  ) -> EventLoopFuture<EdgeAnswer> {
    refuse(passage, refusal.problem, reason: refusal.reason, on: loop)
  }

  private func record(of passage: Passage, reason: String?) -> AuditRecord {
    AuditRecord(
      id: AuditRecordID(at: passage.receivedAt, random: randomness.bits128()),
      at: passage.receivedAt, service: GatewayAPI.service, kind: .access,
      correlation: passage.correlation, caller: GatewayAPI.service,
      subject: passage.token?.subject, client: passage.token?.clientID,
      operation: passage.route?.operation.id ?? "unrouted",
      outcome: reason == nil ? AuditRecord.allowed : AuditRecord.refused, reason: reason,
      detail: passage.route.map { ["service": "\($0.service)"] } ?? [:])
  }

  /// Adds what every answer carries, and tells telemetry.
  private func finished(_ answer: EdgeAnswer, _ passage: Passage, reason: String?) -> EdgeAnswer {
    var answer = answer
    answer.fields.append((Header.correlation, "\(passage.correlation)"))
    if let limits = passage.report.fields {
      answer.fields.append(("ratelimit-policy", limits.policy))
      answer.fields.append(("ratelimit", limits.state))
    }
    telemetry.answered(passage, status: answer.status, reason: reason, at: clock.now())
    return answer
  }
}
