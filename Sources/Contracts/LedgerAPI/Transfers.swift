package import Vocabulary

/// A transfer to make. Where it posts or voids a hold, every absent field is taken from the hold.
package struct NewTransfer: Codable, Hashable, Sendable {
  /// The transfer's name and its idempotency key, for ever. Never zero and never all ones.
  package var id: TransferID
  package var debitAccount: AccountID?
  package var creditAccount: AccountID?
  /// Minor units, 1 to 2^53 − 1; 0 only where the transfer closes an account. Absent: all of it,
  /// for posting, voiding and balancing transfers.
  package var amount: Int64?
  package var currency: Currency?
  /// What kind of transfer it is, 1–65,535.
  package var code: UInt16?
  /// The hold that is posted or voided.
  package var pendingID: TransferID?
  /// Seconds until a hold gives the money back by itself, 1 to `LedgerLimits.timeoutSecondsMax`;
  /// absent: never.
  package var timeoutSeconds: Int64?
  package var paymentID: PaymentID?
  package var correlationID: CorrelationID?
  /// The day for which the bank's books count it, `YYYY-MM-DD`; from 1970 to `LedgerLimits.bookedDaysAheadMax` days ahead.
  package var bookedOn: String?
  package var flags: Flags<TransferFlag>?

  private enum CodingKeys: String, CodingKey {
    case id, amount, currency, code, flags
    case debitAccount = "debit_account_id"
    case creditAccount = "credit_account_id"
    case pendingID = "pending_id"
    case timeoutSeconds = "timeout_seconds"
    case paymentID = "payment_id"
    case correlationID = "correlation_id"
    case bookedOn = "booked_on"
  }

  package init(id: TransferID) { self.id = id }

  /// A plain transfer; set the other fields on the value.
  package init(
    id: TransferID, amount: Money, from debitAccount: AccountID, to creditAccount: AccountID,
    code: UInt16
  ) {
    self.id = id
    self.debitAccount = debitAccount
    self.creditAccount = creditAccount
    self.amount = amount.minorUnits
    currency = amount.currency
    self.code = code
  }
}

/// The body of `createTransfers`.
package struct NewTransfers: Codable, Hashable, Sendable {
  /// 1 to `LedgerLimits.batchMax`.
  package var transfers: [NewTransfer]
  package init(transfers: [NewTransfer]) { self.transfers = transfers }
}

/// What became of one event of a batch.
package struct EventResult: Codable, Hashable, Sendable {
  /// The event's own id, as it was sent.
  package var id: String
  /// `created`, `exists` or the name of the refusal.
  package var result: String
  package init(id: String, result: String) {
    self.id = id
    self.result = result
  }
  package static let created = "created"
  package static let exists = "exists"
}

/// One result for each event, in the batch's order.
package struct EventResults: Codable, Hashable, Sendable {
  package var results: [EventResult]
  /// Present, and true, where the batch was only tried: nothing was done, and `created` says what would have been.
  package var isDryRun: Bool?

  private enum CodingKeys: String, CodingKey {
    case results
    case isDryRun = "dry_run"
  }

  package init(results: [EventResult], isDryRun: Bool? = nil) {
    self.results = results
    self.isDryRun = isDryRun
  }
}

/// A transfer as it was accepted; it never changes.
package struct LedgerTransfer: Codable, Hashable, Sendable {
  package var id: TransferID
  /// Its place in the ledger's history, from 1.
  package var sequence: Int64
  package var debitAccount: AccountID
  package var creditAccount: AccountID
  /// Minor units that moved or, for a hold, are reserved.
  package var amount: Int64
  package var currency: Currency
  package var code: UInt16
  package var pendingID: TransferID?
  package var timeoutSeconds: Int64?
  package var paymentID: PaymentID?
  package var correlationID: CorrelationID?
  package var bookedOn: String?
  package var flags: Flags<TransferFlag>
  package var createdAt: Instant
  /// Present where the transfer is a hold.
  package var hold: HoldState?
  /// What the account that is listed held right after it: posted credits less posted debits, in minor units. Present in
  /// lists of movements, where it is known.
  package var balance: Int64?

  private enum CodingKeys: String, CodingKey {
    case id, sequence, amount, currency, code, flags, hold, balance
    case debitAccount = "debit_account_id"
    case creditAccount = "credit_account_id"
    case pendingID = "pending_id"
    case timeoutSeconds = "timeout_seconds"
    case paymentID = "payment_id"
    case correlationID = "correlation_id"
    case bookedOn = "booked_on"
    case createdAt = "created_at"
  }

  package init(
    id: TransferID, sequence: Int64, debitAccount: AccountID, creditAccount: AccountID,
    amount: Money, code: UInt16, createdAt: Instant
  ) {
    self.id = id
    self.sequence = sequence
    self.debitAccount = debitAccount
    self.creditAccount = creditAccount
    self.amount = amount.minorUnits
    currency = amount.currency
    self.code = code
    flags = []
    self.createdAt = createdAt
  }
}

/// What became of a hold.
package struct HoldState: Codable, Hashable, Sendable {
  /// The four ends, and beginnings, of a hold.
  package enum Phase: String, Codable, Sendable, CaseIterable { case open, posted, voided, expired }
  package var phase: Phase
  /// The transfer that posted or voided it.
  package var resolvedBy: TransferID?
  /// When an open hold gives the money back by itself; absent: never.
  package var expiresAt: Instant?

  private enum CodingKeys: String, CodingKey {
    case phase
    case resolvedBy = "resolved_by"
    case expiresAt = "expires_at"
  }

  package init(phase: Phase, resolvedBy: TransferID? = nil, expiresAt: Instant? = nil) {
    self.phase = phase
    self.resolvedBy = resolvedBy
    self.expiresAt = expiresAt
  }
}

/// One page of an account's transfers.
package struct LedgerTransfers: Codable, Hashable, Sendable {
  package var transfers: [LedgerTransfer]
  /// Give it as `after` for the next page; absent on the last. A page may be short and still have one: a list of some
  /// days only looks at a bounded part of an account at a time.
  package var next: String?
  /// Give it as `balance_after` with `next`: what the account held right before the last transfer that was looked at, in
  /// minor units.
  package var nextBalance: Int64?

  private enum CodingKeys: String, CodingKey {
    case transfers, next
    case nextBalance = "next_balance"
  }

  package init(transfers: [LedgerTransfer], next: String? = nil, nextBalance: Int64? = nil) {
    self.transfers = transfers
    self.next = next
    self.nextBalance = nextBalance
  }
}
