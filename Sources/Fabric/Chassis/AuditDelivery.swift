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
  static let linger: Duration = .milliseconds(50)

  static func make(_ service: ServiceContext, sink: AuditSink?) -> OutboxDelivery {
    let sink = sink ?? viaAuditService(service)
    return OutboxDelivery(
      service.outbox, topic: AuditOperations.topic, batchMax: AuditOperations.recordsMax,
      linger: linger, clock: service.clock, randomness: service.randomness, log: service.log
    ) { messages in
      var records: [AuditRecord] = []
      var unreadable: Set<String> = []
      for message in messages {
        if let record = try? StrictJSON.decode(AuditRecord.self, from: message.body) {
          records.append(record)
        } else {
          unreadable.insert(message.id)
        }
      }
      do {
        let refused = try await deliver(records, to: sink)
        let ids = unreadable.union(refused)
        return ids.isEmpty
          ? .taken : .refused(ids: ids, reason: "not an audit record of this version")
      } catch {
        return .unreachable
      }
    }
  }

  /// Where the receiver calls a batch wrong it goes record by record, so that one bad record does not keep the others,
  /// and all that come after, from the log.
  /// - Returns: the ids of those that the receiver will never take.
  /// - Throws: when the receiver is not there, or busy.
  package static func deliver(
    _ records: [AuditRecord], to sink: AuditSink
  ) async throws -> Set<String> {
    guard !records.isEmpty else { return [] }
    do {
      try await sink(records)
      return []
    } catch let problem as Problem where [400, 413, 422].contains(problem.status) {
      if records.count == 1 { return Set(records.map { $0.id.description }) }
      var refused: Set<String> = []
      for record in records { refused.formUnion(try await deliver([record], to: sink)) }
      return refused
    }
  }

  private static func viaAuditService(_ service: ServiceContext) -> AuditSink {
    let audit = service.client("audit")
    return { records in
      let answer = try await audit.call(
        AuditOperations.appendRecords, AppendRecords(records: records),
        context: service.background())
      for conflict in answer.conflicts {
        service.log.error("an audit record's id was used before", ["record": .id(conflict)])
      }
    }
  }
}
