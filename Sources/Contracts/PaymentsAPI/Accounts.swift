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
  /// Give it as `after` to go on; absent on the last page.
  package let next: String?
  package init(accounts: [OwnAccount], next: String? = nil) {
    self.accounts = accounts
    self.next = next
  }
}

/// One movement of money on an account, as its owner sees it. The sum of an account's lines is its balance: what is only
/// reserved is no line.
package struct StatementLine: Codable, Hashable, Sendable {
  /// How a line touches the balance.
  package enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    /// Money that moved.
    case booked
  }
  package let id: TransferID
  package let kind: Kind
  /// Negative where it leaves the account.
  package let amount: Money
  /// The account at the other end.
  package let counterparty: AccountID
  package let payment: PaymentID?
  /// What the payer wrote; for the payer alone.
  package let reference: String?
  /// What the account held right after it. Absent more than 10,000 transfers back, unless paged to from newer lines.
  package let balance: Money?
  /// The day for which the books count it, where that is not the day it was made.
  package let bookedOn: String?
  package let at: Instant

  private enum CodingKeys: String, CodingKey {
    case id, kind, amount, counterparty, payment, reference, balance, at
    case bookedOn = "booked_on"
  }

  package init(
    id: TransferID, kind: Kind, amount: Money, counterparty: AccountID, payment: PaymentID?,
    reference: String? = nil, balance: Money? = nil, bookedOn: String?, at: Instant
  ) {
    self.id = id
    self.kind = kind
    self.amount = amount
    self.counterparty = counterparty
    self.payment = payment
    self.reference = reference
    self.balance = balance
    self.bookedOn = bookedOn
    self.at = at
  }
}

/// One page of an account's movements, those that were accepted last first.
package struct Statement: Codable, Hashable, Sendable {
  package let account: AccountID
  package let lines: [StatementLine]
  /// Give it as `after` to go on; absent on the last page. A page may have fewer lines than were asked for and still
  /// have one.
  package let next: String?
  package init(account: AccountID, lines: [StatementLine], next: String?) {
    self.account = account
    self.lines = lines
    self.next = next
  }
}
