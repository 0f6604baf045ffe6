import PaymentsAPI
import StrictJSON
package import Vocabulary

/// What a person wants paid, checked. Whoever holds one need not check again.
package struct PaymentOrder: Hashable, Sendable {
  /// More than zero.
  package let amount: Money
  package let debtor: AccountID
  package let creditor: AccountID
  /// May name people: it is shown to the payer and to nobody else, and never logged or audited.
  package let reference: Masked<String>?

  /// - Throws: `PaymentRefusal`, or `Problem.malformed` that names the field.
  package init(parsing body: [UInt8]) throws {
    let draft: Draft
    do {
      // The amount is looked at first, as JSON: a number beyond 64 bits has a name of its own among
      // the refusals.
      if let units = try JSON.parse(body).value(at: "/amount/minor_units"),
        units.integer == nil, let number = units.number, number.magnitude >= 0x1p53
      {
        throw PaymentRefusal.amountOverflow
      }
      draft = try StrictJSON.decode(Draft.self, from: body)
    } catch let error as JSONError {
      throw error.problem
    }
    try self.init(
      minorUnits: draft.amount.minorUnits, currency: draft.amount.currency, debtor: draft.debtor,
      creditor: draft.creditor, reference: draft.reference)
  }

  private init(
    minorUnits: Int64, currency code: String, debtor: AccountID, creditor: AccountID,
    reference: String?
  ) throws(PaymentRefusal) {
    guard let currency = Currency(code) else { throw .unknownCurrency }
    guard let amount = try? Money(minorUnits: minorUnits, currency: currency) else {
      throw .amountOverflow
    }
    guard minorUnits != 0 else { throw .amountZero }
    guard minorUnits > 0 else { throw .amountNegative }
    guard debtor != creditor else { throw .sameAccountTwice }
    if let reference {
      guard !reference.isEmpty else { throw .referenceEmpty }
      guard reference.unicodeScalars.count <= PaymentsOperations.referenceMax else {
        throw .referenceTooLong
      }
      guard reference.isDisplayText else { throw .referenceUnreadable }
    }
    self.amount = amount
    self.debtor = debtor
    self.creditor = creditor
    self.reference = reference.map { Masked($0) }
  }

  /// From the store, which only ever took checked ones.
  init(amount: Money, debtor: AccountID, creditor: AccountID, reference: Masked<String>?) {
    self.amount = amount
    self.debtor = debtor
    self.creditor = creditor
    self.reference = reference
  }

  private struct Draft: Decodable {
    struct Amount: Decodable {
      let minorUnits: Int64
      let currency: String
      enum CodingKeys: String, CodingKey { case minorUnits = "minor_units", currency }
    }
    let amount: Amount
    let debtor: AccountID
    let creditor: AccountID
    let reference: String?
  }
}
