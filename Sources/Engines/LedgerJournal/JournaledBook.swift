package import LedgerBook
package import Vocabulary

/// A book and the journal it must agree with: decides a group of batches at one moment and seals
/// what they did into one entry. Pure: the runner writes entries, in order, and answers nobody
/// before they are durable.
///
///     begin → (open | apply | change)* → seal → …
package struct JournaledBook: Sendable {
  package private(set) var book: Book
  /// The last sealed or replayed entry.
  package private(set) var tip: JournalPosition
  /// Who writes from here on.
  package let epoch: Int64
  private var group: Group?

  private struct Group: Sendable {
    var firstAccount: Int
    var firstTransfer: Int64
    /// The book's moment before the group.
    var before: Instant
    var expired: [UInt128] = []
    var changed: [AccountChangeRow] = []
  }

  /// - Parameters:
  ///   - book: as it stands after the entry at `tip`.
  ///   - epoch: at least that of the last entry.
  package init(_ book: Book, at tip: JournalPosition = .start, epoch: Int64) {
    self.book = book
    self.tip = tip
    self.epoch = epoch
  }

  /// Starts a group: all that follows up to `seal` happens at one moment.
  package mutating func begin(at instant: Instant) -> [KnownTransfer] {
    var new = Group(
      firstAccount: book.accountCount, firstTransfer: book.sequence + 1, before: book.now)
    let expired = book.expire(at: instant).expired
    new.expired = expired.map(\.row.id)
    group = new
    return expired
  }

  package mutating func open(_ batch: [AccountRequest]) -> AccountsOpened {
    book.open(batch, at: book.now)
  }

  package mutating func change(_ id: AccountID, _ change: AccountChange) -> AccountChangeOutcome {
    let outcome = book.change(id, change, at: book.now)
    if outcome == .created {
      group?.changed.append(
        AccountChangeRow(account: id.bits, change: change, after: book.sequence))
    }
    return outcome
  }

  package mutating func apply(
    _ batch: [RequestRow], authorizations: [Int: Authorization] = [:],
    recalling recalled: Recalled = .nothing
  ) -> Applied {
    book.apply(batch, authorizations: authorizations, at: book.now, recalling: recalled)
  }

  /// What `open` would say; nothing is opened.
  package mutating func rehearse(_ batch: [AccountRequest]) -> [AccountOutcome] {
    book.rehearse(batch)
  }

  /// What `apply` would say; nothing is done.
  package mutating func rehearse(
    _ batch: [RequestRow], authorizations: [Int: Authorization] = [:],
    recalling recalled: Recalled = .nothing
  ) -> [TransferOutcome] {
    book.rehearse(batch, authorizations: authorizations, recalling: recalled)
  }

  /// Ends the group. Nil where it did nothing, so that there is nothing to write.
  package mutating func seal() -> SealedEntry? {
    guard let group else { return nil }
    self.group = nil
    let accounts = book.accountRows
    let opened = Array(accounts[group.firstAccount...])
    let accepted = book.recentRows(group.firstTransfer..<book.sequence + 1)
    guard
      !(opened.isEmpty && accepted.isEmpty && group.expired.isEmpty && group.changed.isEmpty)
    else {
      // Nothing happened, so nothing may remember when: the book is what its journal says, and no more.
      book.goBack(to: group.before)
      return nil
    }
    let sealed = SealedEntry(
      JournalEntry(
        sequence: tip.sequence + 1, epoch: epoch, moment: book.now, previous: tip.hash,
        firstTransfer: group.firstTransfer, expired: group.expired,
        // An account's sums are not part of its opening.
        opened: opened.map(\.atOpening), accepted: accepted, changed: group.changed))
    tip = sealed.position
    return sealed
  }

  /// Carries out an entry that was written before.
  /// - Throws: `JournalMismatch` where the book decides otherwise; it is of no use then.
  package mutating func replay(_ sealed: SealedEntry) throws(JournalMismatch) {
    let entry = sealed.entry
    guard entry.sequence == tip.sequence + 1, entry.previous == tip.hash else {
      throw .chainBroken(entry: entry.sequence)
    }
    guard entry.epoch <= epoch else { throw .epochGoesBack(entry: entry.sequence) }
    guard entry.firstTransfer == book.sequence + 1 else {
      throw .transfersDoNotFollow(entry: entry.sequence)
    }
    do throws(BookMismatch) {
      try book.replay(
        expired: entry.expired, opened: entry.opened, accepted: entry.accepted,
        changed: entry.changed, at: entry.moment)
    } catch {
      throw .book(entry: entry.sequence, error)
    }
    tip = sealed.position
  }

  /// Forgets transfers that the projections know.
  package mutating func forget(through sequence: Int64) { book.forget(through: sequence) }
}

extension AccountRow {
  fileprivate var atOpening: AccountRow {
    AccountRow(
      id: id, owner: owner, createdAt: createdAt, currency: currency, code: code, flags: flags,
      closed: AccountFlags(rawValue: flags).contains(.closed) ? 1 : 0)
  }
}
