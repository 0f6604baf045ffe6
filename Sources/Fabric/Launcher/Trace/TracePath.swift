package import AuditAPI
package import Charters
package import Vocabulary

/// Which services a transaction passed, as far as the audit log shows it. A correlation id is a number that anybody can write
/// down: what a service did under it counts where the hops lead to that service.
///
/// A hop is an access record: the service that wrote it is proved by its certificate, and that service's chassis has proved its
/// caller's certificate. It leads on from a caller to which something leads itself, by a call that the charters declare, or
/// that was refused. The first hop is the door's own, or the operator's; where there is neither, what a service began by itself.
package struct TracePath: Hashable, Sendable {
  /// In the order in which they were reached.
  package let services: [ServiceName]
  /// Who began it.
  package let beginning: ServiceName?

  package init(_ records: [AuditRecord], in charters: CharterSet) {
    let hops = records.filter { $0.kind == .access }
    let door = charters.holder(of: .door)
    if let door, hops.contains(where: { $0.service == door && $0.caller == door }) {
      beginning = door
    } else if hops.contains(where: { $0.caller == Charter.operatorName }) {
      beginning = Charter.operatorName
    } else {
      // By the log's clock, which no service sets.
      beginning = records.min { ($0.received ?? $0.at) < ($1.received ?? $1.at) }?.caller
    }
    var reached = [beginning].compactMap { $0 }
    var isGrowing = true
    while isGrowing {
      isGrowing = false
      for hop in hops where !reached.contains(hop.service) {
        guard reached.contains(hop.caller), Self.mayLead(hop, charters) else { continue }
        reached.append(hop.service)
        isGrowing = true
      }
    }
    services = reached
  }

  private static func mayLead(_ hop: AuditRecord, _ charters: CharterSet) -> Bool {
    hop.outcome == AuditRecord.refused
      || charters.mayCall(caller: hop.caller, service: hop.service, operation: hop.operation)
  }

  package func isOn(_ service: ServiceName) -> Bool { services.contains(service) }

  /// Whether what leads to this record's service is shown. A hop must come from a caller on the path, too.
  package func leads(to record: AuditRecord) -> Bool {
    isOn(record.service) && (record.kind != .access || isOn(record.caller))
  }

  /// The same of a line in a log. The log is named as its service, or as that service's program (`NAME.program`).
  package func isOn(log name: String) -> Bool {
    ServiceName(String(name.prefix { $0 != "." })).map(isOn) ?? false
  }
}
