import Commands
package import AuditAPI
package import Vocabulary

/// An audit record, taken apart for people: every part legible, none spanning lines. The service that wrote it may be
/// hostile.
///
/// What is proved: `service`, by the certificate of who appended it, and `received`, by the log's own clock. All else is
/// what that service says.
package struct LegibleRecord: Hashable, Sendable {
  /// Claimed and received further apart than this are shown both: records wait in an outbox while audit is away, and a
  /// clock may be wrong, but a made-up time looks the same.
  package static let skewMax: Duration = .seconds(5)

  /// Who wrote it: proved.
  package let service: String
  /// Who asked, as the service says.
  package let caller: String
  package let operation: String
  package let outcome: String
  package let reason: String?
  package let subject: String?
  package let isRefusal: Bool
  /// When it happened, as the service says.
  package let claimed: Instant
  /// When the log took it; nil in logs of earlier builds.
  package let received: Instant?

  package init(_ record: AuditRecord) {
    service = record.service.description
    caller = record.caller.description
    operation = LegibleText.of(record.operation)
    outcome = LegibleText.of(record.outcome)
    reason = record.reason.map(LegibleText.of)
    subject = record.subject.map(LegibleText.of)
    isRefusal = record.outcome == AuditRecord.refused
    claimed = record.at
    received = record.received
  }

  /// Where the claimed time is not to be believed without more: what is known of the true one.
  package var doubt: String? {
    guard let received else { return nil }
    let late = received - claimed
    guard late > Self.skewMax || late < .zero - Self.skewMax else { return nil }
    let side = late > .zero ? "before" : "after"
    let seconds = (late > .zero ? late : .zero - late).milliseconds / 1_000
    return "says \(seconds) s \(side) the log had it at \(received)"
  }
}
