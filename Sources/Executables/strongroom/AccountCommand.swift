import ArgumentParser
import Chassis
import Commands
import Crypto
import Foundation
import Launcher
import LedgerAPI
import OperatorCommands
import PolicyBundles
import PolicyEngine
import StrictJSON
import Vocabulary

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account", abstract: "Open, freeze, thaw, close and look at accounts.",
    discussion: """
      The ledger's own word on an account, checked with every transfer. The list 'frozen' in \
      Policies/data.json is the emergency brake beside it; 'show' names both.
      """,
    subcommands: [
      AccountOpenCommand.self, AccountFreezeCommand.self, AccountThawCommand.self,
      AccountCloseCommand.self, AccountListCommand.self, AccountShowCommand.self,
    ])
}

/// An id out of a command's words.
/// - Throws: `ValidationError`.
func identifier<Kind>(_ text: String) throws -> ID<Kind> {
  guard let id = ID<Kind>(text) else {
    throw ValidationError("'\(text)' is not an id (a lower-case UUID)")
  }
  return id
}

/// - Throws: `ValidationError`.
private func isoCurrency(_ text: String) throws -> Currency {
  guard let currency = Currency(text) else {
    throw ValidationError("'\(text)' is no currency of ISO 4217, such as EUR")
  }
  return currency
}

/// What an account may not do by itself, as the command line says it.
enum AccountLimitOption: String, ExpressibleByArgument, CaseIterable {
  case debits = "debits_must_not_exceed_credits"
  case credits = "credits_must_not_exceed_debits"
  case none

  var flags: Flags<AccountFlag> {
    switch self {
    case .debits: [.debitsMustNotExceedCredits]
    case .credits: [.creditsMustNotExceedDebits]
    case .none: []
    }
  }
}

struct AccountOpenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open", abstract: "Open an account.",
    discussion: """
      Prints the account. With --key or --id it is safe to repeat: the same words open one account, other words \
      are refused. Without either, each call opens a new one.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: "Kind of account in the bank's own chart of accounts, 1–65535.")
  var product: UInt16

  @Option(help: "ISO 4217 code, EUR.", transform: isoCurrency(_:))
  var currency: Currency

  @Option(
    help: ArgumentHelp("The person whose it is (default: the bank's own).", valueName: "id"),
    transform: identifier(_:))
  var owner: PersonID?

  @Option(help: "What it must keep to.")
  var limit = AccountLimitOption.debits

  @Option(
    help: ArgumentHelp("Text of 1–255 bytes that stands for this one account.", valueName: "text"))
  var key: String?

  @Option(
    help: ArgumentHelp(
      "The account's id, in the place of one that follows from --key.", valueName: "id"),
    transform: identifier(_:))
  var id: AccountID?

  func validate() throws {
    guard product > 0 else { throw ValidationError("--product must be from 1 to 65535") }
    guard key == nil || id == nil else {
      throw ValidationError("--key and --id name one thing twice")
    }
    if let key, !(1...255).contains(key.utf8.count) {
      throw ValidationError("--key must have 1 to 255 bytes")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let id = try self.id ?? Self.id(of: key)
      let results = try await place.ask(
        LedgerOperations.createAccounts,
        NewAccounts(accounts: [
          NewAccount(id: id, currency: currency, code: product, owner: owner, flags: limit.flags)
        ]))
      let result = results.results.first?.result ?? "nothing"
      guard ["created", "exists"].contains(result) else {
        throw OperatorFailure(
          "the ledger refused to open \(id): \(result.replacing("_", with: " "))", .refused)
      }
      try await place.show(
        place.ask(LedgerOperations.getAccount, Nothing(), path: ["id": "\(id)"]))
    }
  }

  /// What a key stands for is the same in every call; without one it is a new id.
  private static func id(of key: String?) throws -> AccountID {
    guard let key else {
      return AccountID(at: Clock.system.now(), random: Randomness.system.bits128())
    }
    let digest = SHA256.hash(data: Array("strongroom/account/v1 \(key)".utf8))
    guard let id = AccountID(digest: Array(digest)) else {
      throw OperatorFailure("no id follows from this key", .software)
    }
    return id
  }
}

/// Which account a command is about.
struct AccountOptions: ParsableArguments {
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The account's id.", transform: identifier(_:))
  var account: AccountID

  func change(_ change: AccountAction) async throws {
    try await reporting(json: place.json) {
      let answer = try await place.ask(
        LedgerOperations.changeAccount, AccountChangeOrder(account: account, change: change))
      try place.show(answer.account, note: answer.changed ? nil : "it was so already")
    }
  }
}

struct AccountFreezeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "freeze", abstract: "The account neither pays nor receives until it is thawed.",
    discussion: """
      Holds on it are not posted; they can be given back, and end with their time. The owner is not told why \
      a payment fails. Safe to repeat.
      """)
  @OptionGroup var options: AccountOptions

  func run() async throws { try await options.change(.freeze) }
}

struct AccountThawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thaw", abstract: "The account takes part in transfers again.",
    discussion: "What the policies freeze stays frozen. Safe to repeat.")
  @OptionGroup var options: AccountOptions

  func run() async throws { try await options.change(.thaw) }
}

struct AccountCloseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "close", abstract: "Close an empty account, for good.",
    discussion: "Refused while there is money in it, or on hold. Safe to repeat.")
  @OptionGroup var options: AccountOptions

  func run() async throws { try await options.change(.close) }
}

struct AccountListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "A person's accounts, in the order of opening.")

  @OptionGroup var place: PlaceOptions

  @Option(help: ArgumentHelp("Whose accounts.", valueName: "id"), transform: identifier(_:))
  var owner: PersonID

  func run() async throws {
    try await reporting(json: place.json) {
      var found: [LedgerAccount] = []
      var query = ["owner": "\(owner)"]
      repeat {
        let page = try await place.ask(LedgerOperations.listAccounts, Nothing(), query: query)
        found += page.accounts
        query["after"] = page.next
      } while query["after"] != nil
      guard !place.json else {
        for account in found { try printLine(AccountShown(account, place).json) }
        return
      }
      let rows = found.map { account in
        [
          "\(account.id)", account.state?.rawValue ?? "", "\(account.code)", account.currency.code,
          "\(account.balance)", "\(account.available)",
        ]
      }
      print(
        Terminal.output.table(
          [["account", "state", "product", "currency", "booked", "available"]] + rows))
    }
  }
}

struct AccountShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "How an account stands, in the ledger and in the policies.")
  @OptionGroup var options: AccountOptions

  func run() async throws {
    let place = options.place
    try await reporting(json: place.json) {
      try await place.show(
        place.ask(LedgerOperations.getAccount, Nothing(), path: ["id": "\(options.account)"]))
    }
  }
}

extension PlaceOptions {
  /// - Parameter note: what became of the order, for people.
  func show(_ account: LedgerAccount, note: String? = nil) throws {
    let shown = try AccountShown(account, self)
    guard !json else { return printLine(shown.json) }
    if let note { print(note) }
    print(shown.text)
  }
}

/// An account beside what the policies in force say of it.
struct AccountShown {
  private let account: LedgerAccount
  /// Why the list of frozen accounts has it; nil where it does not.
  private let frozenByPolicies: String?
  /// Who decides in the place of our policies.
  private let agent: String?

  init(_ account: LedgerAccount, _ place: PlaceOptions) throws {
    self.account = account
    let home = try place.place()
    let platform = PlatformSettings.read(home)
    agent = platform?.policyURL
    let release = try PolicyOffice(
      home, platform: platform, clock: .system, randomness: .system
    ).current()
    frozenByPolicies = release.flatMap { Self.reason("\(account.id)", in: $0.draft.data) }
  }

  private static func reason(_ id: String, in data: Value) -> String? {
    guard case .object(let data) = data, case .object(let access)? = data["access"],
      case .object(let frozen)? = access["frozen"], case .string(let why)? = frozen[.string(id)]
    else { return nil }
    return why
  }

  private var limits: [String] {
    AccountLimitOption.allCases.filter {
      !$0.flags.isEmpty && $0.flags.raised.isSubset(of: account.flags.raised)
    }.map(\.rawValue)
  }

  var text: String {
    let policies =
      if let agent { "decided by \(agent), which is not asked here" } else if let frozenByPolicies {
        "frozen: \(frozenByPolicies)"
      } else {
        "not on their list of frozen accounts"
      }
    let rows = [
      ("account", "\(account.id)"), ("ledger", account.state?.rawValue ?? "?"),
      ("policies", policies), ("product", "\(account.code)"),
      ("owner", account.owner.map { "\($0)" } ?? "the bank"),
      ("limit", limits.first ?? "none"),
      ("booked", "\(account.balance) minor units of \(account.currency.code)"),
      ("available", "\(account.available)"), ("opened", "\(account.createdAt)"),
    ]
    return rows.map {
      "  " + $0.0.padding(toLength: 12, withPad: " ", startingAt: 0) + LegibleText.of($0.1)
    }.joined(separator: "\n")
  }

  var json: JSON {
    var members: [String: JSON] = [
      "account": .string("\(account.id)"), "state": .string(account.state?.rawValue ?? ""),
      "product": .integer(Int64(account.code)), "currency": .string(account.currency.code),
      "limits": .array(limits.map { .string($0) }), "booked": .integer(account.balance),
      "available": .integer(account.available), "opened_at": .string("\(account.createdAt)"),
    ]
    if let owner = account.owner { members["owner"] = .string("\(owner)") }
    if let frozenByPolicies { members["frozen_by_policies"] = .string(frozenByPolicies) }
    return .object(members)
  }
}
