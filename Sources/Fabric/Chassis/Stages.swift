import Charters
import Faults
import NIOCore
import Storage
import Synchronization
import Telemetry
import Transport
package import Vocabulary

/// What the outermost stage must know about a request whose passage an inner stage cut short.
/// A class: the outermost stage holds the same one that the inner stages write to.
final class Trail: Sendable {
  struct Facts: Sendable {
    var operation: String?
    var caller: ServiceName?
    var correlation: CorrelationID?
    var trace: TraceContext?
    var parentSpanID: UInt64?
    var subject: String?
  }
  private let facts = Mutex(Facts())
  var known: Facts { facts.withLock { $0 } }
  func note(_ change: @Sendable (inout Facts) -> Void) { facts.withLock { change(&$0) } }
}

/// Turns every failure into problem+json; counts, times, logs and traces every request.
struct ProblemStage: Stage {
  private let service: ServiceContext
  private let requests: RequestMetrics
  private let page: @Sendable (Problem) -> Answer?

  init(_ service: ServiceContext, page: @escaping @Sendable (Problem) -> Answer?) {
    self.service = service
    self.page = page
    requests = RequestMetrics(service)
  }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    var answer: Answer
    var reason: String?
    do {
      answer = try await next(passage)
    } catch {
      let problem = problem(for: error, passage)
      reason = problem.slug
      answer =
        (wantsPage(passage) ? page(problem) : nil)
        ?? .problem(problem, correlation: passage.trail.known.correlation)
    }
    let facts = passage.trail.known
    if let correlation = facts.correlation {
      answer.headers.set(Header.correlation, "\(correlation)")
    }
    tell(answer.status, reason, facts, passage)
    return answer
  }

  /// Whether a browser asks for a page: it names the media type, where programs take anything.
  private func wantsPage(_ passage: Passage) -> Bool {
    guard let id = passage.trail.known.operation, let operation = service.charter.operation(id),
      operation.answers.contains(Self.pageType)
    else { return false }
    return passage.request.headers["accept"]?.lowercased().contains(Self.pageType) ?? false
  }

  private static let pageType = "text/html"

  private func problem(for error: any Error, _ passage: Passage) -> Problem {
    switch error {
    case let refusal as any Refusal: return refusal.problem
    case is CancellationError: return .unavailable()
    default:
      service.log.with(correlation: passage.trail.known.correlation).error(
        "a request failed for a reason nobody planned for",
        ["error": .text(String(describing: error))])
      return .defect
    }
  }

  private func tell(_ status: Int, _ reason: String?, _ facts: Trail.Facts, _ passage: Passage) {
    let span = service.clock.now() - passage.receivedAt
    let operation = facts.operation ?? "unknown"
    requests.record(operation: operation, status: status, span: span)
    guard !ImpliedOperation.names.contains(operation) else { return }
    // What is asked every second, and is no record where it is allowed, is no line either.
    let isRoutine = service.charter.operation(operation)?.audit == .refusals
    guard !isRoutine || status >= 400 else { return }
    var fields: [String: LogValue] = ["status": .count(status), "took": .duration(span)]
    if let caller = facts.caller { fields["caller"] = .id(caller) }
    if let reason { fields["reason"] = .id(reason) }
    if service.platform.lacks(.discretion) {
      fields["body"] = .text(String(buffer: passage.request.body))
    }
    let log = service.log.with(
      correlation: facts.correlation, subject: facts.subject, operation: operation)
    if status >= 500 {
      log.warning("request failed", fields)
    } else {
      log.info("request answered", fields)
    }
    if let trace = facts.trace, service.tracer.isRecording(trace) {
      var span = Span(
        "\(service.service) \(operation)", .server, context: trace,
        parentSpanID: facts.parentSpanID,
        start: passage.receivedAt)
      span.end = service.clock.now()
      span.hasFailed = status >= 500
      span.attributes = ["http.response.status_code": .count(status)]
      if let caller = facts.caller { span.attributes["strongroom.caller"] = .id(caller) }
      service.tracer.record(span)
    }
  }
}

/// The certificate's SPIFFE ID must be that of a service: one name, our trust domain.
struct PeerStage: Stage {
  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    guard passage.peer.id.trustDomain == service.platform.trustDomain,
      let caller = passage.peer.id.service
    else { throw Problem.forbidden }
    var known = passage
    known.caller = caller
    known.trail.note { $0.caller = caller }
    return try await next(known)
  }
}

/// Finds the operation, and holds the request to its size and time.
struct LimitsStage: Stage {
  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    guard let method = HTTPMethod(rawValue: passage.request.method) else {
      throw Self.methodNotAllowed(service.charter.methods(on: passage.path))
    }
    var known = passage
    if let implied = CharterOperation.implied(method, passage.path) {
      known.operation = implied
    } else if let (operation, parameters) = service.charter.route(method, passage.path) {
      known.operation = operation
      known.pathParameters = parameters
    } else {
      let allowed = service.charter.methods(on: passage.path)
      throw allowed.isEmpty
        ? Problem.notFound : Self.methodNotAllowed(allowed)
    }
    guard let operation = known.operation else { throw Problem.defect }
    passage.trail.note { $0.operation = operation.id }
    guard passage.request.body.readableBytes <= operation.bodyBytesMax else {
      throw Problem(
        "content-too-large", 413, "The body is larger than this operation takes",
        detail: "at most \(operation.bodyBytesMax) bytes")
    }
    known.query = try QueryString.parse(passage.request.target)
    try requireKnown(known.query, operation)
    let allowance = try timeAllowance(of: passage, operation)
    let deadline = Deadline(passage.receivedAt + allowance)
    guard !deadline.hasPassed(at: service.clock.now()) else { throw Problem.deadlineExceeded }
    known.deadline = deadline
    return try await next(known)
  }

  private static func methodNotAllowed(_ methods: [HTTPMethod]) -> Problem {
    Problem(
      "method-not-allowed", 405, "This method is not allowed here",
      fields: ["allow": methods.map(\.rawValue).joined(separator: ", ")])
  }

  /// A program of somebody else's that says nothing of its query judges for itself.
  private func requireKnown(_ query: [String: String], _ operation: CharterOperation) throws {
    guard operation.query != nil || service.charter.program == nil,
      let name = operation.refusedQuery(query.keys)
    else { return }
    let taken = operation.query?.sorted().joined(separator: ", ") ?? ""
    throw Problem.malformed(
      taken.isEmpty
        ? "unknown query item; this operation takes none"
        : "unknown query item; this operation takes \(taken)",
      field: String(name.prefix(Self.fieldMax)))
  }

  /// Longest name that a refusal says again, in characters.
  private static let fieldMax = 64

  /// The shorter of what the caller still has and what the charter gives.
  private func timeAllowance(of passage: Passage, _ operation: CharterOperation) throws -> Duration
  {
    guard let text = passage.request.headers[Header.deadline] else { return operation.timeout }
    guard let millis = Int64(text), (0...600_000).contains(millis) else {
      throw Problem.malformed("\(Header.deadline) is not a number of milliseconds")
    }
    return min(.milliseconds(millis), operation.timeout)
  }
}

/// Takes over the correlation id and trace context of the caller. Only the gateway and background work begin new ones;
/// a request that comes without gets one, so that nothing is ever untraceable.
struct CorrelationStage: Stage {
  private let service: ServiceContext
  init(_ service: ServiceContext) { self.service = service }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    var known = passage
    let given = passage.request.headers[Header.traceparent].flatMap(TraceContext.init(traceparent:))
    let correlation =
      passage.request.headers[Header.correlation].flatMap { CorrelationID($0) } ?? given?.traceID
      ?? service.newCorrelation()
    let parent = given.flatMap { $0.traceID == correlation ? $0 : nil }
    let trace =
      parent?.child(randomness: service.randomness)
      ?? TraceContext(startingAt: correlation, randomness: service.randomness)
    known.correlation = correlation
    known.trace = trace
    passage.trail.note {
      $0.correlation = correlation
      $0.trace = trace
      $0.parentSpanID = parent?.spanID
    }
    return try await next(known)
  }
}

/// Runs the handler of the operation.
struct HandlerStage: Stage {
  private let handlers: [String: Handler]
  init(_ handlers: [String: Handler]) { self.handlers = handlers }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    guard let call = passage.call(), let handler = handlers[call.operation.id] else {
      throw Problem.defect
    }
    FaultPoint.requestAdmitted.reached()
    return try await handler(call)
  }
}

/// Query items of a request target; strict percent-decoding, no name twice, at most 32.
package enum QueryString {
  static let itemsMax = 32

  /// By name.
  package static func parse(_ target: String) throws(Problem) -> [String: String] {
    guard let mark = target.firstIndex(of: "?") else { return [:] }
    let text = target[target.index(after: mark)...]
    guard !text.isEmpty else { return [:] }
    let items = text.split(separator: "&", omittingEmptySubsequences: true)
    guard items.count <= itemsMax else { throw .malformed("more than \(itemsMax) query items") }
    var query: [String: String] = [:]
    for item in items {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = PercentEncoding.decode(parts[0].utf8), !name.isEmpty,
        let value = parts.count == 2 ? PercentEncoding.decode(parts[1].utf8) : ""
      else { throw .malformed("the query is not well formed") }
      guard query.updateValue(value, forKey: name) == nil else {
        throw .malformed("given twice", field: name)
      }
    }
    return query
  }
}
