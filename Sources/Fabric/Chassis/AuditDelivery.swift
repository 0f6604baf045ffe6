package import AuditAPI
import Storage
import StrictJSON
import Telemetry
import Vocabulary

/// Where audit records go from the outbox. Returns when the receiver has them durably; throws to be asked again.
package typealias AuditSink = @Sendable ([AuditRecord]) async throws -> Void

/// Carries audit records from the outbox to the audit service: in order, at least once, in batches, for as long as it
/// takes. While that service is away the records wait on disk; nothing goes unrecorded, and nobody waits for it.
enum AuditDelivery {
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
        if !records.isEmpty { try await sink(records) }
      } catch {
        return .unreachable
      }
      return unreadable.isEmpty
        ? .taken : .refused(ids: unreadable, reason: "not an audit record of this version")
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
