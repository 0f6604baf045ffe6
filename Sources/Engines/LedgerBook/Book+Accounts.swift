package import Vocabulary

/// What opening a batch of accounts did.
package struct AccountsOpened: Hashable, Sendable {
  /// One for each request, in order.
  package var outcomes: [AccountOutcome] = []
  /// The numbers of the new accounts.
  package var opened: Range<Int> = 0..<0
}

extension Book {
  /// Opens a batch of accounts at a moment.
  package mutating func open(_ batch: [AccountRequest], at instant: Instant) -> AccountsOpened {
    advance(to: instant)
    var result = AccountsOpened()
    result.outcomes.reserveCapacity(batch.count)
    let before = accounts.count
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
        for account in accounts[chain.mark...] { numbers.remove(account.id) }
        accounts.removeSubrange(chain.mark...)
        result.outcomes.breakChain(from: start, with: .linkedEventFailed)
      }
      if !isLinked || index == batch.count - 1 { chain = Chain() }
    }
    result.opened = before..<accounts.count
    return result
  }

  /// What `open` would say at the book's moment. The book is as it was afterwards.
  package mutating func rehearse(_ batch: [AccountRequest]) -> [AccountOutcome] {
    let before = accounts.count
    let outcomes = open(batch, at: now).outcomes
    for account in accounts[before...] { numbers.remove(account.id) }
    accounts.removeSubrange(before...)
    return outcomes
  }

  private mutating func open(_ request: AccountRequest) -> AccountOutcome {
    guard request.id.bits != 0 else { return .refused(.idMustNotBeZero) }
    guard request.id.bits != .max else { return .refused(.idMustNotBeIntMax) }
    let row = AccountRow(request, createdAt: now)
    if let number = numbers.find(row.id) { return accounts[number].compare(row) }
    guard !request.flags.isSuperset(of: [.debitsMustNotExceedCredits, .creditsMustNotExceedDebits])
    else { return .refused(.flagsAreMutuallyExclusive) }
    guard request.code != 0 else { return .refused(.codeMustNotBeZero) }
    guard accounts.count < limits.accountsMax else { return .refused(.tooManyAccounts) }
    numbers.insert(row.id, at: accounts.count)
    accounts.append(row)
    return .created
  }
}

extension AccountRow {
  fileprivate func compare(_ request: AccountRow) -> AccountOutcome {
    if flags != request.flags { return .refused(.existsWithDifferentFlags) }
    if owner != request.owner { return .refused(.existsWithDifferentOwner) }
    if currency != request.currency { return .refused(.existsWithDifferentCurrency) }
    if code != request.code { return .refused(.existsWithDifferentCode) }
    return .exists
  }
}
