package import AuditAPI
import Storage
import StrictJSON
import Telemetry
import Vocabulary

/// Where audit records go from the outbox. Returns when the receiver has them durably; throws to be asked again.
package typealias AuditSink = @Sendable ([AuditRecord]) async throws -> Void

/// Carries audit records from the outbox to the audit service: in order, at least once, in batches, for as long as it
/// takes. While that service is away the records wait on disk; nothing goes unrecorded, and nobody waits for it.
package enum AuditDelivery {
  /// Long enough to fill a batch under load, too short for a person to notice.
  static let linger: Duration = .milliseconds(100)

  /// Of audit records, and of what else the charter sends from its outbox.
  static func all(_ service: ServiceContext, sink: AuditSink?) -> [OutboxDelivery] {
    let records = AuditOperations.appendRecords
    return [make(service, sink: sink)]
      + EdgeDelivery.all(service, but: [EdgeDelivery.topic(records.service, records.id)])
  }

  private static func make(_ service: ServiceContext, sink: AuditSink?) -> OutboxDelivery {
    let send = sink.map(decoding) ?? viaAuditService(service)
    return OutboxDelivery(
      service.outbox, topic: AuditOperations.topic, batchMax: AuditOperations.recordsMax,
      linger: linger, clock: service.clock, randomness: service.randomness, log: service.log
    ) { messages in
      do {
        let refused = try await deliver(messages, named: { $0.id }, to: send)
        return refused.isEmpty
          ? .taken : .refused(ids: refused, reason: "not an audit record of this version")
      } catch {
        return .unreachable
      }
    }
  }

  /// Where the receiver calls a batch wrong it goes record by record, so that one bad record does not keep the others,
  /// and all that come after, from the log.
  /// - Returns: the ids of those that the receiver will never take.
  /// - Throws: when the receiver is not there, or busy.
  package static func deliver<Item>(
    _ items: [Item], named id: (Item) -> String, to send: ([Item]) async throws -> Void
  ) async throws -> Set<String> {
    do {
      try await send(items)
      return []
    } catch let problem as Problem where [400, 413, 422].contains(problem.status) {
      guard items.count > 1 else { return Set(items.map(id)) }
      var refused: Set<String> = []
      for item in items { refused.formUnion(try await deliver([item], named: id, to: send)) }
      return refused
    }
  }

  /// For a receiver in this process.
  private static func decoding(
    _ sink: @escaping AuditSink
  ) -> @Sendable ([OutboxMessage]) async throws -> Void {
    { messages in
      let records: [AuditRecord]
      do {
        records = try messages.map { try StrictJSON.decode(AuditRecord.self, from: $0.body) }
      } catch {
        throw Problem.malformed("not an audit record")
      }
      try await sink(records)
    }
  }

  /// A message's body is a record's canonical JSON already: it travels as it is.
  private static func viaAuditService(
    _ service: ServiceContext
  ) -> @Sendable ([OutboxMessage]) async throws -> Void {
    let operation = AuditOperations.appendRecords
    let audit = service.client(operation.service)
    return { messages in
      var body = Array(#"{"records":["#.utf8)
      body.reserveCapacity(messages.reduce(16) { $0 + $1.body.count + 1 })
      for (place, message) in messages.enumerated() {
        if place > 0 { body.append(UInt8(ascii: ",")) }
        body += message.body
      }
      body += "]}".utf8
      let answer = try await audit.send(
        operation.id, operation.method, operation.path, body: body, context: service.background())
      for conflict in try StrictJSON.decode(RecordsAppended.self, from: answer.body).conflicts {
        service.log.error("an audit record's id was used before", ["record": .id(conflict)])
      }
    }
  }
}
