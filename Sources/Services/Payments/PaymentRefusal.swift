package import Vocabulary

/// Why a payment is not even written down, in the order of checking.
package enum PaymentRefusal: Refusal, Hashable, CaseIterable {
  case unknownCurrency
  case amountOverflow
  case amountZero
  case amountNegative
  case sameAccountTwice
  case referenceEmpty
  case referenceTooLong
  case referenceUnreadable

  package var problem: Problem {
    switch self {
    case .unknownCurrency:
      Problem(
        "unknown-currency", 400, "Not a currency of ISO 4217 in force",
        fields: ["field": "/amount/currency"])
    case .amountOverflow:
      Problem(
        "amount-overflow", 400, "The amount is larger than 2^53 − 1 minor units",
        fields: ["field": "/amount/minor_units"])
    case .amountZero:
      Problem(
        "amount-zero", 400, "The amount must be more than zero",
        fields: ["field": "/amount/minor_units"])
    case .amountNegative:
      Problem(
        "amount-negative", 400, "The amount must be more than zero",
        fields: ["field": "/amount/minor_units"])
    case .sameAccountTwice:
      Problem(
        "same-account-twice", 400, "Debtor and creditor must be different accounts",
        fields: ["field": "/creditor"])
    case .referenceEmpty:
      Problem(
        "reference-empty", 400, "A reference has at least one character; leave the field out",
        fields: ["field": "/reference"])
    case .referenceTooLong:
      Problem(
        "reference-too-long", 400, "A reference has 140 characters at most",
        fields: ["field": "/reference"])
    case .referenceUnreadable:
      Problem(
        "reference-unreadable", 400,
        "A reference is one line of visible text, without control or direction characters",
        fields: ["field": "/reference"])
    }
  }
}
