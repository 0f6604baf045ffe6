package import Vocabulary

/// The operations of the audit service: one constant per operationId in its `openapi.yaml`.
package enum AuditOperations {
  /// Appends records to the log, once each. Answers when they are durable; the checkpoint that
  /// covers them follows within `checkpointMillisecondsMax`. Idempotent by record id.
  package static let appendRecords = Operation<AppendRecords, RecordsAppended>(
    "appendRecords", of: "audit", .post, "/v1/records")
  /// Records by `correlation`, by `subject`, or all, oldest first; `limit` 1–500 (default 100),
  /// `after` = `next` of the page before.
  package static let findRecords = Operation<Nothing, RecordPage>(
    "findRecords", of: "audit", .get, "/v1/records")
  /// The newest published checkpoint. 503 before the first one.
  package static let getCheckpoint = Operation<Nothing, PublishedCheckpoint>(
    "getCheckpoint", of: "audit", .get, "/v1/checkpoint")
  /// One file of the log at its C2SP tlog-tiles address: `/tile/0/x001/067`,
  /// `/tile/entries/000.p/5`. Answers `application/octet-stream`.
  package static let getTile = Operation<Nothing, TileBytes>(
    "getTile", of: "audit", .get, "/tile/{path...}")
  /// That a `record` is in the tree of `size` records (default: the newest checkpoint's).
  package static let getInclusionProof = Operation<Nothing, InclusionProofAnswer>(
    "getInclusionProof", of: "audit", .get, "/v1/proofs/inclusion")
  /// That the tree of `second` records (default: the newest checkpoint's) begins with the tree of
  /// `first`.
  package static let getConsistencyProof = Operation<Nothing, ConsistencyProofAnswer>(
    "getConsistencyProof", of: "audit", .get, "/v1/proofs/consistency")
  /// A record with all that proves it offline. 503 until a checkpoint covers it.
  package static let getReceipt = Operation<Nothing, ReceiptAnswer>(
    "getReceipt", of: "audit", .get, "/v1/receipts/{record}")

  /// Most records in one `appendRecords`; the least is one.
  package static let recordsMax = 500
  /// Longest time between a record's durable append and the checkpoint that covers it, in
  /// milliseconds, on a healthy disk.
  package static let checkpointMillisecondsMax = 200
  /// The outbox topic whose messages are audit records.
  package static let topic = "audit"
}

/// A batch for the log, in the order in which it shall stand there.
package struct AppendRecords: Codable, Hashable, Sendable {
  /// 1–500 records.
  package let records: [AuditRecord]
  package init(records: [AuditRecord]) { self.records = records }
}

/// All records of the batch are durable now, those that were there before included.
package struct RecordsAppended: Codable, Hashable, Sendable {
  /// How many are new.
  package let appended: Int
  /// How many had been appended before, with the same content.
  package let duplicates: Int
  /// Ids that had been appended before with *other* content. The first version stays; the attempt
  /// is itself recorded.
  package let conflicts: [AuditRecordID]
  package init(appended: Int, duplicates: Int, conflicts: [AuditRecordID]) {
    self.appended = appended
    self.duplicates = duplicates
    self.conflicts = conflicts
  }
}

/// A record and its place.
package struct LoggedRecord: Codable, Hashable, Sendable {
  /// Zero-based index in the log.
  package let index: Int64
  package let record: AuditRecord
  package init(index: Int64, record: AuditRecord) {
    self.index = index
    self.record = record
  }
}

/// Some records, oldest first.
package struct RecordPage: Codable, Hashable, Sendable {
  package let records: [LoggedRecord]
  /// Give it as `after` to go on; absent on the last page.
  package let next: String?
  package init(records: [LoggedRecord], next: String?) {
    self.records = records
    self.next = next
  }
}

/// The log's signed statement about itself (C2SP tlog-checkpoint).
package struct PublishedCheckpoint: SnakeCased, Codable, Hashable, Sendable {
  package let origin: String
  package let size: Int64
  /// Base64 (RFC 4648 §4) of the 32-byte root hash.
  package let rootHash: String
  /// The signed note, byte for byte as in the file `checkpoint`.
  package let note: String
  /// The verifier key (C2SP signed-note vkey). Compare it with one obtained another way; a log does
  /// not vouch for itself.
  package let verifierKey: String
  package init(origin: String, size: Int64, rootHash: String, note: String, verifierKey: String) {
    self.origin = origin
    self.size = size
    self.rootHash = rootHash
    self.note = note
    self.verifierKey = verifierKey
  }
}

/// A file of the log, not JSON: the answer's body is the bytes themselves.
package struct TileBytes: Hashable, Sendable {
  package let bytes: [UInt8]
  package init(bytes: [UInt8]) { self.bytes = bytes }
}

/// RFC 9162 §2.1.3.
package struct InclusionProofAnswer: SnakeCased, Codable, Hashable, Sendable {
  package let record: AuditRecordID
  package let leafIndex: Int64
  package let treeSize: Int64
  /// Base64 hashes, from the leaf's sibling upwards; likewise the two below.
  package let leafHash: String
  package let rootHash: String
  package let hashes: [String]
  package init(
    record: AuditRecordID, leafIndex: Int64, treeSize: Int64, leafHash: String, rootHash: String,
    hashes: [String]
  ) {
    self.record = record
    self.leafIndex = leafIndex
    self.treeSize = treeSize
    self.leafHash = leafHash
    self.rootHash = rootHash
    self.hashes = hashes
  }
}

/// RFC 9162 §2.1.4.
package struct ConsistencyProofAnswer: SnakeCased, Codable, Hashable, Sendable {
  package let first: Int64
  package let second: Int64
  /// Base64 root hashes of the two trees.
  package let firstRootHash: String
  package let secondRootHash: String
  package let hashes: [String]
  package init(
    first: Int64, second: Int64, firstRootHash: String, secondRootHash: String, hashes: [String]
  ) {
    self.first = first
    self.second = second
    self.firstRootHash = firstRootHash
    self.secondRootHash = secondRootHash
    self.hashes = hashes
  }
}

/// A record with its proof.
package struct ReceiptAnswer: Codable, Hashable, Sendable {
  package let index: Int64
  package let record: AuditRecord
  /// A C2SP tlog-proof text whose extra data is the record's bytes: save it as a file, verify it
  /// offline with the log's verifier key (`Receipt` in MerkleLog).
  package let receipt: String
  package init(index: Int64, record: AuditRecord, receipt: String) {
    self.index = index
    self.record = record
    self.receipt = receipt
  }
}
