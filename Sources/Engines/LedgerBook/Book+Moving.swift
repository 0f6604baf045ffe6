import Vocabulary

// A transfer that moves or reserves money, and what it does to the two accounts.

extension Book {
  mutating func move(
    _ request: RequestRow, owner: UInt128?, token: UInt128
  ) throws(TransferRefusal) {
    guard let debit = numbers.find(request.debitAccount) else { throw .debitAccountNotFound }
    guard let credit = numbers.find(request.creditAccount) else { throw .creditAccountNotFound }
    var debtor = accounts[debit]
    var creditor = accounts[credit]
    if let owner {
      guard debtor.owner == owner else { throw .debitAccountNotOwnedBySubject }
    }
    guard debtor.currency == creditor.currency else { throw .accountsMustHaveTheSameCurrency }
    guard request.currency == debtor.currency else {
      throw .transferMustHaveTheSameCurrencyAsAccounts
    }
    try requireUnbarred(debtor, creditor)

    let amount = amountToMove(request, from: debtor, to: creditor)
    try checkOverflow(request, amount, from: debtor, to: creditor)
    try checkLimits(request, amount, from: debtor, to: creditor)
    let isHold = request.does(.pending)
    guard !isHold || holds.count < limits.openHoldsMax else { throw .tooManyOpenHolds }

    if steps != nil {
      steps?.append(.account(debit, debtor))
      steps?.append(.account(credit, creditor))
      if isHold { steps?.append(.holdKept(request.id)) }
    }
    if isHold {
      debtor.debitsPending += amount
      creditor.creditsPending += amount
    } else {
      debtor.debitsPosted += amount
      creditor.creditsPosted += amount
    }
    if request.does(.closingDebit) { debtor.bars.insert(.closedByHold) }
    if request.does(.closingCredit) { creditor.bars.insert(.closedByHold) }
    accounts[debit] = debtor
    accounts[credit] = creditor
    let row = TransferRow(
      request, token: token, debit: debit, credit: credit, amount: amount,
      createdAt: now.nanoseconds)
    recent.append(row)
    if isHold { holds.keep(KnownTransfer(row: row, sequence: sequence)) }
  }

  private func amountToMove(
    _ request: RequestRow, from debtor: AccountRow, to creditor: AccountRow
  ) -> Int64 {
    guard request.does(.balancing) else { return request.amountOrZero }
    var amount = request.amount == RequestRow.absentAmount ? Self.amountMax : request.amount
    if request.does(.balancingDebit) { amount = min(amount, debtor.debitsLeft) }
    if request.does(.balancingCredit) { amount = min(amount, creditor.creditsLeft) }
    return amount
  }

  /// Every sum stays within `amountMax`, and so do pending and posted together: additions of Int64
  /// cannot overflow here.
  private func checkOverflow(
    _ request: RequestRow, _ amount: Int64, from debtor: AccountRow, to creditor: AccountRow
  ) throws(TransferRefusal) {
    let room = Self.amountMax - amount
    if request.does(.pending) {
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
    _ request: RequestRow, _ amount: Int64, from debtor: AccountRow, to creditor: AccountRow
  ) throws(TransferRefusal) {
    // A balancing transfer that finds nothing to move is refused, so that a transfer of zero never
    // looks like money.
    let findsNothing = amount == 0 && !request.does(.closing)
    if findsNothing, request.does(.balancingDebit), debtor.debitsLeft == 0 {
      throw .exceedsCredits
    }
    if debtor.has(.debitsMustNotExceedCredits) {
      let debits = debtor.debitsPending + debtor.debitsPosted
      guard debits + amount <= debtor.creditsPosted else { throw .exceedsCredits }
    }
    guard !findsNothing else { throw .exceedsDebits }
    if creditor.has(.creditsMustNotExceedDebits) {
      let credits = creditor.creditsPending + creditor.creditsPosted
      guard credits + amount <= creditor.debitsPosted else { throw .exceedsDebits }
    }
  }
}
