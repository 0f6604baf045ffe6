package import Vocabulary

/// What an account may not do by itself.
package enum AccountLimit: String, Codable, CaseIterable, Hashable, Sendable {
  /// Spend more than is in it, what is on hold included: a customer's account without overdraft.
  case debitsMustNotExceedCredits = "debits_must_not_exceed_credits"
  /// Receive more than was taken out of it: a loan.
  case creditsMustNotExceedDebits = "credits_must_not_exceed_debits"
}

/// The body of `openAccount`.
package struct NewManagedAccount: Codable, Hashable, Sendable {
  /// What kind of account it is, 1–65,535, in the bank's own chart of accounts.
  package let product: UInt16
  package let currency: Currency
  /// Whose it is.
  package let owner: PersonID
  package let limit: AccountLimit

  package init(product: UInt16, currency: Currency, owner: PersonID, limit: AccountLimit) {
    self.product = product
    self.currency = currency
    self.owner = owner
    self.limit = limit
  }
}

/// An account as whoever manages accounts sees it.
package struct ManagedAccount: Codable, Hashable, Sendable {
  /// `frozen`: it neither pays nor receives. `closed`: for good.
  package enum State: String, Codable, CaseIterable, Hashable, Sendable {
    case open, frozen, closed
  }
  package let id: AccountID
  package let product: UInt16
  package let currency: Currency
  /// Absent for the bank's own accounts.
  package let owner: PersonID?
  package let limits: [AccountLimit]
  package let state: State
  /// All that is posted.
  package let booked: Money
  /// What may be spent now: booked less what is reserved.
  package let available: Money
  package let openedAt: Instant

  private enum CodingKeys: String, CodingKey {
    case id, product, currency, owner, limits, state, booked, available
    case openedAt = "opened_at"
  }

  package init(
    id: AccountID, product: UInt16, owner: PersonID?, limits: [AccountLimit], state: State,
    booked: Money, available: Money, openedAt: Instant
  ) {
    self.id = id
    self.product = product
    currency = booked.currency
    self.owner = owner
    self.limits = limits
    self.state = state
    self.booked = booked
    self.available = available
    self.openedAt = openedAt
  }
}

/// The answer of `listManagedAccounts`.
package struct ManagedAccounts: Codable, Hashable, Sendable {
  package let accounts: [ManagedAccount]
  /// Give it as `after` for the next page; absent on the last.
  package let next: String?
  package init(accounts: [ManagedAccount], next: String? = nil) {
    self.accounts = accounts
    self.next = next
  }
}

/// The body of `changeAccount`.
package struct ManagedAccountChange: Codable, Hashable, Sendable {
  /// `freeze`: it neither pays nor receives until `thaw`. `close`: for good, and only when it is empty.
  package enum Change: String, Codable, CaseIterable, Hashable, Sendable {
    case freeze, thaw, close
  }
  package let account: AccountID
  package let change: Change
  package init(account: AccountID, change: Change) {
    self.account = account
    self.change = change
  }
}
