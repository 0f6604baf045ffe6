/// What a payer learns of why a payment did not happen. The operator finds the ledger's own word in the audit log.
///
/// A person may know what concerns their own money, and nothing about others' accounts: whether one exists, is closed,
/// holds another currency, or is frozen by a court, of which nobody may be tipped off. All of that is one answer, and so is
/// a debtor that is not theirs, for otherwise naming somebody's account as the debtor would tell the same. What is told
/// is a list, which stands in the contract too; any other word is of that one answer.
package enum ToldReason {
  /// For everything about accounts that is not the payer's own business.
  package static let notPossible = "payment-not-possible"

  /// About the payer's own account, and about this payment.
  private static let own: Set = [
    "exceeds-credits", "debit-account-already-closed", "overflows-debits",
    "overflows-debits-pending", "overflows-debits-posted", "hold-voided", "hold-expired",
    "pending-transfer-expired", "pending-transfer-already-voided", "authorization-expired",
    "nothing-has-happened",
  ]

  /// The last word of `type` in a 409 of a payment.
  package static let all = own.union([notPossible]).subtracting(unasked)
  /// Reasons of payments that are never a 409.
  private static let unasked: Set = ["authorization-expired", "nothing-has-happened"]

  static func told(_ reason: String) -> String { own.contains(reason) ? reason : notPossible }
}
