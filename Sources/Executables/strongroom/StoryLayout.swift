import AuditAPI
import Demo
import LedgerAPI
import Vocabulary

/// One payment's story for reading.
enum StoryLayout {
  static func lines(_ story: PaymentStory, _ terminal: Terminal) -> [String] {
    guard let first = story.records.first?.record.at else {
      return ["nothing is recorded under \(story.correlation)"]
    }
    var lines = [
      terminal.styled("correlation \(story.correlation)", .bold), "",
      "each hop, its decision, and when:",
    ]
    for logged in story.records { lines.append(line(logged, since: first, terminal)) }
    if !story.transfers.isEmpty {
      lines += ["", "the ledger's entries:"]
      for transfer in story.transfers { lines.append(line(transfer)) }
    }
    lines.append("")
    if let receipt = story.receipt {
      lines.append(
        terminal.styled("✓", .green)
          + " the last money record is number \(receipt.index) of a log of \(receipt.treeSize); its"
          + " inclusion and the checkpoint's signature were verified here, offline")
    } else if !story.records.contains(where: { $0.record.kind == .money }) {
      lines.append("no money was touched")
    } else {
      lines.append("no checkpoint covers the last money record yet; ask again in a second")
    }
    return lines
  }

  private static func line(
    _ logged: LoggedRecord, since first: Instant, _ terminal: Terminal
  ) -> String {
    let record = logged.record
    let millis = Double((record.at - first).nanoseconds) / 1e6
    let time = "+" + fixed(millis, 1) + " ms"
    let outcome = terminal.styled(
      record.outcome, record.outcome == AuditRecord.refused ? .red : .green)
    let who = "\(record.caller) → \(record.service)"
    let why = record.reason.map { " (\($0))" } ?? ""
    let amount = record.detail["amount_minor_units"].flatMap { Int64($0) }
    let currency = record.detail["currency"].flatMap { Currency($0) }
    var detail = ""
    if let amount, let currency, let money = try? Money(minorUnits: amount, currency: currency) {
      detail = "  \(money)"
    }
    return "  " + padded(time, 12) + padded(who, 22) + padded(record.operation, 18) + outcome + why
      + detail
  }

  private static func line(_ transfer: LedgerTransfer) -> String {
    let kind =
      transfer.flags.contains(.pending)
      ? "hold" : transfer.flags.contains(.postPending) ? "posting" : "transfer"
    let amount = (try? Money(minorUnits: transfer.amount, currency: transfer.currency))?.description
    return
      "  \(padded(kind, 10))\(padded(amount ?? "?", 14))debit \(transfer.debitAccount)  credit "
      + "\(transfer.creditAccount)"
  }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  static func fixed(_ value: Double, _ decimals: Int) -> String {
    let scale = decimals == 0 ? 1.0 : decimals == 1 ? 10.0 : 100.0
    let scaled = Int64((value * scale).rounded())
    guard decimals > 0 else { return "\(scaled)" }
    let fraction = String(scaled.magnitude % UInt64(scale))
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt64(scale))."
      + String(repeating: "0", count: decimals - fraction.count) + fraction
  }
}
