package import LedgerBook
package import Vocabulary

/// A transfer as a line of comma-separated values (RFC 4180); no field of ours needs quotes.
package enum TransferCSV {
  package static let header = TransferFile.Column.allCases.map(\.rawValue).joined(separator: ",")

  package static func line(_ transfer: Transfer) -> String {
    let fields: [String] = [
      "\(transfer.id)", "\(transfer.debitAccount)", "\(transfer.creditAccount)",
      "\(transfer.amount)", transfer.currency.code, "\(transfer.code)",
      "\(transfer.flags.rawValue)", transfer.pendingID?.description ?? "",
      "\(transfer.timeoutSeconds)", transfer.paymentID?.description ?? "",
      transfer.correlationID?.description ?? "", transfer.bookedOn?.description ?? "",
      "\(transfer.sequence)", "\(transfer.createdAt)",
    ]
    return fields.joined(separator: ",")
  }
}

/// Which transfers of the books are asked for.
package struct TransferChoice: Sendable {
  /// Empty: all.
  package var accounts: Set<AccountID> = []
  /// By the day for which the books count a transfer; both ends included, nil is open.
  package var from: CivilDate?
  package var until: CivilDate?

  package init() {}

  package func takes(_ transfer: Transfer) -> Bool {
    (accounts.isEmpty || accounts.contains(transfer.debitAccount)
      || accounts.contains(transfer.creditAccount))
      && from.map { $0 <= transfer.bookedDay } ?? true
      && until.map { transfer.bookedDay <= $0 } ?? true
  }
}

extension Transfer {
  /// The day for which the books count it: the one that was said, or that of its acceptance (UTC).
  package var bookedDay: CivilDate { bookedOn ?? createdAt.day }
}
