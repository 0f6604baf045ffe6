package import AuditAPI
import Crypto
package import Vocabulary

/// A record with the bytes that the log hashes.
package struct PreparedRecord: Hashable, Sendable {
  package let record: AuditRecord
  /// Canonical JSON (RFC 8785).
  package let entry: [UInt8]
  package init(_ record: AuditRecord) {
    self.record = record
    entry = record.canonicalBytes
  }
  /// - Parameter item: as it was read.
  package init(_ item: CanonicalReader.Item) {
    record = item.record
    entry = item.bytes
  }
}

/// What to do with a batch, given what is stored already. Pure.
package struct AppendDecision: Hashable, Sendable {
  /// To be stored, in this order.
  package private(set) var fresh: [PreparedRecord] = []
  /// Seen before with the same content.
  package private(set) var duplicates = 0
  /// Seen before with other content; the first stays.
  package private(set) var conflicts: [PreparedRecord] = []

  /// - Parameter known: the stored entries of those ids in the batch that are there already.
  package init(_ batch: [PreparedRecord], known: [AuditRecordID: [UInt8]]) {
    var seen = known
    for item in batch {
      switch seen[item.record.id] {
      case nil:
        seen[item.record.id] = item.entry
        fresh.append(item)
      case item.entry: duplicates += 1
      default: conflicts.append(item)
      }
    }
  }

  /// The record of an attempt to give an id a second meaning. Its own id follows from the attempt,
  /// so that the same attempt is recorded once, however often it is repeated.
  package static func conflictRecord(
    for item: PreparedRecord, at now: Instant
  ) -> AuditRecord? {
    let digest = SHA256.hash(data: Array("conflict".utf8) + item.entry)
    guard let id = AuditRecordID(digest: Array(digest)) else { return nil }
    return AuditRecord(
      id: id, at: now, service: "audit", kind: .platform, correlation: item.record.correlation,
      caller: item.record.service, operation: AuditOperations.appendRecords.id,
      outcome: AuditRecord.refused, reason: "record-conflict",
      detail: ["record": item.record.id.description])
  }
}
