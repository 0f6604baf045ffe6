import AuditAPI
package import Commands
package import Launcher
import LedgerAPI
import Vocabulary

/// One payment's story for reading.
package enum StoryLayout {
  /// What is proved, and apart from it what services say to which nothing of it leads.
  package static func lines(
    _ story: PaymentStory, _ path: TracePath, _ terminal: Terminal
  ) -> [String] {
    guard let first = story.records.first?.record.at else {
      return ["nothing is recorded under \(story.correlation)"]
    }
    var lines = [
      terminal.styled("correlation \(story.correlation)", .bold), "",
      "each hop, its decision, and when:",
    ]
    let (shown, claimed) = (
      story.records.filter { path.leads(to: $0.record) },
      story.records.filter { !path.leads(to: $0.record) }
    )
    for logged in shown { lines.append(line(logged, since: first, terminal)) }
    lines += [
      "",
      terminal.styled(
        "proved: the service behind each arrow, by its certificate, and when the log took its word. What it"
          + " says of the caller, the time and the rest is its own word.", .dim),
    ]
    if !claimed.isEmpty {
      lines += [
        "",
        terminal.styled(
          "recorded under the same id by services to which none of these hops leads; their word alone:",
          .yellow),
      ]
      for logged in claimed { lines.append(line(logged, since: first, terminal)) }
    }
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
    let shown = LegibleRecord(record)
    let millis = Double((record.at - first).nanoseconds) / 1e6
    let time = "+" + fixed(millis, 1) + " ms"
    let outcome = terminal.styled(
      shown.outcome, shown.isRefusal ? .red : .green)
    let who = "\(shown.caller) → \(shown.service)"
    let why = shown.reason.map { " (\($0))" } ?? ""
    let doubt = shown.doubt.map { "  " + terminal.styled("[\($0)]", .yellow) } ?? ""
    let amount = record.detail["amount_minor_units"].flatMap { Int64($0) }
    let currency = record.detail["currency"].flatMap { Currency($0) }
    var detail = ""
    if let amount, let currency, let money = try? Money(minorUnits: amount, currency: currency) {
      detail = "  \(money)"
    }
    return "  " + padded(time, 12) + padded(who, 22) + padded(shown.operation, 18) + outcome + why
      + detail + doubt
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

  /// With blanks behind it, one at least.
  package static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// With so many decimals, 2 at the most.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    let scale = decimals == 0 ? 1.0 : decimals == 1 ? 10.0 : 100.0
    let scaled = Int64((value * scale).rounded())
    guard decimals > 0 else { return "\(scaled)" }
    let fraction = String(scaled.magnitude % UInt64(scale))
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt64(scale))."
      + String(repeating: "0", count: decimals - fraction.count) + fraction
  }
}
