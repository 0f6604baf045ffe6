package import LedgerBook
package import Vocabulary

/// Books in the notation of Beancount (https://beancount.github.io/docs/beancount_language_syntax.html), or of ledger-cli and
/// hledger. A transaction stands on the day for which the books count it; whatever else is known of it is metadata.
package struct PlainTextAccounting: Sendable {
  package enum Notation: Sendable { case beancount, ledger }

  private let notation: Notation
  /// Names that people gave to accounts.
  private let names: [AccountID: String]
  /// The counterpart of what accounts had before the first day that is written.
  private static let opening = "Equity:Opening-Balances"

  /// - Parameter names: see `AccountNames`, which makes them fit both notations.
  package init(_ notation: Notation, names: [AccountID: String] = [:]) {
    self.notation = notation
    self.names = names
  }

  private func name(_ id: AccountID) -> String { names[id] ?? "Liabilities:A\(id)" }

  /// Minor units as a decimal of whole units.
  private func decimal(_ amount: Int64, _ currency: Currency) -> String {
    let digits = String(amount.magnitude)
    let places = currency.minorUnitDigits
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let text =
      places == 0 ? padded : "\(padded.dropLast(places)).\(padded.suffix(places))"
    return "\(amount < 0 ? "-" : "")\(text) \(currency.code)"
  }

  /// Says that an account is there from a day on, which must not be later than its first transfer's. Nil where the
  /// notation has no such word.
  package func opening(_ account: Account, on day: CivilDate) -> String? {
    guard notation == .beancount else { return nil }
    let known = names[account.id] == nil ? "" : "\n  account: \"\(account.id)\""
    return "\(day) open \(name(account.id)) \(account.currency.code)\(known)"
  }

  /// What accounts had at the beginning of the first day: sums of debits less credits. Nil where all had nothing.
  package func carried(
    _ sums: [(account: AccountID, currency: Currency, balance: Int64)], on day: CivilDate
  ) -> String? {
    let lines = sums.filter { $0.balance != 0 }.flatMap { sum in
      [
        "  \(name(sum.account))  \(decimal(sum.balance, sum.currency))",
        "  \(Self.opening)  \(decimal(-sum.balance, sum.currency))",
      ]
    }
    guard !lines.isEmpty else { return nil }
    let title = notation == .beancount ? "* \"Opening balances\"" : "* Opening balances"
    let opened = notation == .beancount ? "\(day) open \(Self.opening)\n" : ""
    return "\(opened)\(day) \(title)\n" + lines.joined(separator: "\n")
  }

  /// Nil for what moves nothing: holds, and what gives them back.
  package func entry(_ transfer: Transfer) -> String? {
    guard transfer.movesMoney else { return nil }
    let amount = decimal(transfer.amount, transfer.currency)
    let title = notation == .beancount ? "* \"\(transfer.id)\"" : "* \(transfer.id)"
    return """
      \(transfer.bookedDay) \(title)
      \(metadata(transfer).joined(separator: "\n"))
        \(name(transfer.debitAccount))  \(amount)
        \(name(transfer.creditAccount))  \(transfer.amount == 0 ? amount : "-\(amount)")
      """
  }

  private func metadata(_ transfer: Transfer) -> [String] {
    var pairs = [("code", "\(transfer.code)"), ("accepted", "\(transfer.createdAt)")]
    if let payment = transfer.paymentID { pairs.append(("payment", "\(payment)")) }
    if let correlation = transfer.correlationID { pairs.append(("correlation", "\(correlation)")) }
    if let hold = transfer.pendingID { pairs.append(("hold", "\(hold)")) }
    return pairs.map { key, value in
      notation == .beancount ? "  \(key): \"\(value)\"" : "  ; \(key): \(value)"
    }
  }

  /// The balance at the end of a day, which a public tool must come to as well. Debits less credits.
  package func assertion(
    _ account: AccountID, _ balance: Int64, _ currency: Currency, after day: CivilDate
  ) -> String {
    let text = decimal(balance, currency)
    guard notation == .beancount else {
      return "\(day) * balance\n  \(name(account))  0 \(currency.code) = \(text)"
    }
    // Beancount asserts at the beginning of a day.
    return "\(CivilDate(daysSinceEpoch: day.daysSinceEpoch + 1)) balance \(name(account))  \(text)"
  }
}

extension Transfer {
  /// Whether posted sums change by it: not by a hold, nor by what gives one back.
  package var movesMoney: Bool { !flags.contains(.pending) && !flags.contains(.voidPending) }
}

/// Names for accounts, a line each: `id,name` (RFC 4180). A name is put below Liabilities unless it begins with an account type
/// of Beancount; what the notations cannot say in a name becomes a dash.
package enum AccountNames {
  package static let namesMax = 1_000_000
  private static let types = ["Assets", "Liabilities", "Equity", "Income", "Expenses"]

  /// - Throws: `CSVReader.Fault` for a line that is none, or names an account or a name twice.
  package static func parse(_ bytes: [UInt8]) throws(CSVReader.Fault) -> [AccountID: String] {
    var reader = CSVReader(bytes)
    var names: [AccountID: String] = [:]
    var taken: Set<String> = []
    while let record = try reader.next() {
      if record.fields == ["id", "name"] { continue }
      guard record.fields.count == 2, let id = AccountID(record.fields[0]),
        let name = legible(record.fields[1]), names.count < namesMax
      else {
        throw CSVReader.Fault(line: record.line, reason: "expected an account's id and its name")
      }
      guard names.updateValue(name, forKey: id) == nil, taken.insert(name).inserted else {
        throw CSVReader.Fault(
          line: record.line, reason: "names an account or a name a second time")
      }
    }
    return names
  }

  /// Beancount: components of letters, digits and dashes, each beginning with a capital or a digit.
  private static func legible(_ text: String) -> String? {
    guard text.isDisplayText else { return nil }
    var parts = text.split(separator: ":").map { part in
      let kept = part.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
      let word = String(kept)
      return word.first == "-" ? "A" + word : word.prefix(1).uppercased() + word.dropFirst()
    }
    guard !parts.isEmpty else { return nil }
    if !types.contains(parts[0]) { parts.insert("Liabilities", at: 0) }
    return parts.count > 1 ? parts.joined(separator: ":") : nil
  }
}
