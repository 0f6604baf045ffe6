import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import LedgerBook
import LedgerJournal
import LedgerStorage
import OperatorCommands
import Storage
import StoragePostgres
import StrictJSON
import Vocabulary

struct LedgerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger", abstract: "Verify, read and export the ledger's books.",
    discussion: """
      Everything but 'import' and 'move' reads the journal where the ledger keeps it, beside a running ledger or in \
      a backup (--store, --database), decides every entry once more, and changes nothing.
      """,
    subcommands: [
      LedgerVerifyCommand.self, LedgerTrialBalanceCommand.self, LedgerStatementCommand.self,
      LedgerExportCommand.self, LedgerImportCommand.self, LedgerMoveCommand.self,
    ])
}

/// Whose books.
struct BooksOptions: ParsableArguments {
  @OptionGroup var place: PlaceOptions

  @Option(
    help: ArgumentHelp("A ledger's store file, in the place of the home's.", valueName: "file"))
  var store: String?

  @Option(
    help: ArgumentHelp(
      "A ledger's PostgreSQL database, in the place of the home's.", valueName: "location"))
  var database: String?

  func validate() throws {
    guard store == nil || database == nil else {
      throw ValidationError("--store and --database name two places")
    }
    _ = try databaseLocation(database, option: "--database")
  }

  func reader() throws -> StoreReader {
    if let store { return try StoreReader(path: store) }
    if let database = try databaseLocation(database, option: "--database") {
      return try StoreReader(PostgresReader(database))
    }
    let home = try place.place()
    if let kept = try PlatformSettings.load(home)?.storeServer(of: "ledger") {
      return try StoreReader(PostgresReader(home.location(of: "ledger", at: kept)))
    }
    return try StoreReader(path: home.storeFile(of: "ledger"))
  }

  /// Tells how far a walk through all entries is.
  func work(_ what: String) throws -> LongWork {
    LongWork(
      what, of: Int(try LedgerHistory(reader()).entries()), "entries", isTold: !place.json)
  }
}

struct LedgerVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Recompute every hash and every balance, and compare snapshots and index.",
    discussion:
      "Exit code 0 where all is sound. Keep the tip: it tells whether history was exchanged.")

  @OptionGroup var books: BooksOptions

  func run() async throws {
    try await reporting(json: books.place.json) {
      let work = try books.work("Verifying the books")
      let report = try LedgerVerifier(books.reader()).verify { work.add() }
      work.finish()
      if books.place.json {
        printLine(
          .object([
            "sound": .bool(report.findings.isEmpty), "entries": .integer(report.entries),
            "accounts": .integer(Int64(report.accounts)), "transfers": .integer(report.transfers),
            "indexed": .integer(report.indexed), "snapshots": .integer(Int64(report.snapshots)),
            "open_holds": .integer(Int64(report.openHolds)), "tip": .string(report.tip),
            "findings": .array(report.findings.map { .string($0) }),
          ]))
      } else {
        print(
          """
          \(report.entries) entries, \(report.accounts) accounts, \(report.transfers) transfers, \
          \(report.openHolds) open holds; \(report.indexed) transfers indexed, \
          \(report.snapshots) snapshots
          tip \(report.tip)
          """)
        for total in report.totals { print(LedgerTrialBalanceCommand.line(total)) }
        for finding in report.findings { print("WRONG: \(finding)") }
      }
      guard report.findings.isEmpty else {
        throw OperatorFailure("the books are not sound", .failed)
      }
    }
  }
}

struct LedgerTrialBalanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trial-balance", abstract: "The sums of each currency, from the journal.")

  @OptionGroup var books: BooksOptions

  func run() async throws {
    try await reporting(json: books.place.json) {
      let work = try books.work("Reading the books")
      let totals = try LedgerHistory(books.reader()).replay { _, _ in work.add() }.book.trialBalance
      work.finish()
      for total in totals {
        if books.place.json {
          printLine(
            .object([
              "currency": .string(total.currency.code), "accounts": .integer(Int64(total.accounts)),
              "debits_pending": .string("\(total.debitsPending)"),
              "debits_posted": .string("\(total.debitsPosted)"),
              "credits_pending": .string("\(total.creditsPending)"),
              "credits_posted": .string("\(total.creditsPosted)"),
              "balanced": .bool(total.isBalanced),
            ]))
        } else {
          print(Self.line(total))
        }
      }
      guard totals.allSatisfy(\.isBalanced) else {
        throw OperatorFailure("the books do not balance", .failed)
      }
    }
  }

  static func line(_ total: CurrencyTotal) -> String {
    """
    \(total.currency): \(total.accounts) accounts, posted \(total.debitsPosted) = \
    \(total.creditsPosted), pending \(total.debitsPending) = \(total.creditsPending) minor units\
    \(total.isBalanced ? "" : " NOT BALANCED")
    """
  }
}

struct LedgerStatementCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "statement", abstract: "An account's transfers with the balance after each.")

  @Argument(help: "The account's id.")
  var account: String

  @OptionGroup var books: BooksOptions

  func run() async throws {
    try await reporting(json: books.place.json) {
      guard let id = AccountID(account) else {
        throw OperatorFailure("'\(account)' is no account id", .badInput)
      }
      let work = try books.work("Reading the books")
      defer { work.finish() }
      let book = try LedgerHistory(books.reader()).replay { sealed, journaled in
        work.add()
        guard let number = journaled.book.number(of: id) else { return }
        for (place, row) in sealed.entry.accepted.enumerated()
        where row.debit == number || row.credit == number {
          let known = KnownTransfer(row: row, sequence: sealed.entry.firstTransfer + Int64(place))
          if let transfer = journaled.book.transfer(known) { show(transfer, id) }
        }
      }.book
      guard let end = book.account(id) else {
        throw OperatorFailure("there is no account \(id)", .noInput)
      }
      if !books.place.json {
        print(
          """
          posted \(end.creditsPosted - end.debitsPosted), held \(end.debitsPending), expected \
          \(end.creditsPending) minor units of \(end.currency)\(end.isClosed ? ", closed" : end.isFrozen ? ", frozen" : "")
          """)
      }
    }
  }

  private func show(_ transfer: Transfer, _ account: AccountID) {
    let isDebit = transfer.debitAccount == account
    let moves = !transfer.flags.contains(.pending) && !transfer.flags.contains(.voidPending)
    let other = isDebit ? transfer.creditAccount : transfer.debitAccount
    let kind =
      transfer.flags.contains(.pending)
      ? "held" : transfer.flags.contains(.voidPending) ? "voided" : "posted"
    if books.place.json {
      printLine(
        .object([
          "at": .string("\(transfer.createdAt)"), "transfer": .string("\(transfer.id)"),
          "other": .string("\(other)"), "kind": .string(kind),
          "side": .string(isDebit ? "debit" : "credit"), "amount": .integer(transfer.amount),
        ]))
    } else {
      let sign = moves ? isDebit ? "-" : "+" : " "
      print("\(transfer.createdAt)  \(sign)\(transfer.amount)  \(kind)  \(other)  \(transfer.id)")
    }
  }
}
