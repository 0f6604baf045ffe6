import AuditAPI
import Charters
import Chassis
import NIOCore
import Telemetry
import Transport
import Vocabulary

/// Makes the calls that a program asks for: judged by the charters, then over mutual TLS with this
/// service's own certificate, under the request it belongs to. What is refused is recorded before
/// the program hears of it.
struct Outbound: Sendable {
  private let context: ServiceContext
  private let open: OpenCalls
  private let counters: [String: Counter]

  init(_ context: ServiceContext, open: OpenCalls) {
    self.context = context
    self.open = open
    counters = Dictionary(
      ["answered", "refused", "failed"].map { outcome in
        let counter = context.metrics.counter(
          "strongroom_program_calls_total", help: "Calls that the program asked for, by outcome.",
          labels: ["outcome": outcome])
        return (outcome, counter)
      }, uniquingKeysWith: { $1 })
  }

  /// Largest body that any operation takes which the program may call, bytes.
  static func bodyMax(_ context: ServiceContext) -> Int {
    let called = context.charter.calls.filter { $0.delivery == .request }.flatMap { call in
      call.operations.compactMap { context.charters[call.service]?.operation($0)?.bodyBytesMax }
    }
    return called.max() ?? 0
  }

  func answer(_ request: WireRequest) async -> WireResponse {
    let entry = request.headers[ProgramRequest.Name.call].flatMap { open[$0] }
    // What goes on after its request ended keeps the correlation id it was given, and no other.
    let named = request.headers[Header.correlation].flatMap { CorrelationID($0) }
    let given = named.flatMap { open.hasGiven($0) ? $0 : nil }
    let call = entry?.context ?? context.background(correlation: given)
    var answer: Answer
    do {
      answer = try await carryOut(request, entry, call)
      counters["answered"]?.add()
    } catch let problem as Problem {
      answer = .problem(problem, correlation: call.correlation)
      counters[problem.status < 500 ? "refused" : "failed"]?.add()
    } catch {
      context.log.with(correlation: call.correlation).error(
        "a program's call failed for a reason nobody planned for", ["error": .text("\(error)")])
      answer = .problem(.defect, correlation: call.correlation)
      counters["failed"]?.add()
    }
    answer.headers.set(Header.correlation, "\(call.correlation)")
    return WireResponse(
      status: answer.status, headers: answer.headers, body: ByteBuffer(bytes: answer.body))
  }

  private func carryOut(
    _ request: WireRequest, _ entry: OpenCalls.Entry?, _ call: CallContext
  ) async throws -> Answer {
    if request.headers[ProgramRequest.Name.call] != nil, entry == nil {
      throw Problem("call-over", 403, "The request of this handle is answered, or never was")
    }
    guard
      let question = OutboundRules.Question(
        method: request.method, uri: request.target, host: request.headers["host"])
    else { throw Problem.malformed("name the service in the target, or in the field Host") }
    let permit: OutboundRules.Permit
    do throws(OutboundRules.Refusal) {
      permit = try OutboundRules.decide(
        question, of: context.service, charters: context.charters)
    } catch {
      try await record(error, entry, call)
      throw error.problem
    }
    let answer = try await context.client(permit.callee).send(
      permit.operation.id, permit.operation.method, permit.target,
      body: Array(request.body.readableBytesView), context: call,
      idempotencyKey: request.headers[Header.idempotencyKey])
    var kept = Headers()
    for field in answer.headers.fields where Self.passed.contains(field.name) {
      kept.add(field.name, field.value)
    }
    return Answer(status: answer.status, headers: kept, body: answer.body)
  }

  private static let passed: Set<String> = [
    "content-type", "cache-control", "etag", "retry-after", Header.idempotentReplayed,
  ]

  private func record(
    _ refusal: OutboundRules.Refusal, _ entry: OpenCalls.Entry?, _ call: CallContext
  ) async throws {
    let now = context.clock.now()
    context.log.with(correlation: call.correlation, operation: refusal.operation).warning(
      "the program asked for a call that the charters do not declare", [:])
    try await context.recorder.write(
      AuditRecord(
        id: AuditRecordID(at: now, random: context.randomness.bits128()), at: now,
        service: context.service, kind: .access, correlation: call.correlation,
        caller: context.service, subject: entry?.subject, client: entry?.client,
        operation: refusal.operation, outcome: AuditRecord.refused, reason: refusal.problem.slug))
  }
}
