package import Vocabulary

/// Names an audit record for ever; also its idempotency key.
package enum AuditRecordKind {}
package typealias AuditRecordID = ID<AuditRecordKind>

/// One thing that happened: an access decision, a movement of money, a change of identity or of the
/// platform itself. Its canonical JSON (RFC 8785) is the leaf of the Merkle log, so it is readable
/// by every auditor and can never be taken back: it must not hold personal data, only opaque
/// references.
package struct AuditRecord: Hashable, Sendable, Codable {
  /// What the record is about; decides who reads it, not where it goes.
  package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// A caller asked for an operation and was allowed or refused.
    case access
    /// Money was held, moved, released or refused.
    case money
    /// A sign-in, token, consent or client changed.
    case identity
    /// Keys, certificates, charters or processes changed.
    case platform
  }

  /// The outcome of an access decision that let the caller through.
  package static let allowed = "allowed"
  /// The outcome of an access decision, or of a domain, that said no; `reason` says why.
  package static let refused = "refused"

  package let id: AuditRecordID
  /// When it happened, at the service that saw it; whole microseconds.
  package let at: Instant
  /// The service that reports it. The audit service accepts only records in which this is the
  /// calling workload.
  package let service: ServiceName
  package let kind: Kind
  package let correlation: CorrelationID
  /// The workload that asked; the service itself for what it did on its own account.
  package let caller: ServiceName
  /// On whose behalf: an opaque reference (a person's or client's id), never a name.
  package let subject: String?
  /// The OAuth client of the outside request.
  package let client: String?
  /// An operationId, or the domain's verb for what happened.
  package let operation: String
  /// `allowed`, `refused`, or the name of the event in past tense (`posted`).
  package let outcome: String
  /// Why it was refused: a problem's slug.
  package let reason: String?
  /// When the log took it; set by the log, and by nobody else. Nil for what is on its way, and in logs from before.
  package let received: Instant?
  /// More, in identifiers and numbers: `payment`, `amount_minor_units`, `currency`.
  package let detail: [String: String]

  /// Longest `operation`, `outcome`, `reason`, `subject`, `client`, and key in `detail`, in bytes
  /// of UTF-8.
  package static let textBytesMax = 128
  /// Longest value in `detail`, in bytes of UTF-8. With all fields at their limits and every byte
  /// escaped, a record still fits the 65,535 bytes of a log entry.
  package static let valueBytesMax = 256
  /// Most entries in `detail`.
  package static let detailEntriesMax = 16

  enum CodingKeys: String, CodingKey {
    case id, at, service, kind, correlation, caller, subject, client, operation, outcome, reason
    case detail, received
  }

  /// What is too long is cut, and of too many details the first in the order of their keys stay: a
  /// fact must not be lost because somebody described it at length. So a record made here always
  /// passes `flaw`.
  package init(
    id: AuditRecordID, at: Instant, service: ServiceName, kind: Kind, correlation: CorrelationID,
    caller: ServiceName, subject: String? = nil, client: String? = nil, operation: String,
    outcome: String, reason: String? = nil, detail: [String: String] = [:],
    received: Instant? = nil
  ) {
    self.id = id
    self.at = whole(at)
    self.service = service
    self.kind = kind
    self.correlation = correlation
    self.caller = caller
    self.subject = subject.map { cut($0, to: Self.textBytesMax) }
    self.client = client.map { cut($0, to: Self.textBytesMax) }
    self.operation = operation.isEmpty ? "unnamed" : cut(operation, to: Self.textBytesMax)
    self.outcome = outcome.isEmpty ? "unnamed" : cut(outcome, to: Self.textBytesMax)
    self.reason = reason.map { cut($0, to: Self.textBytesMax) }
    self.detail = Self.kept(detail)
    self.received = received.map(whole)
  }

  private static func kept(_ detail: [String: String]) -> [String: String] {
    guard
      detail.count > detailEntriesMax
        || detail.contains(where: {
          $0.key.utf8.count > textBytesMax || $0.value.utf8.count > valueBytesMax
        })
    else { return detail }
    var kept: [String: String] = [:]
    for (key, value) in detail.sorted(by: { $0.key < $1.key }).prefix(detailEntriesMax) {
      kept[cut(key, to: textBytesMax)] = cut(value, to: valueBytesMax)
    }
    return kept
  }

  /// What its maker said: the same without what the log added.
  package var claim: AuditRecord {
    guard received != nil else { return self }
    return AuditRecord(
      id: id, at: at, service: service, kind: kind, correlation: correlation, caller: caller,
      subject: subject, client: client, operation: operation, outcome: outcome, reason: reason,
      detail: detail)
  }

  /// The first limit that a record from outside breaks, as a field and a sentence; nil for a sound
  /// record.
  package var flaw: (field: String, text: String)? {
    guard received == nil else { return ("received", "received is for the log to say") }
    let texts: [(String, String?)] = [
      ("subject", subject), ("client", client), ("operation", operation), ("outcome", outcome),
      ("reason", reason),
    ]
    for (field, text) in texts {
      guard let text else { continue }
      guard (1...Self.textBytesMax).contains(text.utf8.count) else {
        return (field, "\(field) must have 1 to \(Self.textBytesMax) bytes")
      }
    }
    guard detail.count <= Self.detailEntriesMax else {
      return ("detail", "detail must have at most \(Self.detailEntriesMax) entries")
    }
    for (key, value) in detail {
      guard (1...Self.textBytesMax).contains(key.utf8.count) else {
        return ("detail", "a key in detail must have 1 to \(Self.textBytesMax) bytes")
      }
      guard value.utf8.count <= Self.valueBytesMax else {
        return ("detail", "a value in detail must have at most \(Self.valueBytesMax) bytes")
      }
    }
    return nil
  }
}

/// Whole microseconds: what its text says.
private func whole(_ instant: Instant) -> Instant {
  Instant(nanoseconds: instant.nanoseconds - instant.nanoseconds % 1_000)
}

/// The longest prefix of whole characters that fits.
private func cut(_ text: String, to bytesMax: Int) -> String {
  guard text.utf8.count > bytesMax else { return text }
  var kept = ""
  var bytes = 0
  for character in text {
    bytes += character.utf8.count
    guard bytes <= bytesMax else { break }
    kept.append(character)
  }
  return kept
}
