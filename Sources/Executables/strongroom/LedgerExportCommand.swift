import ArgumentParser
import Commands
import Foundation
import Launcher
import LedgerBook
import LedgerJournal
import LedgerStorage
import LedgerText
import OperatorCommands
import Vocabulary

struct LedgerExportCommand: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case csv, beancount, ledger
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "History as text, on standard output.",
    discussion: """
      csv: every transfer, holds included, in minor units; 'import' reads it again.
      beancount, ledger: what was posted, in whole units, on the day for which the books count it, with the \
      balance of every account asserted at the end, so that bean-check, ledger or hledger check our books \
      with their own arithmetic. Code, acceptance, payment, correlation and hold are metadata.
      """)

  @Option(help: "csv, beancount or ledger.")
  var format = Format.csv

  @Option(help: ArgumentHelp("Only transfers of this account; may be repeated.", valueName: "id"))
  var account: [String] = []

  @Option(
    help: ArgumentHelp(
      "The first booked day, YYYY-MM-DD; what was before is carried over.", valueName: "day"))
  var from: String?

  @Option(help: ArgumentHelp("The last booked day, YYYY-MM-DD.", valueName: "day"))
  var until: String?

  @Option(
    help: ArgumentHelp("Names for accounts: lines 'id,name', like Assets:Cash.", valueName: "file"))
  var names: String?

  @OptionGroup var books: BooksOptions

  func validate() throws { _ = try choice() }

  private func choice() throws -> TransferChoice {
    var choice = TransferChoice()
    choice.accounts = Set(
      try account.map { text in
        guard let id = AccountID(text) else {
          throw ValidationError(
            "--account '\(text)' is no account id: expected a UUID in lower case")
        }
        return id
      })
    func day(_ text: String?, _ option: String) throws -> CivilDate? {
      guard let text else { return nil }
      guard let day = CivilDate(text) else {
        throw ValidationError("\(option) '\(text)' is no day: expected YYYY-MM-DD")
      }
      return day
    }
    choice.from = try day(from, "--from")
    choice.until = try day(until, "--until")
    if let first = choice.from, let last = choice.until, last < first {
      throw ValidationError("--until is before --from")
    }
    return choice
  }

  func run() async throws {
    try await reporting(json: false) {
      let choice = try choice()
      let history = try LedgerHistory(books.reader())
      switch format {
      case .csv:
        let work = try books.work("Writing history")
        defer { work.finish() }
        print(TransferCSV.header)
        try history.replay { sealed, journaled in
          work.add()
          for transfer in journaled.transfers(of: sealed) where choice.takes(transfer) {
            print(TransferCSV.line(transfer))
          }
        }
      case .beancount, .ledger: try accounting(history, choice)
      }
    }
  }

  private func accounting(_ history: LedgerHistory, _ choice: TransferChoice) throws {
    let text = PlainTextAccounting(
      format == .beancount ? .beancount : .ledger, names: try accountNames())
    // Accounts and sums first: Beancount wants accounts opened before they are used, and a transfer may be booked on a day
    // before its account was opened here.
    let reading = try books.work("Reading history")
    var sums = BookedSums(choice)
    let book = try history.replay { sealed, journaled in
      reading.add()
      for transfer in journaled.transfers(of: sealed) { sums.add(transfer) }
    }.book
    reading.finish()
    for account in book.allAccounts where sums.isNeeded(account) {
      text.opening(account, on: sums.firstDay(of: account)).map { print($0) }
    }
    let asserted = book.allAccounts.filter { sums.isChosen($0.id) }
    if let first = choice.from {
      let carried = asserted.map { ($0.id, $0.currency, sums.carried[$0.id] ?? 0) }
      text.carried(carried, on: first).map { print($0) }
    }
    let writing = try books.work("Writing history")
    try history.replay { sealed, journaled in
      writing.add()
      for transfer in journaled.transfers(of: sealed) where choice.takes(transfer) {
        text.entry(transfer).map { print($0) }
      }
    }
    writing.finish()
    guard let last = choice.until ?? sums.lastDay else { return }
    for account in asserted {
      // The whole history ends at the book's own sums, which were not added up here.
      let balance =
        choice.until == nil
        ? account.debitsPosted - account.creditsPosted : sums.balances[account.id] ?? 0
      print(text.assertion(account.id, balance, account.currency, after: last))
    }
  }

  private func accountNames() throws -> [AccountID: String] {
    guard let names else { return [:] }
    guard let bytes = try WholeFile.read(names) else {
      throw OperatorFailure("'\(names)' cannot be read", .noInput)
    }
    do throws(CSVReader.Fault) {
      return try AccountNames.parse(bytes)
    } catch {
      throw OperatorFailure("\(names): line \(error.line): \(error.reason)", .badInput)
    }
  }
}
