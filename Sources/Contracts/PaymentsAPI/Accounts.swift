package import Vocabulary

/// What an account holds.
package struct Balance: Codable, Hashable, Sendable {
  package let account: AccountID
  /// All that is posted.
  package let booked: Money
  /// What may be spent now: booked less what is reserved.
  package let available: Money
  package init(account: AccountID, booked: Money, available: Money) {
    self.account = account
    self.booked = booked
    self.available = available
  }
}

/// One of the person's own accounts.
package struct OwnAccount: Codable, Hashable, Sendable {
  package let id: AccountID
  package let currency: Currency
  package let isClosed: Bool
  package let openedAt: Instant

  private enum CodingKeys: String, CodingKey {
    case id, currency
    case isClosed = "closed"
    case openedAt = "opened_at"
  }

  package init(id: AccountID, currency: Currency, isClosed: Bool, openedAt: Instant) {
    self.id = id
    self.currency = currency
    self.isClosed = isClosed
    self.openedAt = openedAt
  }
}

/// The answer of `listMyAccounts`. Balances need another scope and are asked for one by one.
package struct OwnAccounts: Codable, Hashable, Sendable {
  package let accounts: [OwnAccount]
  package init(accounts: [OwnAccount]) { self.accounts = accounts }
}

/// One movement on an account, as its owner sees it.
package struct StatementLine: Codable, Hashable, Sendable {
  /// How a line touches the balance.
  package enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    /// Money that moved.
    case booked
    /// Money set aside; another line says what became of it.
    case reserved
    /// A reservation that was given back.
    case released
  }
  package let id: TransferID
  package let kind: Kind
  /// Negative where it leaves the account.
  package let amount: Money
  /// The account at the other end.
  package let counterparty: AccountID
  package let payment: PaymentID?
  /// The day for which the books count it, where that is not the day it was made.
  package let bookedOn: String?
  package let at: Instant

  private enum CodingKeys: String, CodingKey {
    case id, kind, amount, counterparty, payment, at
    case bookedOn = "booked_on"
  }

  package init(
    id: TransferID, kind: Kind, amount: Money, counterparty: AccountID, payment: PaymentID?,
    bookedOn: String?, at: Instant
  ) {
    self.id = id
    self.kind = kind
    self.amount = amount
    self.counterparty = counterparty
    self.payment = payment
    self.bookedOn = bookedOn
    self.at = at
  }
}

/// One page of an account's movements, newest first.
package struct Statement: Codable, Hashable, Sendable {
  package let account: AccountID
  package let lines: [StatementLine]
  /// Give it as `after` to go on; absent on the last page.
  package let next: String?
  package init(account: AccountID, lines: [StatementLine], next: String?) {
    self.account = account
    self.lines = lines
    self.next = next
  }
}
