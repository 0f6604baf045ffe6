package import Vocabulary

/// What opening a batch of accounts did.
package struct AccountsOpened: Hashable, Sendable {
  /// One for each request, in order.
  package var outcomes: [AccountOutcome] = []
  /// The new accounts, in the order of their numbers.
  package var opened: [Account] = []
}

extension Book {
  /// Opens a batch of accounts at a moment.
  package mutating func open(_ batch: [AccountRequest], at instant: Instant) -> AccountsOpened {
    advance(to: instant)
    var result = AccountsOpened()
    result.outcomes.reserveCapacity(batch.count)
    var chain = Chain()
    for (index, request) in batch.enumerated() {
      let isLinked = request.flags.contains(.linked)
      if isLinked, chain.start == nil {
        chain.open(at: index, mark: accounts.count, sequence: sequence)
      }
      let outcome: AccountOutcome
      if isLinked, index == batch.count - 1 {
        outcome = .refused(.linkedEventChainOpen)
      } else if chain.isBroken {
        outcome = .refused(.linkedEventFailed)
      } else {
        outcome = open(request)
      }
      result.outcomes.append(outcome)
      guard let start = chain.start else { continue }
      if chain.breaks(outcome) {
        for account in accounts[chain.mark...] { numbers[account.id] = nil }
        accounts.removeSubrange(chain.mark...)
        result.outcomes.breakChain(from: start, with: .linkedEventFailed)
      }
      if !isLinked || index == batch.count - 1 { chain = Chain() }
    }
    // What is new are the accounts after those that stood before; chains that broke have left none.
    result.opened = Array(accounts.suffix(result.outcomes.count { $0 == .created }))
    return result
  }

  private mutating func open(_ request: AccountRequest) -> AccountOutcome {
    guard request.id.bits != 0 else { return .refused(.idMustNotBeZero) }
    guard request.id.bits != .max else { return .refused(.idMustNotBeIntMax) }
    if let number = numbers[request.id] { return accounts[number].compare(request) }
    guard !request.flags.isSuperset(of: [.debitsMustNotExceedCredits, .creditsMustNotExceedDebits])
    else { return .refused(.flagsAreMutuallyExclusive) }
    guard request.code != 0 else { return .refused(.codeMustNotBeZero) }
    guard accounts.count < limits.accountsMax else { return .refused(.tooManyAccounts) }
    numbers[request.id] = accounts.count
    accounts.append(Account(request, createdAt: now))
    return .created
  }
}

extension Account {
  fileprivate func compare(_ request: AccountRequest) -> AccountOutcome {
    if flags != request.flags { return .refused(.existsWithDifferentFlags) }
    if owner != request.owner { return .refused(.existsWithDifferentOwner) }
    if currency != request.currency { return .refused(.existsWithDifferentCurrency) }
    if code != request.code { return .refused(.existsWithDifferentCode) }
    return .exists
  }
}
