package import LedgerBook
package import LedgerJournal
import Storage
import Synchronization
package import Vocabulary

// Balances come from the book, transfers from the book's memory or the index. An answer waits until
// all it rests on is durable, so nobody reads what a crash could undo.

extension LedgerKeeper {
  /// What the book says, once that is durable.
  func settled<Value: Sendable>(
    _ read: @Sendable (Book, IDFilter) throws -> Value
  ) async throws -> Value {
    try await settledAtTip { book, filter in try read(book, filter) }.value
  }

  /// The same, with the journal's entry that it rests on.
  func settledAtTip<Value: Sendable>(
    _ read: @Sendable (Book, IDFilter) throws -> Value
  ) async throws -> (value: Value, tip: Int64) {
    let (value, entry, generation) = try kept.withLock { kept in
      (
        try read(kept.journaled.book, kept.filter), kept.journaled.tip.sequence, kept.generation
      )
    }
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Void, any Error>) in
      whenDurable(entry, generation) { error in
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
      }
    }
    // A leader that slept may have been replaced, and its memory be old.
    try store.requireOwned()
    return (value, entry)
  }

  /// The accounts that exist, in the order of the ids.
  package func accounts(_ ids: [AccountID]) async throws -> [Account] {
    try await settled { book, _ in ids.compactMap { book.account($0) } }
  }

  /// A person's accounts in the order of opening, some at a time.
  /// - Parameter number: only accounts with greater numbers; nil begins.
  /// - Returns: at most `count`, and the number of the last where there are more.
  package func accounts(
    of owner: PersonID, after number: Int? = nil, max count: Int
  ) async throws -> (accounts: [Account], next: Int?) {
    // One more than asked for tells whether there is a next page.
    let numbers = try await store.read { snapshot in
      try snapshot.rows(
        """
        SELECT number FROM account_owners WHERE owner = ? AND number > ? ORDER BY number LIMIT ?
        """, [.blob(owner.bytes), .count(number ?? -1), .count(count + 1)]
      ).map { Int(try $0.integer("number")) }
    }
    let page = numbers.prefix(count)
    let accounts = try await settled { book, _ in
      page.compactMap {
        book.accountRows.indices.contains($0) ? Account(book.accountRows[$0]) : nil
      }
    }
    return (accounts, numbers.count > count ? page.last : nil)
  }

  /// The sums of each currency, sorted by code.
  package func trialBalance() async throws -> [CurrencyTotal] {
    try await settled { book, _ in book.trialBalance }
  }

  // MARK: transfers

  /// What the book remembers of a transfer.
  private struct Glimpse {
    var known: KnownTransfer?
    var isOpen = false
    var end: KnownTransfer?
    var mayBeOlder = false
  }

  /// The transfer with this id, whenever it was accepted; nil where there is none.
  package func transfer(_ id: TransferID) async throws -> StoredTransfer? {
    var glimpse = try await settled { book, filter in
      Glimpse(
        known: book.recentTransfer(id), isOpen: book.isOpenHold(id),
        end: book.recentEnd(of: id), mayBeOlder: filter.mayContain(id.bits))
    }
    if glimpse.known == nil, glimpse.mayBeOlder {
      glimpse.known = try await find(id.bits, .id)
    }
    guard let known = glimpse.known else { return nil }
    if known.row.does(.pending), !glimpse.isOpen, glimpse.end == nil {
      glimpse.end = try await find(id.bits, .ended)
    }
    let (isOpen, end) = (glimpse.isOpen, glimpse.end)
    return try await settled { book, _ in Self.stored(known, isOpen: isOpen, end: end, book) }
  }

  private func find(_ key: UInt128, _ kind: IndexKind) async throws -> KnownTransfer? {
    try await store.read { snapshot in
      let found = try IndexStore.find([key], kind, snapshot)
      return try JournalStore.transfers(found.map(\.sequence), snapshot).first
    }
  }

  private static func stored(
    _ known: KnownTransfer, isOpen: Bool, end: KnownTransfer?, _ book: Book
  ) -> StoredTransfer? {
    guard let transfer = book.transfer(known) else { return nil }
    guard known.row.does(.pending), !isOpen else {
      return StoredTransfer(transfer: transfer, end: nil)
    }
    // A hold that is not open and that nothing posted or voided has expired.
    let manner: HoldEnd.Manner =
      end.map { $0.row.does(.postPending) ? .posted : .voided } ?? .expired
    return StoredTransfer(
      transfer: transfer,
      end: HoldEnd(
        hold: transfer.id, manner: manner, by: end.map { TransferID(bits: $0.row.id) }))
  }

  /// An account's transfers after (or, newest first, before) a sequence.
  /// - Returns: at most `limit`; nil where there is no such account.
  package func transfers(
    of account: AccountID, after sequence: Int64, newestFirst: Bool, limit: Int
  ) async throws -> [StoredTransfer]? {
    let sequence = min(sequence, .max - 1)
    struct Tail: Sendable {
      let number: UInt32
      let boundary: Int64
      let sequences: [Int64]
    }
    let tail = try await settled { book, _ -> Tail? in
      guard let number = book.number(of: account).map({ UInt32($0) }) else { return nil }
      return Tail(
        number: number, boundary: book.recentRange.lowerBound,
        sequences: book.recentSequences(
          of: number, after: sequence, newestFirst: newestFirst, limit: limit))
    }
    guard let tail else { return nil }
    // Older than what the book remembers: all of that is indexed.
    let older =
      newestFirst
      ? 0...max(0, min(sequence &- 1, tail.boundary - 1))
      : min(sequence, tail.boundary - 1) + 1...max(sequence + 1, tail.boundary)
    let wanted = newestFirst ? limit - tail.sequences.count : limit
    let indexed = try await store.read { snapshot in
      try IndexStore.sequences(
        account: tail.number, in: older, newestFirst: newestFirst, limit: wanted, snapshot
      ).filter { $0 < tail.boundary }
    }
    let sequences = newestFirst ? tail.sequences + indexed : indexed + tail.sequences
    return try await stored(Array(sequences.prefix(limit)))
  }

  /// The transfers with a payment or correlation id, in the order of history.
  /// - Parameters:
  ///   - kind: `.payment` or `.correlation`.
  ///   - sequence: only those after it.
  package func transfers(
    by kind: IndexKind, _ key: UInt128, after sequence: Int64, limit: Int
  ) async throws -> [StoredTransfer] {
    let (recent, boundary) = try await settled { book, _ in
      let recent = book.recentSequences(after: sequence, limit: limit) { row in
        kind == .payment ? row.paymentID == key : row.correlationID == key
      }
      return (recent, book.recentRange.lowerBound)
    }
    // Older than what the book remembers: all of that is indexed.
    let indexed = try await store.read { snapshot in
      try IndexStore.sequences(kind, key, after: sequence, limit: limit, snapshot)
    }
    return try await stored(Array((indexed.filter { $0 < boundary } + recent).prefix(limit)))
  }

  private func stored(_ sequences: [Int64]) async throws -> [StoredTransfer] {
    // All of them are durable by now, so the journal has them.
    let known = try await store.read { try JournalStore.transfers(sequences.sorted(), $0) }
    let holds = known.filter { $0.row.does(.pending) }.map(\.row.id)
    var (open, ends) = try await settled { book, _ in
      (
        Set(holds.filter { book.isOpenHold(TransferID(bits: $0)) }),
        holds.compactMap { book.recentEnd(of: TransferID(bits: $0)) }
      )
    }
    let ended = Set(ends.map(\.row.pendingID))
    let asked = holds.filter { !open.contains($0) && !ended.contains($0) }.sorted()
    if !asked.isEmpty {
      ends += try await store.read { snapshot in
        let found = try IndexStore.find(asked, .ended, snapshot)
        return try JournalStore.transfers(found.map(\.sequence).sorted(), snapshot)
      }
    }
    let byHold = Dictionary(ends.map { ($0.row.pendingID, $0) }, uniquingKeysWith: { $1 })
    let bySequence = Dictionary(
      known.map { ($0.sequence, $0) }, uniquingKeysWith: { first, _ in first })
    let isOpen = open
    return try await settled { book, _ in
      sequences.compactMap { bySequence[$0] }.compactMap {
        Self.stored($0, isOpen: isOpen.contains($0.row.id), end: byHold[$0.row.id], book)
      }
    }
  }
}
