package import Vocabulary

/// The body of `createHold`. Repeating the call must repeat the body: all fields are compared, so
/// `correlationID` is that of the payment's first request, not that of the retry.
package struct NewHold: Codable, Hashable, Sendable {
  /// The hold's id, derived from the payment's, so that a retry names the same hold.
  package var id: TransferID
  /// The account that pays; must belong to the transaction token's subject.
  package var debtor: AccountID
  package var creditor: AccountID
  /// 1 to 2^53 − 1 minor units; must equal the transaction token's.
  package var amount: Money
  package var paymentID: PaymentID
  package var correlationID: CorrelationID
  /// Seconds until the hold gives the money back by itself, 1 to `LedgerLimits.personHoldSecondsMax`.
  package var timeoutSeconds: Int64
  /// What kind of transfer it is, 1–65,535.
  package var code: UInt16
  /// The id of its posting, where nothing stands between the two: a hold that is new is posted whole at the same moment.
  /// One that was made before stays as it is. Absent: nothing is posted.
  package var posting: TransferID?

  private enum CodingKeys: String, CodingKey {
    case id, debtor, creditor, amount, code, posting
    case paymentID = "payment_id"
    case correlationID = "correlation_id"
    case timeoutSeconds = "timeout_seconds"
  }

  package init(
    id: TransferID, debtor: AccountID, creditor: AccountID, amount: Money, paymentID: PaymentID,
    correlationID: CorrelationID, timeoutSeconds: Int64, code: UInt16, posting: TransferID? = nil
  ) {
    self.id = id
    self.debtor = debtor
    self.creditor = creditor
    self.amount = amount
    self.paymentID = paymentID
    self.correlationID = correlationID
    self.timeoutSeconds = timeoutSeconds
    self.code = code
    self.posting = posting
  }
}

/// The body of `postHold`.
package struct HoldPosting: Codable, Hashable, Sendable {
  /// The posting's own id; a retry names the same one.
  package var id: TransferID
  /// What is taken, 1 to the amount held; absent: all of it. What is left returns to the debtor.
  package var amount: Money?
  package init(id: TransferID, amount: Money? = nil) {
    self.id = id
    self.amount = amount
  }
}

/// The body of `voidHold`.
package struct HoldVoiding: Codable, Hashable, Sendable {
  /// The voiding's own id; a retry names the same one.
  package var id: TransferID
  package init(id: TransferID) { self.id = id }
}

/// The answer of `createHold`, `postHold` and `voidHold`.
package struct HoldAnswer: Codable, Hashable, Sendable {
  /// `created`, or `exists` when the same call had been accepted before.
  package var result: String
  /// The hold as it stands after the call, the posting or the voiding as it was accepted.
  package var transfer: LedgerTransfer
  package init(result: String, transfer: LedgerTransfer) {
    self.result = result
    self.transfer = transfer
  }
}

/// The answer of `createHold` that was only tried, `dry_run=true`: nothing was done.
package struct HoldRehearsal: Codable, Hashable, Sendable {
  /// `created`, as it would have been, or `exists` when the same call had been accepted before.
  package var result: String
  /// Always true.
  package var isDryRun: Bool

  private enum CodingKeys: String, CodingKey {
    case result
    case isDryRun = "dry_run"
  }

  package init(result: String) {
    self.result = result
    isDryRun = true
  }
}
