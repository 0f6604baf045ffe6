package import Vocabulary

/// How an account behaves; the meaning of each is TigerBeetle's.
package struct AccountFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let linked = AccountFlags(rawValue: 1)
  package static let debitsMustNotExceedCredits = AccountFlags(rawValue: 2)
  package static let creditsMustNotExceedDebits = AccountFlags(rawValue: 4)
  package static let closed = AccountFlags(rawValue: 32)
}

/// An account that somebody wants opened.
package struct AccountRequest: Hashable, Sendable {
  package var id: AccountID
  package var currency: Currency
  /// 1–65,535; zero is refused by name.
  package var code: UInt16
  package var owner: PersonID?
  package var flags: AccountFlags

  package init(
    id: AccountID, currency: Currency, code: UInt16, owner: PersonID? = nil,
    flags: AccountFlags = []
  ) {
    self.id = id
    self.currency = currency
    self.code = code
    self.owner = owner
    self.flags = flags
  }
}

/// An account and its four sums, each in minor units from 0 to `Book.amountMax`.
package struct Account: Hashable, Sendable {
  package let id: AccountID
  package let currency: Currency
  package let code: UInt16
  package let owner: PersonID?
  /// The flags of the request. Whether it is closed now is `isClosed`.
  package let flags: AccountFlags
  package let createdAt: Instant
  package var isClosed: Bool
  package var isFrozen = false
  package var debitsPending: Int64 = 0
  package var debitsPosted: Int64 = 0
  package var creditsPending: Int64 = 0
  package var creditsPosted: Int64 = 0

  package init(_ request: AccountRequest, createdAt: Instant) {
    id = request.id
    currency = request.currency
    code = request.code
    owner = request.owner
    flags = request.flags
    isClosed = request.flags.contains(.closed)
    self.createdAt = createdAt
  }
}
