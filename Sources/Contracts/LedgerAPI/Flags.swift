/// A set of named flags, written in JSON as an array of their names in the order of declaration.
package struct Flags<Flag>: Hashable, Sendable
where Flag: RawRepresentable & CaseIterable & Hashable & Sendable, Flag.RawValue == String {
  package var raised: Set<Flag>

  package init(_ raised: Set<Flag> = []) { self.raised = raised }

  package var isEmpty: Bool { raised.isEmpty }
  package func contains(_ flag: Flag) -> Bool { raised.contains(flag) }
}

extension Flags: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: Flag...) { raised = Set(elements) }
}

extension Flags: Codable {
  /// - Throws: a decoding error for an unknown name, and for a name that stands twice.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    var raised: Set<Flag> = []
    for name in try container.decode([String].self) {
      guard let flag = Flag(rawValue: name) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown flag")
      }
      guard raised.insert(flag).inserted else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "a flag twice")
      }
    }
    self.raised = raised
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Flag.allCases.filter(raised.contains).map(\.rawValue))
  }
}

/// What an account must keep to.
package enum AccountFlag: String, CaseIterable, Sendable {
  /// This event and the next stand or fall together; a chain ends with the first event without it.
  case linked
  /// Pending and posted debits together never exceed posted credits: a customer's account without
  /// overdraft.
  case debitsMustNotExceedCredits = "debits_must_not_exceed_credits"
  /// Pending and posted credits together never exceed posted debits: a loan, or cash in the vault.
  case creditsMustNotExceedDebits = "credits_must_not_exceed_debits"
  /// Takes part in no new transfer; open holds on it can still be voided.
  case closed
}

/// How a transfer works.
package enum TransferFlag: String, CaseIterable, Sendable {
  /// This event and the next stand or fall together; a chain ends with the first event without it.
  case linked
  /// A hold: reserves the amount until it is posted, voided or its timeout has passed.
  case pending
  /// Posts the hold named by `pending_id`, whole (no amount) or up to the amount.
  case postPending = "post_pending"
  /// Voids the hold named by `pending_id`.
  case voidPending = "void_pending"
  /// Moves at most the amount, and no more than keeps the debtor's debits, pending ones included,
  /// within its credits (no amount: all of that). Refused where that is nothing.
  case balancingDebit = "balancing_debit"
  /// Moves at most the amount, and no more than keeps the creditor's credits, pending ones
  /// included, within its debits (no amount: all of that). Refused where that is nothing.
  case balancingCredit = "balancing_credit"
  /// Closes the debtor's account; must be pending, so that voiding it opens the account again.
  case closingDebit = "closing_debit"
  /// Closes the creditor's account; must be pending, so that voiding it opens the account again.
  case closingCredit = "closing_credit"
}
