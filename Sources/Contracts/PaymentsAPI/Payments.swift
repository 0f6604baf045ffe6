package import Vocabulary

/// The body of `createPayment`.
package struct NewPayment: Codable, Hashable, Sendable {
  /// More than zero; at most 2^53 − 1 minor units.
  package let amount: Money
  /// The account that pays; must belong to the person.
  package let debtor: AccountID
  /// The account that receives; another one.
  package let creditor: AccountID
  /// Free text for the receiver, 1–140 characters. May hold personal data, so it stays in this
  /// service.
  package let reference: String?

  package init(amount: Money, debtor: AccountID, creditor: AccountID, reference: String? = nil) {
    self.amount = amount
    self.debtor = debtor
    self.creditor = creditor
    self.reference = reference
  }
}

/// How far a payment has come, as everybody may see it.
package enum PaymentState: String, Codable, Hashable, Sendable, CaseIterable {
  /// Written down; whether money is reserved is not known yet.
  case received
  /// The money is reserved at the debtor's account.
  case held
  /// The money has moved. Final.
  case posted
  /// The ledger said no; no money is reserved. Final.
  case refused
  /// It ended without any money moving or reserved, though nobody said no.
  case nothingHappened = "nothing_happened"
}

/// A payment as it stands.
package struct Payment: Codable, Hashable, Sendable {
  package let id: PaymentID
  package let state: PaymentState
  /// Why it was refused, or why nothing happened; a problem's slug.
  package let reason: String?
  package let amount: Money
  package let debtor: AccountID
  package let creditor: AccountID
  package let reference: String?
  /// Of the request that made it; found in every log, trace and audit record about it.
  package let correlationID: CorrelationID
  package let createdAt: Instant
  package let updatedAt: Instant

  private enum CodingKeys: String, CodingKey {
    case id, state, reason, amount, debtor, creditor, reference
    case correlationID = "correlation_id"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }

  package init(
    id: PaymentID, state: PaymentState, reason: String?, order: NewPayment,
    correlationID: CorrelationID, createdAt: Instant, updatedAt: Instant
  ) {
    self.id = id
    self.state = state
    self.reason = reason
    amount = order.amount
    debtor = order.debtor
    creditor = order.creditor
    reference = order.reference
    self.correlationID = correlationID
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }
}

/// One page of a person's payments, newest first.
package struct PaymentPage: Codable, Hashable, Sendable {
  package let payments: [Payment]
  /// Give it as `after` to go on; absent on the last page.
  package let next: String?
  package init(payments: [Payment], next: String?) {
    self.payments = payments
    self.next = next
  }
}

/// The answer of `createPayment` with the query `dry_run=true`, where nothing speaks against the payment just now: nothing
/// was done. A refusal is told as it would be for the payment.
package struct PaymentRehearsal: Codable, Hashable, Sendable {
  /// Always true.
  package let isDryRun: Bool
  package let amount: Money
  package let debtor: AccountID
  package let creditor: AccountID

  private enum CodingKeys: String, CodingKey {
    case amount, debtor, creditor
    case isDryRun = "dry_run"
  }

  package init(amount: Money, debtor: AccountID, creditor: AccountID) {
    isDryRun = true
    self.amount = amount
    self.debtor = debtor
    self.creditor = creditor
  }
}
