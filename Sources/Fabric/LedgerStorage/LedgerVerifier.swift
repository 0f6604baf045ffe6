package import LedgerBook
import LedgerJournal
package import Storage
import Vocabulary

/// Holds everything that a ledger's store says against the journal: hashes, chain, every decision,
/// snapshots, and the index entry by entry. Blocks, and takes time: it reads all of history.
package struct LedgerVerifier {
  /// What was read, and what was found.
  package struct Report: Sendable {
    package internal(set) var entries: Int64 = 0
    package internal(set) var accounts = 0
    package internal(set) var transfers: Int64 = 0
    package internal(set) var openHolds = 0
    package internal(set) var indexed: Int64 = 0
    package internal(set) var snapshots = 0
    /// The hash of the last entry, in hex: whoever keeps it can tell whether history was exchanged.
    package internal(set) var tip = ""
    package internal(set) var totals: [CurrencyTotal] = []
    /// Empty where all is sound. A journal that is not to be believed ends the reading.
    package internal(set) var findings: [String] = []
  }

  private let reader: StoreReader

  package init(_ reader: StoreReader) { self.reader = reader }

  /// - Parameter progress: called after each entry.
  /// - Throws: `StoreError` where the store cannot be read at all.
  package func verify(progress: () -> Void = {}) throws -> Report {
    var report = Report()
    let segments = try reader.read { try IndexStore.segments($0) }
    var expected = IndexDigests(segments)
    var snapshots = try storedSnapshots()
    report.snapshots = snapshots.count
    do {
      let journaled = try LedgerHistory(reader).replay { sealed, journaled in
        report.entries += 1
        progress()
        report.transfers += Int64(sealed.entry.accepted.count)
        expected.add(sealed.entry.accepted, first: sealed.entry.firstTransfer)
        guard let stored = snapshots.removeValue(forKey: sealed.entry.sequence) else { return }
        let own = BookSnapshot(of: journaled.book, at: journaled.tip).encoded
        if BookSnapshot.hash(of: own).bytes != stored {
          report.findings.append("the snapshot at entry \(sealed.entry.sequence) is another book")
        }
      }
      report.accounts = journaled.book.accountCount
      report.openHolds = journaled.book.openHoldCount
      report.totals = journaled.book.trialBalance
      report.tip = journaled.tip.hash.description
      for total in report.totals where !total.isBalanced {
        report.findings.append("\(total.currency) does not balance")
      }
      try checkOwners(journaled.book, &report)
    } catch let mismatch as JournalMismatch {
      report.findings.append(mismatch.description)
      return report
    }
    for sequence in snapshots.keys.sorted() {
      report.findings.append("a snapshot is of entry \(sequence), which the journal does not have")
    }
    try checkIndex(segments, expected, &report)
    return report
  }

  private func storedSnapshots() throws -> [Int64: [UInt8]] {
    let rows = try reader.read { try $0.rows("SELECT sequence, hash FROM snapshots") }
    return try Dictionary(
      rows.map { (try $0.integer("sequence"), try $0.blob("hash")) },
      uniquingKeysWith: { first, _ in first })
  }

  private func checkOwners(_ book: Book, _ report: inout Report) throws {
    let stored = try reader.read { snapshot in
      Set(
        try snapshot.rows("SELECT owner, number FROM account_owners").map {
          [UInt8](try $0.blob("owner")) + [UInt8]("\(try $0.integer("number"))".utf8)
        })
    }
    var own: Set<[UInt8]> = []
    for (number, account) in book.accountRows.enumerated() where account.owner != 0 {
      own.insert(PersonID(bits: account.owner).bytes + [UInt8]("\(number)".utf8))
    }
    if stored != own {
      report.findings.append("the owners of accounts are not those of the journal")
    }
  }

  /// Every segment must hold exactly what follows from its stretch of the journal, in order.
  private func checkIndex(
    _ segments: [IndexStore.Segment], _ expected: IndexDigests, _ report: inout Report
  ) throws {
    var next: Int64 = 1
    for segment in segments {
      if segment.first != next { report.findings.append("the index has a gap at transfer \(next)") }
      next = segment.last + 1
    }
    report.indexed = next - 1
    if report.indexed > report.transfers {
      report.findings.append("the index has transfers that the journal has not")
    }
    try reader.read { snapshot in
      // What was joined since the list was read is looked at the next time.
      for segment in try IndexStore.segments(snapshot) where segments.contains(segment) {
        for kind in IndexKind.allCases {
          var digest = IndexDigests.Digest()
          var last: IndexEntry?
          var isSorted = true
          var key: [UInt8]?
          while let found = try IndexStore.chunk(of: segment.id, kind, after: key, snapshot) {
            key = found.key
            for place in 0..<found.chunk.count {
              let entry = found.chunk[place]
              if let last, !(last < entry) { isSorted = false }
              last = entry
              digest.add(entry, kind)
            }
          }
          if !isSorted || digest != expected.digest(segment.id, kind) {
            report.findings.append(
              "the index of transfers \(segment.first) to \(segment.last) by \(kind) is wrong")
          }
        }
      }
    }
  }
}

/// What each segment of the index must hold, as sums of hashes: their order does not matter, and
/// memory does not grow with history.
struct IndexDigests {
  struct Digest: Hashable {
    private var sum: UInt64 = 0
    private var count = 0

    /// The hash is keyed anew in each process, so that nothing can be made to fit it.
    mutating func add(_ entry: IndexEntry, _ kind: IndexKind) {
      var hasher = Hasher()
      hasher.combine(kind.rawValue)
      hasher.combine(entry)
      sum &+= UInt64(bitPattern: Int64(hasher.finalize()))
      count += 1
    }
  }

  private let segments: [IndexStore.Segment]
  private var current = 0
  private var digests: [Int64: [IndexKind: Digest]] = [:]

  init(_ segments: [IndexStore.Segment]) { self.segments = segments }

  func digest(_ segment: Int64, _ kind: IndexKind) -> Digest {
    digests[segment]?[kind] ?? Digest()
  }

  /// Rows come in the order of history.
  mutating func add(_ rows: [TransferRow], first: Int64) {
    var rows = rows[...]
    var first = first
    while !rows.isEmpty, current < segments.count {
      let segment = segments[current]
      guard first <= segment.last else {
        current += 1
        continue
      }
      let part = rows.prefix(Int(min(Int64(rows.count), segment.last - first + 1)))
      for kind in IndexKind.allCases {
        for entry in IndexRun(kind, of: Array(part), first: first).entries {
          digests[segment.id, default: [:]][kind, default: Digest()].add(entry, kind)
        }
      }
      rows = rows.dropFirst(part.count)
      first += Int64(part.count)
    }
  }
}
