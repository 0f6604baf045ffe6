package import LedgerBook
import LedgerJournal
import Storage
import Synchronization
package import Vocabulary

/// What "as of" means: after all that had happened at a moment, or right after a transfer.
package enum AsOf: Hashable, Sendable {
  case moment(Instant)
  case sequence(Int64)
}

/// Why the past is not told.
package enum PastRefusal: Error, Hashable, Sendable, Refusal {
  /// The moment has not passed, or the transfer has not happened.
  case notYet
  /// More has happened since than one answer walks back over.
  case tooFar(transfersMax: Int)

  package var problem: Problem {
    switch self {
    case .notYet:
      Problem(
        "as-of-not-yet", 400, "This has not happened yet", detail: "leave as_of away to ask for now"
      )
    case .tooFar(let max):
      Problem(
        "as-of-too-far", 422, "More has happened since than one answer goes back over",
        detail: "at most \(max) transfers; ask for a later moment, or read the journal with "
          + "`strongroom ledger export`")
    }
  }
}

// Sums of the past: today's, less what came since. An account costs its own transfers since then (index entries of 16
// bytes, and for each transfer the journal entry that holds it) and its holds whose time ran out since; all accounts
// together cost every journal entry since.

extension LedgerKeeper {
  /// An account as it stood, and the last transfer that counts; nil where there was none.
  /// - Throws: `PastRefusal`.
  package func account(
    _ id: AccountID, asOf: AsOf
  ) async throws -> (account: Account, sequence: Int64)? {
    let place = try await place(asOf)
    guard let now = try await settled({ book, _ in AccountNow(id, book) }) else { return nil }
    guard now.row.createdAt <= place.moment.nanoseconds else { return nil }
    let since = try await since(place, now)
    let walk = WalkBack(to: place, from: max(now.moment, place.moment), since: since)
    let holds = try await transfers(named: walk.endedHolds) + lapsed(walk, now)
    let then = walk.account(now.row, number: now.number, holds: holds.map(\.row))
    return Account(then).map { ($0, place.sequence) }
  }

  /// The sums of each currency as they stood, sorted by code, and the last transfer that counts.
  /// - Throws: `PastRefusal`.
  package func trialBalance(
    asOf: AsOf
  ) async throws -> (totals: [CurrencyTotal], sequence: Int64) {
    let place = try await place(asOf)
    struct Now: Sendable {
      let totals: [CurrencyTotal]
      let sequence: Int64
      let moment: Instant
    }
    let (now, tip) = try await settledAtTip { book, _ in
      Now(totals: book.trialBalance, sequence: book.sequence, moment: book.now)
    }
    let rowsMax = Int64(settings.pastTotalsMax)
    guard now.sequence - place.sequence <= rowsMax, tip - place.entry <= rowsMax else {
      throw PastRefusal.tooFar(transfersMax: settings.pastTotalsMax)
    }
    let history = try await entries(after: place, through: tip)
    let walk = WalkBack(
      to: place, from: max(now.moment, place.moment), since: history.accepted)
    let ranOut = try await transfers(named: history.expired).filter(walk.ranOut)
    let holds = try await transfers(named: walk.endedHolds) + ranOut
    return (
      walk.totals(now.totals, opened: history.opened, holds: holds.map(\.row)), place.sequence
    )
  }

  /// An account as it is booked up to a day and on it, whenever that was accepted; nil where there is none. Pending sums
  /// are zero, for holds are booked for no day.
  /// - Throws: `PastRefusal.tooFar`.
  package func account(_ id: AccountID, bookedThrough day: CivilDate) async throws -> Account? {
    let place = try await placeBefore(bookings: day)
    guard let now = try await settled({ book, _ in AccountNow(id, book) }) else { return nil }
    let since = try await since(place, now)
    return Account(now.row.booked(through: day, number: now.number, since: since))
  }

  /// The sums of each currency as they are booked up to a day and on it, sorted by code.
  /// - Throws: `PastRefusal.tooFar`.
  package func trialBalance(bookedThrough day: CivilDate) async throws -> [CurrencyTotal] {
    let place = try await placeBefore(bookings: day)
    struct Now: Sendable {
      let totals: [CurrencyTotal]
      let sequence: Int64
    }
    let (now, tip) = try await settledAtTip { book, _ in
      Now(totals: book.trialBalance, sequence: book.sequence)
    }
    let rowsMax = Int64(settings.pastTotalsMax)
    guard now.sequence - place.sequence <= rowsMax, tip - place.entry <= rowsMax else {
      throw PastRefusal.tooFar(transfersMax: settings.pastTotalsMax)
    }
    return now.totals.booked(
      through: day, since: try await entries(after: place, through: tip).accepted)
  }

  /// A place before everything that may be booked for a later day than this one.
  private func placeBefore(bookings day: CivilDate) async throws -> PastPlace {
    try await settled { _, _ in }
    let first = Int64(day.daysSinceEpoch + 1 - Book.bookedDaysAheadMax) * 86_400
    return try await store.read {
      try JournalPlaces.place(at: Instant(seconds: first) - .nanoseconds(1), $0)
    }
  }

  /// The first transfer at or after a moment, whether or not there is one yet.
  package func firstTransfer(notBefore moment: Instant) async throws -> Int64 {
    try await settled { _, _ in }
    return try await store.read {
      try JournalPlaces.place(at: moment - .nanoseconds(1), $0).sequence + 1
    }
  }

  private func place(_ asOf: AsOf) async throws -> PastPlace {
    switch asOf {
    case .moment(let moment):
      // Whatever is decided from here on is decided later, so the place stays what it is.
      guard moment < clock.now() else { throw PastRefusal.notYet }
      // Holds that were out of time then are no longer pending now either.
      try await sweep()
      try await settled { _, _ in }
      return try await store.read { try JournalPlaces.place(at: moment, $0) }
    case .sequence(let sequence):
      let last = try await settled { book, _ in book.sequence }
      guard sequence <= last,
        let place = try await store.read({ try JournalPlaces.place(after: sequence, $0) })
      else { throw PastRefusal.notYet }
      return place
    }
  }

  // MARK: an account

  private struct AccountNow: Sendable {
    let row: AccountRow
    let number: UInt32
    let moment: Instant
    /// All transfers before it are in the index.
    let boundary: Int64
    /// The account's transfers that are remembered.
    let recent: [KnownTransfer]

    init?(_ id: AccountID, _ book: Book) {
      guard let number = book.number(of: id) else { return nil }
      row = book.accountRows[number]
      self.number = UInt32(number)
      moment = book.now
      boundary = book.recentRange.lowerBound
      recent = book.recentTransfers(of: self.number)
    }
  }

  private func since(_ place: PastPlace, _ now: AccountNow) async throws -> [KnownTransfer] {
    let recent = now.recent.filter { $0.sequence > place.sequence }
    let countMax = settings.pastTransfersMax
    guard recent.count <= countMax else { throw PastRefusal.tooFar(transfersMax: countMax) }
    guard place.sequence + 1 < now.boundary else { return recent }
    let range = place.sequence + 1...now.boundary - 1
    return try await store.read { snapshot in
      let older = try IndexStore.sequences(
        account: now.number, in: range, newestFirst: false, limit: countMax + 1, snapshot)
      guard older.count + recent.count <= countMax else {
        throw PastRefusal.tooFar(transfersMax: countMax)
      }
      return try JournalStore.transfers(older, snapshot) + recent
    }
  }

  /// The account's holds that were open then, and whose time ran out since.
  private func lapsed(_ walk: WalkBack, _ now: AccountNow) async throws -> [KnownTransfer] {
    let countMax = settings.pastTransfersMax
    let from = max(0, walk.place.moment.nanoseconds) + 1
    let through = max(now.moment, walk.place.moment).nanoseconds
    let endedRecently = Set(now.recent.lazy.filter(\.row.resolves).map(\.row.pendingID))
    return try await store.read { snapshot in
      var found: [KnownTransfer] = now.recent
      if from <= through, now.boundary > 1 {
        let sequences = try IndexStore.lapses(
          account: now.number, in: from...through, limit: countMax + 1, snapshot)
        guard sequences.count <= countMax else {
          throw PastRefusal.tooFar(transfersMax: countMax)
        }
        let older = sequences.filter { $0 < now.boundary && $0 <= walk.place.sequence }
        found += try JournalStore.transfers(older.sorted(), snapshot)
      }
      let ranOut = found.filter { walk.ranOut($0) && !endedRecently.contains($0.row.id) }
      let ended = Set(
        try IndexStore.find(ranOut.map(\.row.id).sorted(), .ended, snapshot).map(\.key))
      return ranOut.filter { !ended.contains($0.row.id) }
    }
  }

  /// Transfers by id, wherever they are. Ids that are unknown are left out.
  private func transfers(named ids: [UInt128]) async throws -> [KnownTransfer] {
    guard !ids.isEmpty else { return [] }
    let recent = try await settled { book, _ in
      ids.compactMap { book.recentTransfer(TransferID(bits: $0)) }
    }
    let missing = Set(ids).subtracting(recent.map(\.row.id)).sorted()
    guard !missing.isEmpty else { return recent }
    return try await store.read { snapshot in
      let found = try IndexStore.find(missing, .id, snapshot)
      return try JournalStore.transfers(found.map(\.sequence).sorted(), snapshot)
    } + recent
  }

  // MARK: all accounts

  fileprivate struct History: Sendable {
    var expired: [UInt128] = []
    var opened: [AccountRow] = []
    var accepted: [KnownTransfer] = []
  }

  /// What happened after a place, up to an entry.
  private func entries(after place: PastPlace, through last: Int64) async throws -> History {
    var history = History()
    var position = try await store.read { snapshot -> JournalPosition in
      guard let hash = try JournalStore.hash(at: max(0, place.entry - 1), snapshot) else {
        throw JournalMismatch.missing(entry: place.entry - 1)
      }
      return JournalPosition(sequence: max(0, place.entry - 1), hash: hash)
    }
    while position.sequence < last {
      let (from, before) = (position, history)
      (position, history) = try await store.read { snapshot in
        var (position, history) = (from, before)
        var rows = 0
        // Some at a time: a long read keeps the log of the store from being cut.
        while rows < Self.rowsPerRead, position.sequence < last {
          guard let sealed = try JournalStore.entry(after: position, snapshot) else {
            throw JournalMismatch.missing(entry: position.sequence + 1)
          }
          position = sealed.position
          rows += sealed.entry.accepted.count + 1
          history.add(sealed.entry, after: place)
        }
        return (position, history)
      }
    }
    return history
  }

  private static var rowsPerRead: Int { 16_384 }
}

extension LedgerKeeper.History {
  fileprivate mutating func add(_ entry: JournalEntry, after place: PastPlace) {
    if entry.sequence > place.entry {
      expired += entry.expired
      opened += entry.opened
    }
    for (offset, row) in entry.accepted.enumerated() {
      let sequence = entry.firstTransfer + Int64(offset)
      if sequence > place.sequence {
        accepted.append(KnownTransfer(row: row, sequence: sequence))
      }
    }
  }
}
