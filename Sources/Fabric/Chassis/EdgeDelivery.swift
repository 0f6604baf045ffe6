import Charters
package import Storage
import StrictJSON
import Synchronization
package import Vocabulary

extension OutboxMessage {
  /// A call that is made later, from the outbox: appended in the change that it tells of, delivered at least once, one after the
  /// other for each operation. The charter names it among its calls with `delivery: outbox`.
  /// - Parameters:
  ///   - id: unique for ever. The receiver gets it as the idempotency key where its operation has one.
  ///   - correlation: of the request that it comes from; nil: the delivery begins one of its own.
  /// - Throws: what cannot be said in JSON.
  package init<Input: Encodable, Output>(
    _ operation: Operation<Input, Output>, _ input: Input, id: some CustomStringConvertible,
    correlation: CorrelationID? = nil, at: Instant
  ) throws {
    let letter = EdgeLetter(correlation: correlation, body: try StrictJSON.encode(input))
    self.init(
      id: id, topic: EdgeDelivery.topic(operation.service, operation.id), body: letter.bytes, at: at
    )
  }
}

/// What lies in the outbox for another service: the correlation id, or nothing, in a line; then the request's body.
struct EdgeLetter: Hashable {
  let correlation: CorrelationID?
  let body: [UInt8]

  init(correlation: CorrelationID?, body: [UInt8]) {
    self.correlation = correlation
    self.body = body
  }

  /// Nil for bytes that are no letter.
  init?(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    let known = CorrelationID(head)
    guard known != nil || head.isEmpty else { return nil }
    correlation = known
    body = Array(bytes[(end + 1)...])
  }

  var bytes: [UInt8] {
    Array((correlation.map { "\($0)" } ?? "").utf8) + [UInt8(ascii: "\n")] + body
  }
}

/// Delivers what a service's charter sends from its outbox: one delivery for each operation, so that a receiver that is away
/// keeps nobody else waiting. Audit records go their own way, in batches (`AuditDelivery`).
enum EdgeDelivery {
  /// Messages read at once; each is a call of its own.
  static let batchMax = 100

  static func topic(_ callee: ServiceName, _ operation: String) -> String {
    "\(callee).\(operation)"
  }

  /// - Parameter others: topics that are delivered by other means.
  static func all(_ service: ServiceContext, but others: Set<String>) -> [OutboxDelivery] {
    service.charter.calls.filter { $0.delivery == .outbox }.flatMap { call in
      call.operations.compactMap { id in
        guard !others.contains(topic(call.service, id)),
          let operation = service.charters[call.service]?.operation(id)
        else { return nil }
        return delivery(service, of: operation, to: call.service)
      }
    }
  }

  private static func delivery(
    _ service: ServiceContext, of operation: CharterOperation, to callee: ServiceName
  ) -> OutboxDelivery {
    let client = service.client(callee)
    let taken = Taken()
    return OutboxDelivery(
      service.outbox, topic: topic(callee, operation.id), batchMax: batchMax, clock: service.clock,
      randomness: service.randomness, log: service.log
    ) { messages in
      var refused: [String: String] = [:]
      for message in messages where !taken.has(message.id) {
        guard let letter = EdgeLetter(message.body) else {
          refused[message.id] = "not a message of this version"
          continue
        }
        do throws(Problem) {
          _ = try await client.send(
            operation.id, operation.method, operation.path.description, body: letter.body,
            context: service.background(correlation: letter.correlation),
            idempotencyKey: operation.idempotency == .key ? message.id : nil)
          taken.note(message.id)
        } catch {
          guard isFinal(error) else { return .unreachable }
          refused[message.id] = error.slug
        }
      }
      taken.forget()
      guard let reason = refused.values.min() else { return .taken }
      return .refused(ids: Set(refused.keys), reason: reason)
    }
  }

  /// Whether the receiver will say no for ever. What it may do once somebody has changed something, a permission above all, waits
  /// in the outbox.
  static func isFinal(_ problem: Problem) -> Bool {
    switch problem.kind {
    case .malformed, .absent, .refused, .barred, .over, .differs: true
    case .permission, .policy, .busy, .unavailable, .unknown, .defect: false
    }
  }

  /// What the receiver has of the batch that is on its way, so that the rest goes on where it stopped. A class: all attempts at
  /// one batch look at it.
  private final class Taken: Sendable {
    private let ids = Mutex<Set<String>>([])
    func has(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }
    func note(_ id: String) { ids.withLock { _ = $0.insert(id) } }
    func forget() { ids.withLock { $0 = [] } }
  }
}
