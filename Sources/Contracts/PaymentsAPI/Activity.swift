package import Vocabulary

/// What happened to a payment, in the past tense.
package enum ActivityEvent: String, Codable, Hashable, Sendable, CaseIterable {
  case received, held, posted, refused
  case nothingHasHappened = "nothing_has_happened"
}

/// One line of a person's activity log. Lines are only ever added.
package struct ActivityEntry: Codable, Hashable, Sendable {
  /// Counts this person's lines, from 1 and without gaps.
  package let sequence: Int64
  package let at: Instant
  package let event: ActivityEvent
  package let payment: PaymentID
  package let amount: Money
  package let debtor: AccountID
  package let creditor: AccountID
  package let reason: String?
  package let correlationID: CorrelationID

  private enum CodingKeys: String, CodingKey {
    case sequence, at, event, payment, amount, debtor, creditor, reason
    case correlationID = "correlation_id"
  }

  package init(
    sequence: Int64, at: Instant, event: ActivityEvent, payment: Payment, reason: String?
  ) {
    self.sequence = sequence
    self.at = at
    self.event = event
    self.payment = payment.id
    amount = payment.amount
    debtor = payment.debtor
    creditor = payment.creditor
    self.reason = reason
    correlationID = payment.correlationID
  }
}

/// Some lines, oldest first.
package struct Activity: Codable, Hashable, Sendable {
  package let entries: [ActivityEntry]
  /// Give it as `since` to see what comes after; the same number again when there is nothing new.
  package let next: Int64
  package init(entries: [ActivityEntry], next: Int64) {
    self.entries = entries
    self.next = next
  }
}
