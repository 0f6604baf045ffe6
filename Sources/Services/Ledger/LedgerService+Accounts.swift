import Chassis
import LedgerAPI
import LedgerBook
import LedgerStorage
import Vocabulary

// An account's life after its opening: by the operator, and through payments by whoever was given the purpose
// `account.manage`. A manager's transaction token names owner and currency of what is opened, and account and change of
// what is changed: a payments service that was taken over can do nothing else with it.

extension LedgerService {
  @Sendable func changeAccount(_ call: Call) async throws -> Answer {
    try await change(
      call.decode(AccountChangeOrder.self), LedgerOperations.changeAccount.id, call)
  }

  @Sendable func changeManagedAccount(_ call: Call) async throws -> Answer {
    let order = try call.decode(AccountChangeOrder.self)
    try call.requireContext(["account": "\(order.account)", "change": order.change.rawValue])
    return try await change(order, LedgerOperations.changeManagedAccount.id, call)
  }

  private func change(
    _ order: AccountChangeOrder, _ operation: String, _ call: Call
  ) async throws -> Answer {
    let occasion = Occasion(call, of: operation)
    let randomness = context.randomness
    let changed = try await keeper.change(order.account, AccountChange(order.change)) {
      occasion.messages($0, order, randomness)
    }
    if case .refused(let refusal) = changed.outcome { throw refusal }
    guard let account = changed.account else { throw Problem.defect }
    return try .json(
      200,
      AccountAnswer(changed: changed.outcome == .created, account: LedgerAccount(account)))
  }

  /// Somebody's account that cannot go below zero, or one that cannot go above: only the operator opens others.
  @Sendable func openManagedAccount(_ call: Call) async throws -> Answer {
    let new = try call.decode(NewAccount.self)
    guard let owner = new.owner else {
      throw Problem.malformed("it needs an owner", field: "/owner")
    }
    let limits: [Set<AccountFlag>] = [[.debitsMustNotExceedCredits], [.creditsMustNotExceedDebits]]
    guard limits.contains(new.flags?.raised ?? []) else {
      throw Problem.malformed("expected one of the two limits", field: "/flags")
    }
    try call.requireContext(["owner": "\(owner)", "currency": new.currency.code])
    let occasion = Occasion(call, of: LedgerOperations.openManagedAccount.id)
    let randomness = context.randomness
    let opened = try await keeper.open([AccountRequest(new)]) {
      occasion.messages($0, new, randomness)
    }
    if case .refused(let refusal)? = opened.outcomes.first { throw refusal }
    guard let account = try await keeper.accounts([new.id]).first else { throw Problem.defect }
    let isNew = opened.created > 0
    return try .json(
      isNew ? 201 : 200, AccountAnswer(changed: isNew, account: LedgerAccount(account)))
  }

  @Sendable func getManagedAccount(_ call: Call) async throws -> Answer {
    guard let account = try await keeper.accounts([call.id("id")]).first else {
      throw Problem.notFound
    }
    return try .json(200, LedgerAccount(account))
  }
}

extension Call {
  /// What the transaction token was given for is what is asked; its purpose and scopes were checked before.
  fileprivate func requireContext(_ words: [String: String]) throws(Problem) {
    guard let token = transaction, words.allSatisfy({ token.context[$0.key] == $0.value }) else {
      throw Problem(
        "transaction-token-context", 403, "The transaction token was given for something else")
    }
  }
}
