import ArgumentParser
import Chassis
import Demo
import Foundation
import Launcher
import LedgerAPI
import LedgerBook
import LedgerJournal
import LedgerStorage
import Vocabulary

struct LedgerExportCommand: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case csv, beancount, ledger
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "All of history as text, on standard output.",
    discussion: """
      csv: every transfer, holds included, in minor units; 'import' reads it again.
      beancount, ledger: what was posted, in whole units, with the balance of every account asserted at
      the end, so that bean-check, ledger or hledger check our books with their own arithmetic.
      """)

  @Option(help: "csv, beancount or ledger.")
  var format = Format.csv

  @OptionGroup var books: BooksOptions

  func run() async throws {
    try await reporting(json: false) {
      let history = try LedgerHistory(books.reader())
      switch format {
      case .csv:
        print(TransferCSV.header)
        try history.transfers { print(TransferCSV.line($0)) }
      case .beancount, .ledger:
        let text = PlainTextAccounting(isBeancount: format == .beancount)
        var last = Instant(nanoseconds: 0)
        // Accounts first: Beancount wants them opened before they are used.
        for account in try history.replay().book.allAccounts {
          text.opening(account).map { print($0) }
        }
        let book = try history.replay { sealed, journaled in
          last = sealed.entry.moment
          for (place, row) in sealed.entry.accepted.enumerated() {
            let known = KnownTransfer(
              row: row, sequence: sealed.entry.firstTransfer + Int64(place))
            if let transfer = journaled.book.transfer(known), let entry = text.entry(transfer) {
              print(entry)
            }
          }
        }.book
        for account in book.allAccounts { print(text.assertion(account, after: last)) }
      }
    }
  }
}

/// Books in the notation of Beancount, or of ledger-cli and hledger.
struct PlainTextAccounting {
  let isBeancount: Bool

  private func name(_ id: AccountID) -> String { "Liabilities:A\(id)" }
  private func day(_ instant: Instant) -> String { String("\(instant)".prefix(10)) }

  /// Minor units as a decimal of whole units.
  private func decimal(_ amount: Int64, _ currency: Currency) -> String {
    let digits = String(amount.magnitude)
    let places = currency.minorUnitDigits
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let text =
      places == 0 ? padded : "\(padded.dropLast(places)).\(padded.suffix(places))"
    return "\(amount < 0 ? "-" : "")\(text) \(currency.code)"
  }

  func opening(_ account: Account) -> String? {
    guard isBeancount else { return nil }
    return "\(day(account.createdAt)) open \(name(account.id)) \(account.currency.code)"
  }

  /// Nil for what moves nothing: holds, and what gives them back.
  func entry(_ transfer: Transfer) -> String? {
    guard !transfer.flags.contains(.pending), !transfer.flags.contains(.voidPending) else {
      return nil
    }
    let amount = decimal(transfer.amount, transfer.currency)
    let title = isBeancount ? "* \"\(transfer.id)\"" : "* \(transfer.id)"
    return """
      \(day(transfer.createdAt)) \(title)
        \(name(transfer.debitAccount))  \(amount)
        \(name(transfer.creditAccount))  \(amount.hasPrefix("0 ") ? amount : "-\(amount)")
      """
  }

  /// The balance, which a public tool must come to as well.
  func assertion(_ account: Account, after last: Instant) -> String {
    let balance = decimal(account.debitsPosted - account.creditsPosted, account.currency)
    guard isBeancount else {
      return
        "\(day(last)) * balance\n  \(name(account.id))  0 \(account.currency.code) = \(balance)"
    }
    // Beancount asserts at the beginning of a day.
    return "\(day(last + .seconds(86_400))) balance \(name(account.id))  \(balance)"
  }
}

/// A transfer as a line of comma-separated values (RFC 4180); no field of ours needs quotes.
enum TransferCSV {
  static let header =
    "id,debit_account,credit_account,amount,currency,code,flags,pending_id,timeout_seconds,payment_id,correlation_id,booked_on,sequence,created_at"

  static func line(_ transfer: Transfer) -> String {
    let optional: [String?] = [
      transfer.pendingID?.description, "\(transfer.timeoutSeconds)",
      transfer.paymentID?.description, transfer.correlationID?.description,
      transfer.bookedOn?.description,
    ]
    return
      ([
        "\(transfer.id)", "\(transfer.debitAccount)", "\(transfer.creditAccount)",
        "\(transfer.amount)", transfer.currency.code, "\(transfer.code)",
        "\(transfer.flags.rawValue)",
      ] + optional.map { $0 ?? "" } + ["\(transfer.sequence)", "\(transfer.createdAt)"])
      .joined(separator: ",")
  }

  /// A transfer to make: plain ones only, for holds and chains have no meaning by themselves.
  /// - Throws: `OperatorFailure` that names the line.
  static func parse(_ line: Substring, _ number: Int) throws -> NewTransfer {
    let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
    guard fields.count >= 6, let id = TransferID(fields[0]), let debtor = AccountID(fields[1]),
      let creditor = AccountID(fields[2]), let amount = Int64(fields[3]),
      let currency = Currency(fields[4]), let code = UInt16(fields[5])
    else { throw OperatorFailure("line \(number) is no transfer", .badInput) }
    guard fields.count < 7 || ["", "0"].contains(fields[6]) else {
      throw OperatorFailure("line \(number) has flags; only plain transfers are taken", .badInput)
    }
    var transfer = NewTransfer(
      id: id, amount: try Money(minorUnits: amount, currency: currency), from: debtor,
      to: creditor, code: code)
    if fields.count > 9, !fields[9].isEmpty { transfer.paymentID = PaymentID(fields[9]) }
    if fields.count > 11, !fields[11].isEmpty { transfer.bookedOn = fields[11] }
    return transfer
  }
}

struct LedgerImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Makes the transfers of a CSV file on the running platform.",
    discussion: """
      The columns of 'export --format csv', the first six at least: id, debit_account, credit_account,
      amount in minor units, currency, code. The accounts must exist. Safe to repeat: an id is used
      once, for ever.
      """)

  @Argument(help: "CSV file.")
  var file: String

  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
        throw OperatorFailure("'\(file)' cannot be read", .noInput)
      }
      var transfers: [NewTransfer] = []
      for (index, line) in text.split(whereSeparator: \.isNewline).enumerated()
      where !line.hasPrefix("id,") {
        transfers.append(try TransferCSV.parse(line, index + 1))
      }
      // All lines are read before the first is sent: a file with a fault in it moves nothing.
      let (_, _, line) = try place.running()
      let desk = OperatorDesk(line: line, randomness: .system)
      var outcomes: [String: Int] = [:]
      for start in stride(from: 0, to: transfers.count, by: LedgerLimits.batchMax) {
        let batch = Array(transfers[start..<min(transfers.count, start + LedgerLimits.batchMax)])
        let answer = try await desk.call(
          LedgerOperations.createTransfers, NewTransfers(transfers: batch))
        for result in answer.results { outcomes[result.result, default: 0] += 1 }
      }
      for (outcome, count) in outcomes.sorted(by: { $0.key < $1.key }) {
        print("\(outcome): \(count)")
      }
      guard Set(outcomes.keys).isSubset(of: ["created", "exists"]) else {
        throw OperatorFailure("not every transfer was made", .refused)
      }
    }
  }
}
