import AuditAPI
import Charters
package import Chassis
import Faults
import GatewayAPI
package import NIOCore
import StrictJSON
import Telemetry
import Tokens
import Transport
package import Vocabulary

/// What every outside request passes: the checks of its head, its token, the checks of its content (`DoorChecks.swift` has
/// both lists in their order), the transaction token, the service, audit, and the answer. Runs on the connection's event
/// loop; nothing here waits except for the service and the disk, side by side. A class: all connections share one.
package final class Edge: Sendable {
  let routes: EdgeRoutes
  let documents: [String: DoorDocument]
  let contracts: ContractBook
  let book: LimitBook
  private let tokens: TokenGate
  private let exchange: TokenExchange
  private let trail: AccessTrail
  private let refusals: RefusalCounter
  private let upstream: Upstream
  private let clock: Clock
  private let randomness: Randomness
  private let telemetry: EdgeTelemetry
  private let samples: AnswerSamples
  let crossOrigin: CrossOrigin
  let disk: DiskPoint

  /// Everything it works with; nothing is global.
  ///
  /// - Parameters:
  ///   - documents: what the door answers by itself, by path.
  ///   - contracts: what requests are held against.
  ///   - sampling: of so many answers of an operation one is held against its contract.
  package init(
    routes: EdgeRoutes, documents: [String: DoorDocument] = DoorDocument.all([:], issuer: ""),
    contracts: ContractBook = ContractBook(), book: LimitBook, tokens: TokenGate,
    exchange: TokenExchange, trail: AccessTrail, refusals: RefusalCounter, upstream: Upstream,
    clock: Clock,
    randomness: Randomness,
    telemetry: EdgeTelemetry, origins: WebOriginBook = WebOriginBook(),
    disk: DiskPoint = DiskPoint(), sampling: Int = 1
  ) {
    self.routes = routes
    self.documents = documents
    self.contracts = contracts
    self.book = book
    self.tokens = tokens
    self.exchange = exchange
    self.trail = trail
    self.refusals = refusals
    self.upstream = upstream
    self.clock = clock
    self.randomness = randomness
    self.telemetry = telemetry
    self.disk = disk
    samples = AnswerSamples(routes: routes.all.count, every: sampling)
    crossOrigin = CrossOrigin(origins, routes: routes)
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
      for check in HeadCheck.allCases {
        guard let answer = try pass(check, &passage) else { continue }
        return .answered(loop.makeSucceededFuture(answer))
      }
      return .proceed(
        passage, contentBytesMax: passage.route?.operation.bodyBytesMax ?? 0)
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

  /// A request that never became one: it named no operation, so nothing waits for its record, and after the first of its
  /// kind from its address it is only counted.
  package func answer(
    _ fault: RequestFault, from source: Source, on loop: any EventLoop
  ) -> EdgeAnswer {
    telemetry.count(fault)
    let correlation = newCorrelation()
    let kind = fault.problem.slug
    let place = refusals.place(of: source)
    if refusals.note(.place(place), kind, .stranger) {
      let now = clock.now()
      let written = trail.record(
        record(at: now, correlation, token: nil, route: nil, reason: kind, place: place), on: loop)
      written.whenFailure { self.telemetry.unrecorded($0, correlation) }
    }
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
      var body: JSONDocument?
      for check in ContentCheck.allCases { try pass(check, &passage, route, content, &body) }
      request = try prepare(passage, route, content, body)
    } catch {
      return refuse(passage, error, on: loop)
    }
    let allowed = passage
    // The record goes to disk while the service works; the answer waits for both.
    let recorded =
      isWhole(allowed, route)
      ? trail.record(record(of: allowed, reason: nil), on: loop) : loop.makeSucceededVoidFuture()
    let deadline = Deadline(allowed.receivedAt + route.operation.timeout)
    FaultPoint.callLeaving.reached()
    return upstream.send(
      request, route.service, deadline, route.operation.isRetryable, loop
    ).flatMapThrowing { answer in
      FaultPoint.callAnswered.reached()
      let passed = try AnswerRules.passed(answer, route: route, isPersonal: allowed.token != nil)
      self.sample(passed, allowed, route)
      return passed
    }.flatMapErrorThrowing { error in
      self.telemetry.upstreamFailed(route, error, allowed.correlation)
      let failure = error is AnswerRules.Fault ? .answerMalformed : error as? TransportFailure
      return EdgeAnswer(Upstream.problem(for: failure), correlation: allowed.correlation)
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

  /// Holds some of the answers against the contract: a service that says something else than its document is reported, and
  /// its caller has the answer all the same.
  private func sample(_ answer: EdgeAnswer, _ passage: Passage, _ route: EdgeRoute) {
    guard samples.takes(next: route.index) else { return }
    if let fault = contracts.fault(of: answer, to: route) {
      telemetry.offContract(route, fault, passage.correlation)
    }
  }

  private func prepare(
    _ passage: Passage, _ route: EdgeRoute, _ content: ByteBuffer, _ body: JSONDocument?
  ) throws(Problem) -> WireRequest {
    var fields = PassageFields.inbound(passage, route: route)
    if route.operation.purpose != nil {
      fields.add(
        Header.transactionToken,
        try exchange.transactionToken(
          for: passage, route: route, content: content, body: body, at: clock.now()))
    }
    return WireRequest(
      method: passage.method, target: passage.target, headers: fields, body: content)
  }

  /// A refusal is on record before it is told, like everything else; or it is one of many, and counted.
  private func refuse(
    _ passage: Passage, _ problem: Problem, for refusal: EntryRefusal? = nil,
    on loop: any EventLoop
  ) -> EventLoopFuture<EdgeAnswer> {
    var (passage, problem, reason) = (passage, problem, refusal?.reason ?? problem.slug)
    if passage.token == nil, passage.report.isAllowed {
      book.refuse(from: passage.source.key, at: passage.receivedAt, &passage.report)
      if !passage.report.isAllowed {
        problem = passage.report.problem
        reason = problem.slug
      }
    }
    let told = self.told(problem, refusal, passage)
    guard isWhole(passage, reason) else {
      return loop.makeSucceededFuture(finished(told, passage, reason: reason))
    }
    let noted = passage
    return trail.record(record(of: noted, reason: reason), on: loop).map { [reason] in
      self.finished(told, noted, reason: reason)
    }.flatMapErrorThrowing { error in
      self.telemetry.unrecorded(error, noted.correlation)
      return self.finished(
        EdgeAnswer(.unavailable(), correlation: noted.correlation), noted, reason: "unrecorded")
    }
  }

  /// Whether a request that is let in has a record of its own: always on somebody's behalf, and where the route is open to
  /// everybody the first ones of an address in a minute.
  private func isWhole(_ passage: Passage, _ route: EdgeRoute) -> Bool {
    passage.token != nil
      || refusals.note(letIn: refusals.place(of: passage.source), route.operation.id)
  }

  /// Whether a refusal has a record of its own. Who has an authentic token has one, but for a flood of requests beyond its
  /// limits.
  private func isWhole(_ passage: Passage, _ kind: String) -> Bool {
    let shown = TokenGate.bearer(in: passage.head[.authorization])
    let owner = passage.token ?? shown.flatMap { tokens.owner(of: $0, at: passage.receivedAt) }
    if let token = owner {
      let party = RefusedParty.subject(token.subject, client: token.clientID)
      return refusals.note(party, kind, passage.report.isAllowed ? .known : .stranger)
    }
    return refusals.note(
      .place(refusals.place(of: passage.source)), kind,
      shown != nil && passage.report.isAllowed ? .shown : .stranger)
  }

  /// - Parameter refusal: of the token, where one was sent; a problem of the limits may have taken its place.
  func told(
    _ problem: Problem, _ refusal: EntryRefusal?, _ passage: Passage
  ) -> EdgeAnswer {
    var answer = EdgeAnswer(problem, correlation: passage.correlation)
    let refusal =
      refusal ?? (problem == EntryRefusal.missingScope.problem ? EntryRefusal.missingScope : nil)
    switch problem.status {
    case 401, 403:
      let scopes = passage.route?.operation.scopes ?? []
      let challenge =
        problem.status == 401
        ? refusal?.challenge(scopes: []) ?? EntryRefusal.challengeWithoutToken
        : refusal?.challenge(scopes: scopes)
      if let challenge { answer.fields.append(("www-authenticate", challenge)) }
    case 405: answer.fields.append(("allow", problem.fields["allow"] ?? ""))
    default: break
    }
    return answer
  }

  private func refuse(
    _ passage: Passage, _ refusal: EntryRefusal, on loop: any EventLoop
  ) -> EventLoopFuture<EdgeAnswer> {
    refuse(passage, refusal.problem, for: refusal, on: loop)
  }

  private func record(of passage: Passage, reason: String?) -> AuditRecord {
    record(
      at: passage.receivedAt, passage.correlation, token: passage.token, route: passage.route,
      reason: reason,
      place: passage.token != nil ? nil : refusals.place(of: passage.source))
  }

  private func record(
    at now: Instant, _ correlation: CorrelationID, token: AccessToken?, route: EdgeRoute?,
    reason: String?, place: String?
  ) -> AuditRecord {
    var detail = route.map { ["service": "\($0.service)"] } ?? [:]
    if let place { detail["place"] = place }
    return AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now,
      service: GatewayAPI.service, kind: .access, correlation: correlation,
      caller: GatewayAPI.service, subject: token?.subject, client: token?.clientID,
      operation: route?.operation.id ?? "unrouted",
      outcome: reason == nil ? AuditRecord.allowed : AuditRecord.refused, reason: reason,
      detail: detail)
  }

  /// Adds what every answer carries, and tells telemetry.
  func finished(_ answer: EdgeAnswer, _ passage: Passage, reason: String?) -> EdgeAnswer {
    var answer = answer
    answer.fields.append((Header.correlation, "\(passage.correlation)"))
    answer.fields += crossOrigin.fields(for: passage.head, route: passage.route)
    if let farewell = passage.route?.farewell {
      answer.fields += farewell.fields(passage.parameters)
    }
    if let limits = passage.report.fields {
      answer.fields.append(("ratelimit-policy", limits.policy))
      answer.fields.append(("ratelimit", limits.state))
    }
    telemetry.answered(passage, status: answer.status, reason: reason, at: clock.now())
    return answer
  }
}
