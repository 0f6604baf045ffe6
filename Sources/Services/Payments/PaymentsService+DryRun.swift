import Chassis
import LedgerAPI
import PaymentsAPI
import Vocabulary

extension PaymentsService {
  /// Every check of a payment, also the ledger's, and no effect: no payment is written down, no money is reserved, and
  /// neither the key nor the token is used up. A yes is none for later: the account may be empty by then.
  @Sendable func rehearsePayment(_ call: Call) async throws -> Answer {
    _ = try call.holder()
    let order = try PaymentOrder(parsing: call.body)
    do {
      _ = try await ledger.call(
        LedgerOperations.rehearseHold,
        NewHold(
          // Ids of nothing: a rehearsal makes neither.
          id: TransferID(bits: call.correlation.bits), debtor: order.debtor,
          creditor: order.creditor, amount: order.amount,
          paymentID: PaymentID(bits: call.correlation.bits), correlationID: call.correlation,
          timeoutSeconds: PaymentRunner.holdSeconds, code: PaymentRunner.transferCode),
        query: ["dry_run": "true"], context: call.forwarding)
    } catch  where PaymentRunner.word(on: error.kind) != .silence {
      throw Problem(
        ToldReason.told(error.slug), 409, "The payment would be refused; no money is reserved",
        fields: ["dry_run": "true"])
    }
    return try .json(
      200, PaymentRehearsal(amount: order.amount, debtor: order.debtor, creditor: order.creditor))
  }
}
