import Chassis
import LedgerAPI
import PaymentsAPI
import StrictJSON
import Transport
import Vocabulary

// An account's life, for whoever was given the scope `accounts:manage` and a role with the purpose `account.manage`. The
// ledger decides and keeps all of it, and compares each order with the transaction token: here it is only put into words.

extension PaymentsService {
  /// Opened once for each key: the id follows from it.
  @Sendable func openAccount(_ call: Call) async throws -> Answer {
    guard let claim = call.idempotency else { throw Problem.defect }
    let new = try call.decode(NewManagedAccount.self)
    guard new.product > 0 else {
      throw Problem.malformed("expected a whole number from 1 to 65535", field: "/product")
    }
    let opened = try await ledger.call(
      LedgerOperations.openManagedAccount,
      NewAccount(
        id: claim.resource(), currency: new.currency, code: new.product, owner: new.owner,
        flags: Flags([new.limit.flag])), context: call.forwarding)
    var answer = try Answer.json(201, ManagedAccount(opened.account))
    answer.headers.set("location", "/v1/managed/accounts/\(opened.account.id)")
    return answer
  }

  @Sendable func changeAccount(_ call: Call) async throws -> Answer {
    let order = try call.decode(ManagedAccountChange.self)
    let changed = try await ledger.call(
      LedgerOperations.changeManagedAccount,
      AccountChangeOrder(account: order.account, change: order.change.action),
      context: call.forwarding)
    return try .json(200, ManagedAccount(changed.account))
  }

  @Sendable func getManagedAccount(_ call: Call) async throws -> Answer {
    let id = try call.id("id", as: AccountID.self)
    let account = try await ledger.call(
      LedgerOperations.getManagedAccount, Nothing(), path: ["id": "\(id)"],
      context: call.forwarding)
    return try .json(200, ManagedAccount(account))
  }

  @Sendable func listManagedAccounts(_ call: Call) async throws -> Answer {
    let owner = try call.id("owner", as: PersonID.self)
    var query = try accountsPage(of: owner, call)
    query["owner"] = "\(owner)"
    let found = try await ledger.call(
      LedgerOperations.listManagedAccounts, Nothing(), query: query, context: call.forwarding)
    return try .json(
      200,
      ManagedAccounts(
        accounts: try found.accounts.map { try ManagedAccount($0) },
        next: try found.next.map { try seals.cursor($0, of: owner) }))
  }
}

extension ManagedAccount {
  fileprivate init(_ account: LedgerAccount) throws(MoneyError) {
    let state: State =
      switch account.state {
      case .open?, nil: .open
      case .frozen?: .frozen
      case .closed?: .closed
      }
    self.init(
      id: account.id, product: account.code, owner: account.owner,
      limits: AccountLimit.allCases.filter { account.flags.contains($0.flag) }, state: state,
      booked: try Money(minorUnits: account.balance, currency: account.currency),
      available: try Money(minorUnits: account.available, currency: account.currency),
      openedAt: account.createdAt)
  }
}

extension AccountLimit {
  fileprivate var flag: AccountFlag {
    switch self {
    case .debitsMustNotExceedCredits: .debitsMustNotExceedCredits
    case .creditsMustNotExceedDebits: .creditsMustNotExceedDebits
    }
  }
}

extension ManagedAccountChange.Change {
  fileprivate var action: AccountAction {
    switch self {
    case .freeze: .freeze
    case .thaw: .thaw
    case .close: .close
    }
  }
}
