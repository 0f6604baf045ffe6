package import AuditAPI
package import Launcher
package import LedgerAPI
package import MerkleLog
import PaymentsAPI
package import Vocabulary

/// All that the platform recorded about one outside request: each hop with its decision and time, what the ledger did,
/// and the proof that the records stand in the log.
package struct PaymentStory: Sendable {
  package let correlation: CorrelationID
  /// By time.
  package let records: [LoggedRecord]
  /// The ledger's movements for the payment, oldest first.
  package let transfers: [LedgerTransfer]
  /// Of the last money record; nil while no checkpoint covers it.
  package let receipt: VerifiedReceipt?

  package struct VerifiedReceipt: Sendable {
    package let index: Int64
    /// Records in the checkpoint that vouches.
    package let treeSize: UInt64
    package let text: String
  }

  /// Records that one request may have left; a payment leaves fewer than twenty.
  static let recordsMax = 500

  /// - Parameter verifierKey: the log's key as the reader got it, not from the log itself.
  /// - Throws: `DemoFailure`, or what the operator's line throws.
  package static func gather(
    _ correlation: CorrelationID, desk: OperatorDesk, verifierKey: VerifierKey?
  ) async throws -> PaymentStory {
    let page = try await desk.call(
      AuditOperations.findRecords, Nothing(),
      query: ["correlation": "\(correlation)", "limit": "\(recordsMax)"])
    let records = page.records.sorted { ($0.record.at, $0.index) < ($1.record.at, $1.index) }
    let hold = records.flatMap { [$0.record.detail["hold"], $0.record.detail["transfer"]] }
      .compactMap { $0 }
    var transfers: [LedgerTransfer] = []
    for id in Set(hold.compactMap { TransferID($0) }) {
      if let transfer = try? await desk.call(
        LedgerOperations.getTransfer, Nothing(), path: ["id": "\(id)"])
      {
        transfers.append(transfer)
      }
    }
    let money = records.last { $0.record.kind == .money }
    var receipt: VerifiedReceipt?
    if let money, let verifierKey {
      receipt = try await verifiedReceipt(money, desk, verifierKey)
    }
    return PaymentStory(
      correlation: correlation, records: records,
      transfers: transfers.sorted { $0.sequence < $1.sequence }, receipt: receipt)
  }

  private static func verifiedReceipt(
    _ money: LoggedRecord, _ desk: OperatorDesk, _ key: VerifierKey
  ) async throws -> VerifiedReceipt? {
    guard
      let answer = try? await desk.call(
        AuditOperations.getReceipt, Nothing(), path: ["record": "\(money.record.id)"])
    else { return nil }
    guard let receipt = Receipt(Array(answer.receipt.utf8)) else {
      throw DemoFailure("the audit service gave a receipt that is none")
    }
    let checkpoint = try receipt.verify(key: key)
    return VerifiedReceipt(index: answer.index, treeSize: checkpoint.size, text: answer.receipt)
  }
}
