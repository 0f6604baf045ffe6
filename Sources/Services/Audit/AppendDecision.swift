package import AuditAPI
import Crypto
package import Vocabulary

/// A record with the bytes that its maker sent, and those that the log hashes.
package struct PreparedRecord: Hashable, Sendable {
  /// As its maker sent it.
  package let record: AuditRecord
  /// Its canonical JSON (RFC 8785).
  package let claim: [UInt8]
  /// The canonical JSON of what the log keeps: the record with the time of its receipt.
  package let entry: [UInt8]

  package init(_ record: AuditRecord, received: Instant) {
    self.init((record, record.canonicalBytes), received: received)
  }

  /// - Parameter item: as it was read.
  package init(_ item: CanonicalReader.Item, received: Instant) {
    record = item.record
    claim = item.bytes
    entry = item.record.received(at: received, canonical: item.bytes)
  }
}

/// What to do with a batch, given what is stored already. Pure.
package struct AppendDecision: Hashable, Sendable {
  /// What stands under an id that was there before.
  package enum Known: Hashable, Sendable {
    /// What its maker sent, as canonical JSON.
    case claim([UInt8])
    /// Its time is over: whether it said the same is not to be told any more.
    case forgotten
  }

  /// To be stored, in this order.
  package private(set) var fresh: [PreparedRecord] = []
  /// Seen before with the same content.
  package private(set) var duplicates = 0
  /// Seen before with other content; the first stays.
  package private(set) var conflicts: [PreparedRecord] = []

  /// - Parameter known: what is there already under ids of the batch.
  package init(_ batch: [PreparedRecord], known: [AuditRecordID: Known]) {
    var seen = known
    for item in batch {
      switch seen[item.record.id] {
      case nil:
        seen[item.record.id] = .claim(item.claim)
        fresh.append(item)
      case .claim(item.claim), .forgotten: duplicates += 1
      case .claim: conflicts.append(item)
      }
    }
  }

  /// The record of an attempt to give an id a second meaning. Its own id follows from the attempt,
  /// so that the same attempt is recorded once, however often it is repeated.
  package static func conflictRecord(
    for item: PreparedRecord, at now: Instant
  ) -> AuditRecord? {
    let digest = SHA256.hash(data: Array("conflict".utf8) + item.claim)
    guard let id = AuditRecordID(digest: Array(digest)) else { return nil }
    return AuditRecord(
      id: id, at: now, service: "audit", kind: .platform, correlation: item.record.correlation,
      caller: item.record.service, operation: AuditOperations.appendRecords.id,
      outcome: AuditRecord.refused, reason: "record-conflict",
      detail: ["record": item.record.id.description])
  }
}
