package import Vocabulary

/// What keeps an account out of transfers; one without any bar is open. `AccountRow.closed` holds the bits.
package struct AccountBars: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Opened so, or closed by a hold that is open; voiding that hold takes this bar away, and no other.
  package static let closedByHold = AccountBars(rawValue: 1)
  package static let frozen = AccountBars(rawValue: 2)
  /// Closed when it was empty. For good.
  package static let ended = AccountBars(rawValue: 4)
}

/// What can be done to an account after it was opened. The numbers stand in the journal.
package enum AccountChange: UInt16, CaseIterable, Hashable, Sendable {
  /// It neither pays nor receives, and no hold on it is posted; holds can still be given back.
  case freeze = 1
  case thaw = 2
  /// For good, and only when nothing is in it and nothing is on hold.
  case close = 3
}

/// Why an account was not changed, by precedence.
package enum AccountChangeRefusal: String, CaseIterable, Hashable, Sendable {
  case accountNotFound = "account_not_found"
  case accountAlreadyClosed = "account_already_closed"
  case accountNotEmpty = "account_not_empty"
}

/// `created`: changed just now. `exists`: it was so already.
package typealias AccountChangeOutcome = Outcome<AccountChangeRefusal>

/// A change as the journal keeps it.
package struct AccountChangeRow: Hashable, Sendable {
  package let account: UInt128
  package let change: AccountChange
  /// The sequence of the last transfer that was accepted before it.
  package let after: Int64

  package init(account: UInt128, change: AccountChange, after: Int64) {
    self.account = account
    self.change = change
    self.after = after
  }
}

extension AccountRow {
  package var bars: AccountBars {
    get { AccountBars(rawValue: closed) }
    set { closed = newValue.rawValue }
  }
  var isClosed: Bool { !bars.isDisjoint(with: [.closedByHold, .ended]) }
  var isFrozen: Bool { bars.contains(.frozen) }
  /// Nothing in it, nothing on its way.
  var isEmpty: Bool {
    debitsPending == 0 && creditsPending == 0 && debitsPosted == creditsPosted
  }
}

extension Book {
  /// Freezes, thaws or closes an account at a moment.
  package mutating func change(
    _ id: AccountID, _ change: AccountChange, at instant: Instant
  ) -> AccountChangeOutcome {
    advance(to: instant)
    guard let number = numbers.find(id.bits) else { return .refused(.accountNotFound) }
    let bars = accounts[number].bars
    switch change {
    case .freeze where bars.contains(.ended): return .refused(.accountAlreadyClosed)
    case .freeze where bars.contains(.frozen), .thaw where !bars.contains(.frozen),
      .close where bars.contains(.ended):
      return .exists
    case .freeze: accounts[number].bars.insert(.frozen)
    case .thaw: accounts[number].bars.remove(.frozen)
    case .close:
      guard accounts[number].isEmpty else { return .refused(.accountNotEmpty) }
      accounts[number].bars.insert(.ended)
    }
    return .created
  }

  /// - Throws: the bar that keeps money from moving between these two.
  func requireUnbarred(_ debtor: AccountRow, _ creditor: AccountRow) throws(TransferRefusal) {
    guard (debtor.closed | creditor.closed) != 0 else { return }
    guard !debtor.isClosed else { throw .debitAccountAlreadyClosed }
    guard !creditor.isClosed else { throw .creditAccountAlreadyClosed }
    guard !debtor.isFrozen else { throw .debitAccountFrozen }
    guard !creditor.isFrozen else { throw .creditAccountFrozen }
  }
}
