package import Vocabulary

/// How a transfer works; the meaning of each is TigerBeetle's.
package struct TransferFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let linked = TransferFlags(rawValue: 1)
  package static let pending = TransferFlags(rawValue: 2)
  package static let postPending = TransferFlags(rawValue: 4)
  package static let voidPending = TransferFlags(rawValue: 8)
  package static let balancingDebit = TransferFlags(rawValue: 16)
  package static let balancingCredit = TransferFlags(rawValue: 32)
  package static let closingDebit = TransferFlags(rawValue: 64)
  package static let closingCredit = TransferFlags(rawValue: 128)

  static let resolving: TransferFlags = [.postPending, .voidPending]
  static let balancing: TransferFlags = [.balancingDebit, .balancingCredit]
  static let closing: TransferFlags = [.closingDebit, .closingCredit]

  /// True where it posts or voids a hold.
  package var resolves: Bool { !isDisjoint(with: .resolving) }
  package var balances: Bool { !isDisjoint(with: .balancing) }
  var closes: Bool { !isDisjoint(with: .closing) }
}

/// A transfer that somebody wants made. An absent field counts as zero; in a posting or voiding it
/// means "as the hold has it".
package struct TransferRequest: Hashable, Sendable {
  package var id: TransferID
  package var debitAccount: AccountID?
  package var creditAccount: AccountID?
  /// Minor units, 0 to `Book.amountMax`; absent in posting, voiding and balancing: all of it.
  package var amount: Int64?
  package var currency: Currency?
  package var code: UInt16 = 0
  package var pendingID: TransferID?
  /// Seconds, 0 (never) to `Book.timeoutSecondsMax`.
  package var timeoutSeconds: Int64 = 0
  package var paymentID: PaymentID?
  package var correlationID: CorrelationID?
  package var bookedOn: CivilDate?
  package var flags: TransferFlags = []
  /// Who asks, as the ledger numbers its callers.
  package var maker = RequestRow.operatorMaker
  /// Who allowed it and what exactly; absent where the caller itself may post (a bank's own batch,
  /// an authorised hold's end).
  package var authorization: Authorization?

  package init(id: TransferID) { self.id = id }
}

/// What a person has signed: the part of a transaction token that the ledger holds a hold against.
package struct Authorization: Hashable, Sendable {
  /// The token's `txn`: good for one hold.
  package let transaction: TransactionID
  /// Must own the debtor's account.
  package let subject: PersonID
  package let amount: Int64
  package let currency: Currency
  package let debtor: AccountID
  package let creditor: AccountID

  package init(
    transaction: TransactionID, subject: PersonID, amount: Int64, currency: Currency,
    debtor: AccountID, creditor: AccountID
  ) {
    self.transaction = transaction
    self.subject = subject
    self.amount = amount
    self.currency = currency
    self.debtor = debtor
    self.creditor = creditor
  }
}

/// A transfer as it was accepted. It never changes.
package struct Transfer: Hashable, Sendable {
  package let id: TransferID
  /// Its place in history, from 1, without gaps.
  package let sequence: Int64
  package let debitAccount: AccountID
  package let creditAccount: AccountID
  /// Minor units moved or reserved, 0 to `Book.amountMax`.
  package let amount: Int64
  /// What a balancing transfer asked for at most; absent: all, or not balancing.
  package let amountLimit: Int64?
  package let currency: Currency
  package let code: UInt16
  package let pendingID: TransferID?
  package let timeoutSeconds: Int64
  package let paymentID: PaymentID?
  package let correlationID: CorrelationID?
  package let bookedOn: CivilDate?
  package let flags: TransferFlags
  /// Who made it, as the ledger numbers its callers.
  package let maker: UInt16
  package let createdAt: Instant

  /// From storage, field by field: the request with its gaps filled, and what the book decided.
  package init(
    _ request: TransferRequest, debitAccount: AccountID, creditAccount: AccountID,
    amount: Int64, currency: Currency, sequence: Int64, createdAt: Instant
  ) {
    id = request.id
    self.sequence = sequence
    self.debitAccount = debitAccount
    self.creditAccount = creditAccount
    self.amount = amount
    amountLimit = request.flags.balances ? request.amount : nil
    self.currency = currency
    code = request.code
    pendingID = request.pendingID
    timeoutSeconds = request.timeoutSeconds
    paymentID = request.paymentID
    correlationID = request.correlationID
    bookedOn = request.bookedOn
    flags = request.flags
    maker = request.maker
    self.createdAt = createdAt
  }

  /// When a hold gives the money back by itself; absent: never.
  package var expiresAt: Instant? {
    guard flags.contains(.pending), timeoutSeconds > 0 else { return nil }
    return createdAt + .seconds(timeoutSeconds)
  }
}

/// How a hold ended.
package struct HoldEnd: Hashable, Sendable {
  /// The three ends; a hold has one of them, once.
  package enum Manner: String, CaseIterable, Hashable, Sendable { case posted, voided, expired }
  package let hold: TransferID
  package let manner: Manner
  /// The transfer that ended it; absent where it expired.
  package let by: TransferID?

  package init(hold: TransferID, manner: Manner, by: TransferID?) {
    self.hold = hold
    self.manner = manner
    self.by = by
  }
}
