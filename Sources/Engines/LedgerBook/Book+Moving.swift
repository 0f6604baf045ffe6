import Vocabulary

// A transfer that moves or reserves money, and what it does to the two accounts.

extension Book {
  mutating func move(
    _ request: TransferRequest, _ work: inout Work<some TransferHistory>
  ) throws(TransferRefusal) {
    guard let debtor = request.debitAccount, let debit = numbers[debtor] else {
      throw .debitAccountNotFound
    }
    guard let creditor = request.creditAccount, let credit = numbers[creditor] else {
      throw .creditAccountNotFound
    }
    if let allowed = request.authorization {
      guard accounts[debit].owner == allowed.subject else { throw .debitAccountNotOwnedBySubject }
    }
    let currency = accounts[debit].currency
    guard currency == accounts[credit].currency else { throw .accountsMustHaveTheSameCurrency }
    guard request.currency == currency else { throw .transferMustHaveTheSameCurrencyAsAccounts }
    guard !accounts[debit].isClosed else { throw .debitAccountAlreadyClosed }
    guard !accounts[credit].isClosed else { throw .creditAccountAlreadyClosed }

    let amount = amountToMove(request, from: accounts[debit], to: accounts[credit])
    try checkOverflow(request, amount, from: accounts[debit], to: accounts[credit])
    try checkLimits(request, amount, from: accounts[debit], to: accounts[credit])
    let isHold = request.flags.contains(.pending)
    guard !isHold || holds.count < limits.openHoldsMax else { throw .tooManyOpenHolds }

    work.note(.account(debit, accounts[debit]))
    work.note(.account(credit, accounts[credit]))
    if isHold {
      accounts[debit].debitsPending += amount
      accounts[credit].creditsPending += amount
    } else {
      accounts[debit].debitsPosted += amount
      accounts[credit].creditsPosted += amount
    }
    if request.flags.contains(.closingDebit) { accounts[debit].isClosed = true }
    if request.flags.contains(.closingCredit) { accounts[credit].isClosed = true }
    sequence += 1
    let transfer = Transfer(
      request, debitAccount: debtor, creditAccount: creditor, amount: amount, currency: currency,
      sequence: sequence, createdAt: now)
    if isHold {
      keep(transfer)
      work.note(.holdKept(transfer.id))
    }
    work.applied.touched.append(debit)
    work.applied.touched.append(credit)
    work.created(transfer, authorizedBy: request.authorization?.transaction)
  }

  private func amountToMove(
    _ request: TransferRequest, from debtor: Account, to creditor: Account
  ) -> Int64 {
    var amount = request.amount ?? (request.flags.balances ? Self.amountMax : 0)
    if request.flags.contains(.balancingDebit) { amount = min(amount, debtor.debitsLeft) }
    if request.flags.contains(.balancingCredit) { amount = min(amount, creditor.creditsLeft) }
    return amount
  }

  /// Every sum stays within `amountMax`, and so do pending and posted together: additions of Int64
  /// cannot overflow here.
  private func checkOverflow(
    _ request: TransferRequest, _ amount: Int64, from debtor: Account, to creditor: Account
  ) throws(TransferRefusal) {
    let room = Self.amountMax - amount
    if request.flags.contains(.pending) {
      guard debtor.debitsPending <= room else { throw .overflowsDebitsPending }
      guard creditor.creditsPending <= room else { throw .overflowsCreditsPending }
    } else {
      guard debtor.debitsPosted <= room else { throw .overflowsDebitsPosted }
      guard creditor.creditsPosted <= room else { throw .overflowsCreditsPosted }
    }
    guard debtor.debitsPending + debtor.debitsPosted <= room else { throw .overflowsDebits }
    guard creditor.creditsPending + creditor.creditsPosted <= room else { throw .overflowsCredits }
  }

  private func checkLimits(
    _ request: TransferRequest, _ amount: Int64, from debtor: Account, to creditor: Account
  ) throws(TransferRefusal) {
    // A balancing transfer that finds nothing to move is refused, so that a transfer of zero never
    // looks like money.
    let findsNothing = amount == 0 && !request.flags.closes
    if findsNothing, request.flags.contains(.balancingDebit), debtor.debitsLeft == 0 {
      throw .exceedsCredits
    }
    if debtor.flags.contains(.debitsMustNotExceedCredits) {
      let debits = debtor.debitsPending + debtor.debitsPosted
      guard debits + amount <= debtor.creditsPosted else { throw .exceedsCredits }
    }
    guard !findsNothing else { throw .exceedsDebits }
    if creditor.flags.contains(.creditsMustNotExceedDebits) {
      let credits = creditor.creditsPending + creditor.creditsPosted
      guard credits + amount <= creditor.debitsPosted else { throw .exceedsDebits }
    }
  }
}
