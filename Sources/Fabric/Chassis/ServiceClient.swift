import Charters
import Faults
import NIOCore
import StrictJSON
import Telemetry
import Transport
package import Vocabulary

/// Calls one service over the mesh: pooled mutual TLS, deadline, retries where harmless, trace, problem decoding.
package struct ServiceClient: Sendable {
  private let context: ServiceContext
  private let callee: ServiceName

  init(context: ServiceContext, callee: ServiceName) {
    self.context = context
    self.callee = callee
  }

  /// - Parameters:
  ///   - input: the body; `Nothing` sends none.
  ///   - path: values for the template's parameters.
  /// - Throws: `Problem`: the callee's refusal as it stands; `unavailable` where the request was certainly not carried
  ///   out; `outcome-unknown` (503) where it may have been.
  package func call<Input: Encodable & Sendable, Output: Decodable & Sendable>(
    _ operation: Operation<Input, Output>, _ input: Input, path: [String: String] = [:],
    query: [String: String] = [:], context call: CallContext, idempotencyKey: String? = nil
  ) async throws(Problem) -> Output {
    let body: [UInt8]
    do {
      body = Input.self == Nothing.self ? [] : try StrictJSON.encode(input)
    } catch {
      throw .defect
    }
    let answer = try await send(
      operation.id, operation.method,
      PathFilling.fill(operation.path, with: path) + QueryFilling.text(query), body: body,
      context: call, idempotencyKey: idempotencyKey)
    if Output.self == Nothing.self, let nothing = Nothing() as? Output { return nothing }
    do {
      return try StrictJSON.decode(Output.self, from: answer.body)
    } catch {
      context.log.with(correlation: call.correlation, operation: operation.id).error(
        "an answer does not keep the contract",
        ["callee": .id(callee), "at": .text(error.pointer), "why": .text(error.reason)])
      throw .defect
    }
  }

  /// The same for bodies and answers that are not JSON.
  package func send(
    _ operationID: String, _ method: HTTPMethod, _ target: String, body: [UInt8] = [],
    contentType: String = "application/json", context call: CallContext,
    idempotencyKey: String? = nil
  ) async throws(Problem) -> Answer {
    guard let endpoint = context.endpoint(of: callee) else { throw .defect }
    let trace = call.trace.child(randomness: context.randomness)
    var headers: Headers = [
      Header.correlation: "\(call.correlation)", Header.traceparent: trace.traceparent,
    ]
    if !body.isEmpty { headers.add("content-type", contentType) }
    if let token = call.transactionToken { headers.add(Header.transactionToken, token) }
    if let idempotencyKey { headers.add(Header.idempotencyKey, idempotencyKey) }
    let isRepeatable =
      method == .get || idempotencyKey != nil
      || context.charters[callee]?.operation(operationID)?.isRetryable == true
    let start = context.clock.now()
    defer { record(operationID, trace, call, start) }
    let response: WireResponse
    do {
      FaultPoint.callLeaving.reached()
      response = try await context.transport.send(
        WireRequest(
          method: method.rawValue, target: target, headers: headers, body: ByteBuffer(bytes: body)),
        to: endpoint, by: call.deadline, isRepeatable: isRepeatable)
      FaultPoint.callAnswered.reached()
    } catch {
      context.log.with(correlation: call.correlation, operation: operationID).warning(
        "a call brought no answer", ["callee": .id(callee), "why": .id("\(error)")])
      throw error.certainlyNotSent ? .unavailable() : .outcomeUnknown
    }
    let answer = Answer(
      status: response.status, headers: response.headers,
      body: Array(response.body.readableBytesView))
    guard answer.status < 400 else { throw Problem(decoding: answer) }
    return answer
  }

  private func record(
    _ operation: String, _ trace: TraceContext, _ call: CallContext, _ start: Instant
  ) {
    guard context.tracer.isRecording(trace) else { return }
    var span = Span(
      "call \(callee) \(operation)", .client, context: trace, parentSpanID: call.trace.spanID,
      start: start)
    span.end = context.clock.now()
    context.tracer.record(span)
  }
}

extension Problem {
  /// The request may or may not have been carried out: ask, or send again with the same key.
  package static let outcomeUnknown = Problem(
    "outcome-unknown", 503, "Not known yet whether it happened; try again with the same key",
    kind: .unknown, retryAfterSeconds: 1)

  /// A problem+json answer of a service, as it stands. Anything else with an error status does not say what became of the
  /// request.
  init(decoding answer: Answer) {
    guard let document = try? JSON.parse(answer.body),
      let problem = Problem(
        document: document, status: answer.status,
        retryAfterSeconds: answer.headers["retry-after"].flatMap { Int($0) })
    else {
      self =
        answer.status >= 500
        ? .outcomeUnknown : Problem("refused", answer.status, "Refused", kind: .unknown)
      return
    }
    self = problem
  }
}

/// Fills `{name}` in an OpenAPI path template; values are percent-encoded.
package enum PathFilling {
  package static func fill(_ template: String, with values: [String: String]) -> String {
    guard !values.isEmpty else { return template }
    return values.reduce(template) { path, item in
      path.replacing("{\(item.key)}", with: PercentEncoding.encode(item.value))
    }
  }
}

/// `?name=value&…`, sorted by name, percent-encoded; empty for no items.
package enum QueryFilling {
  package static func text(_ items: [String: String]) -> String {
    guard !items.isEmpty else { return "" }
    return "?"
      + PercentEncoding.encode(
        items.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) })
  }
}
