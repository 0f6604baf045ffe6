import AuditAPI
package import Chassis
import EgressAPI
import NIOPosix
package import Vocabulary

/// The one way out: one operation, for whoever's charter names the destination.
package struct EgressService: Service {
  package static let name = EgressOperations.fetch.service
  package static let version = "1.0.0"

  private let desk: FetchDesk

  package init(_ context: ServiceContext) async throws {
    let settings = context.settings
    desk = FetchDesk(
      context.charters, lookup: .system(threads: .singleton), group: context.group,
      dialler: OutsideDialler(
        group: context.group, authorityFile: context.platform.outsideAuthorityFile,
        answerBytesMax: settings.number("answer_max") << 20),
      clock: context.clock, timeMax: settings.seconds("call_time"),
      shares: CallerShares(
        atOnceMax: settings.number("calls_at_once"), perSecond: settings.number("call_rate")),
      goesAnywhere: context.platform.lacks(.destinations)
    ) { account in
      try await context.recorder.write(
        account.record(
          at: context.clock.now(), random: context.randomness.bits128()))
    }
  }

  package var operations: [String: Handler] {
    let desk = desk
    return [
      EgressOperations.fetch.id: { call in
        try .json(
          200,
          await desk.fetch(
            call.decode(FetchRequest.self), for: call.caller, correlation: call.correlation,
            by: call.deadline))
      }
    ]
  }
}

extension FetchDesk.Account {
  fileprivate func record(at now: Instant, random: UInt128) -> AuditRecord {
    var detail = [
      "bytes_sent": "\(bytesSent)", "bytes_taken": "\(bytesTaken)",
      "milliseconds": "\(milliseconds)",
    ]
    // A host name has up to 253 bytes, and a port six more.
    detail["destination"] = place.map { String($0.suffix(AuditRecord.valueBytesMax)) }
    detail["address"] = address
    detail["status"] = status.map(String.init)
    return AuditRecord(
      id: AuditRecordID(at: now, random: random), at: now, service: EgressService.name,
      kind: .access, correlation: correlation, caller: caller,
      operation: EgressOperations.fetch.id,
      outcome: refusal == nil ? AuditRecord.allowed : AuditRecord.refused, reason: refusal,
      detail: detail)
  }
}
