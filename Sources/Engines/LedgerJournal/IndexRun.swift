package import LedgerBook

/// By what transfers are found.
package enum IndexKind: Int, CaseIterable, Sendable {
  /// The transfer's own id.
  case id = 0
  /// Debtor and creditor: the account's number in the upper half, the sequence in the lower.
  case account = 1
  case payment = 2
  case correlation = 3
  /// The hold that it posts or voids.
  case ended = 4
  /// The transaction token that allowed it.
  case token = 5
  /// The time of a hold: debtor's and creditor's number in the upper half, the moment at which it
  /// expires in the lower.
  case lapse = 6

  /// Bytes of an entry: key and sequence; for accounts the key holds the sequence already.
  package var entryBytes: Int { self == .account ? 16 : 24 }
}

/// Where a transfer that has a key stands in history.
package struct IndexEntry: BitwiseCopyable, Hashable, Sendable, Comparable {
  package let key: UInt128
  package let sequence: Int64

  package init(key: UInt128, sequence: Int64) {
    self.key = key
    self.sequence = sequence
  }
  package init(account: UInt32, sequence: Int64) {
    key = Self.key(account: account, sequence: sequence)
    self.sequence = sequence
  }

  package static func key(account: UInt32, sequence: Int64) -> UInt128 {
    UInt128(account) << 64 | UInt128(UInt64(bitPattern: sequence))
  }
  /// - Parameter moment: nanoseconds since 1970, not before.
  package static func key(account: UInt32, moment: Int64) -> UInt128 {
    key(account: account, sequence: moment)
  }
  package static func < (left: IndexEntry, right: IndexEntry) -> Bool {
    left.key == right.key ? left.sequence < right.sequence : left.key < right.key
  }
}

/// The entries of a stretch of history, sorted: what a segment of the index is made of. Compact
/// blobs of many entries cost the database a hundredth of what rows would.
package struct IndexRun: Sendable {
  package let kind: IndexKind
  /// Ascending.
  package private(set) var entries: [IndexEntry]

  /// - Parameter first: the sequence of the first row.
  package init(_ kind: IndexKind, of rows: [TransferRow], first: Int64) {
    self.kind = kind
    entries = []
    if kind == .id || kind == .account {
      entries.reserveCapacity(rows.count * (kind == .account ? 2 : 1))
    }
    for (offset, row) in rows.enumerated() {
      let sequence = first + Int64(offset)
      switch kind {
      case .id: entries.append(IndexEntry(key: row.id, sequence: sequence))
      case .account:
        entries.append(IndexEntry(account: row.debit, sequence: sequence))
        entries.append(IndexEntry(account: row.credit, sequence: sequence))
      case .payment: add(row.paymentID, sequence)
      case .correlation: add(row.correlationID, sequence)
      case .ended: if row.resolves { add(row.pendingID, sequence) }
      case .token: add(row.token, sequence)
      case .lapse:
        guard let expiry = row.expiresAt else { continue }
        add(IndexEntry.key(account: row.debit, moment: expiry), sequence)
        add(IndexEntry.key(account: row.credit, moment: expiry), sequence)
      }
    }
    // An account's transfers come in the order of their sequences, and the sort keeps that.
    entries.sortByKey(bits: kind == .account ? 64..<128 : 0..<128)
  }

  private mutating func add(_ key: UInt128, _ sequence: Int64) {
    if key != 0 { entries.append(IndexEntry(key: key, sequence: sequence)) }
  }
}

/// A piece of a run as it is stored: entries in ascending order, fixed width, little-endian.
package struct IndexChunk: Sendable {
  /// Entries in a full chunk.
  package static let entriesMax = 1_024

  package let kind: IndexKind
  private let body: [UInt8]

  package init(_ kind: IndexKind, _ body: [UInt8]) {
    self.kind = kind
    self.body = body
  }

  package static func encode(_ entries: ArraySlice<IndexEntry>, _ kind: IndexKind) -> [UInt8] {
    let width = kind.entryBytes
    return [UInt8](unsafeUninitializedCapacity: entries.count * width) { buffer, filled in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      for (place, entry) in entries.enumerated() {
        bytes.storeBytes(of: entry.key, toByteOffset: place * width, as: UInt128.self)
        guard width > 16 else { continue }
        bytes.storeBytes(of: entry.sequence, toByteOffset: place * width + 16, as: Int64.self)
      }
      filled = bytes.count
    }
  }

  package var count: Int { body.count / kind.entryBytes }

  package subscript(index: Int) -> IndexEntry {
    body.withUnsafeBytes { bytes in
      let offset = index * kind.entryBytes
      let key = UInt128(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt128.self))
      guard kind != .account else {
        return IndexEntry(
          key: key, sequence: Int64(bitPattern: UInt64(truncatingIfNeeded: key)))
      }
      let sequence = bytes.loadUnaligned(fromByteOffset: offset + 16, as: Int64.self)
      return IndexEntry(key: key, sequence: Int64(littleEndian: sequence))
    }
  }

  /// The index of the first entry whose key is not below this one; `count` where all are.
  package func lowerBound(_ key: UInt128) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
