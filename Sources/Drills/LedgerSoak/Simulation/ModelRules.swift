import LedgerBook
import Vocabulary

/// Every rule that a request breaks, each looked at by itself.
struct ModelRules {
  let model: BookModel
  let request: TransferRequest

  var hold: BookModel.Record? { request.flags.resolves ? model.record(request.pendingID) : nil }
  var isPending: Bool { request.flags.contains(.pending) }
  var closes: Bool {
    request.flags.contains(.closingDebit) || request.flags.contains(.closingCredit)
  }
  var balances: Bool {
    request.flags.contains(.balancingDebit) || request.flags.contains(.balancingCredit)
  }

  var debtorSums: BookModel.Sums { request.debitAccount.map(model.sums) ?? .init() }
  var creditorSums: BookModel.Sums { request.creditAccount.map(model.sums) ?? .init() }

  /// What the transfer would move.
  var amount: Int64 {
    if let hold { return request.amount ?? hold.amount }
    var amount = request.amount ?? (balances ? Book.amountMax : 0)
    if request.flags.contains(.balancingDebit) {
      let sums = debtorSums
      amount = min(amount, max(0, sums.creditsPosted - sums.debitsPosted - sums.debitsPending))
    }
    if request.flags.contains(.balancingCredit) {
      let sums = creditorSums
      amount = min(amount, max(0, sums.debitsPosted - sums.creditsPosted - sums.creditsPending))
    }
    return amount
  }

  var violated: Set<TransferRefusal> {
    var no = authorization.union(identity)
    if request.flags.resolves {
      no.formUnion(resolvingAlone)
      // What the book holds only counts for a request that is in order by itself.
      if no.isEmpty { no.formUnion(resolving) }
    } else {
      no.formUnion(movingAlone)
      if no.isEmpty { no.formUnion(moving) }
    }
    return no
  }

  private func list(_ rules: [(TransferRefusal, Bool)]) -> Set<TransferRefusal> {
    Set(rules.filter(\.1).map(\.0))
  }

  private var authorization: Set<TransferRefusal> {
    guard let allowed = request.authorization else { return [] }
    return list([
      (.authorizedForDifferentAmount, request.amount != allowed.amount),
      (.authorizedForDifferentCurrency, request.currency != allowed.currency),
      (.authorizedForDifferentDebtor, (request.debitAccount?.bits ?? 0) != allowed.debtor.bits),
      (
        .authorizedForDifferentCreditor, (request.creditAccount?.bits ?? 0) != allowed.creditor.bits
      ),
      (.authorizationAlreadyUsed, model.tokens.contains(allowed.transaction)),
    ])
  }

  private var identity: Set<TransferRefusal> {
    var no = list([
      (.idMustNotBeZero, request.id.bits == 0), (.idMustNotBeIntMax, request.id.bits == .max),
    ])
    guard let earlier = model.record(request.id) else { return no }
    let inherited =
      earlier.request.flags.resolves ? model.record(earlier.request.pendingID) : nil
    let sameAmount =
      earlier.request.flags.contains(.balancingDebit)
        || earlier.request.flags.contains(.balancingCredit)
      ? request.amount == earlier.request.amount
      : (request.amount ?? inherited?.amount ?? 0) == earlier.amount
    let code = request.code != 0 ? request.code : inherited?.code ?? 0
    no.formUnion(
      list([
        (.existsWithDifferentFlags, request.flags != earlier.request.flags),
        (.existsWithDifferentPendingID, request.pendingID != earlier.request.pendingID),
        (.existsWithDifferentTimeout, request.timeoutSeconds != earlier.request.timeoutSeconds),
        (
          .existsWithDifferentDebitAccountID,
          (request.debitAccount ?? inherited?.debtor) != earlier.debtor
        ),
        (
          .existsWithDifferentCreditAccountID,
          (request.creditAccount ?? inherited?.creditor) != earlier.creditor
        ),
        (.existsWithDifferentAmount, !sameAmount),
        (
          .existsWithDifferentPaymentID,
          (request.paymentID ?? inherited?.request.paymentID) != earlier.request.paymentID
        ),
        (
          .existsWithDifferentCorrelationID,
          (request.correlationID ?? inherited?.request.correlationID)
            != earlier.request.correlationID
        ),
        (
          .existsWithDifferentBookedOn,
          (request.bookedOn ?? inherited?.request.bookedOn) != earlier.request.bookedOn
        ),
        (
          .existsWithDifferentCurrency,
          (request.currency ?? inherited?.currency) != earlier.currency
        ),
        (.existsWithDifferentCode, code != earlier.code),
      ]))
    return no
  }

  private var resolvingAlone: Set<TransferRefusal> {
    let flags = request.flags
    return list([
      (
        .flagsAreMutuallyExclusive,
        flags.contains(.postPending) && flags.contains(.voidPending) || isPending || balances
          || closes
      ),
      (.debitAccountIDMustNotBeIntMax, request.debitAccount?.bits == .max),
      (.creditAccountIDMustNotBeIntMax, request.creditAccount?.bits == .max),
      (.pendingIDMustNotBeZero, (request.pendingID?.bits ?? 0) == 0),
      (.pendingIDMustNotBeIntMax, request.pendingID?.bits == .max),
      (.pendingIDMustBeDifferent, request.pendingID == request.id),
      (.timeoutReservedForPendingTransfer, request.timeoutSeconds != 0),
      (.amountMustNotBeZero, request.amount == 0),
      (.amountOutOfRange, request.amount.map { $0 < 0 || $0 > Book.amountMax } ?? false),
    ])
  }

  private var movingAlone: Set<TransferRefusal> {
    let isAll = balances && request.amount == nil
    let amount = request.amount ?? 0
    return list([
      (.debitAccountIDMustNotBeZero, (request.debitAccount?.bits ?? 0) == 0),
      (.debitAccountIDMustNotBeIntMax, request.debitAccount?.bits == .max),
      (.creditAccountIDMustNotBeZero, (request.creditAccount?.bits ?? 0) == 0),
      (.creditAccountIDMustNotBeIntMax, request.creditAccount?.bits == .max),
      (.accountsMustBeDifferent, request.debitAccount == request.creditAccount),
      (.pendingIDMustBeZero, (request.pendingID?.bits ?? 0) != 0),
      (.timeoutReservedForPendingTransfer, !isPending && request.timeoutSeconds != 0),
      (
        .timeoutOutOfRange,
        request.timeoutSeconds < 0 || request.timeoutSeconds > Book.timeoutSecondsMax
      ),
      (.closingTransferMustBePending, closes && !isPending),
      (.amountMustNotBeZero, !isAll && amount == 0 && !closes),
      (.amountOutOfRange, !isAll && (amount < 0 || amount > Book.amountMax)),
      (.currencyMustNotBeZero, request.currency == nil),
      (.codeMustNotBeZero, request.code == 0),
    ])
  }

  private var resolving: Set<TransferRefusal> {
    guard let hold else { return [.pendingTransferNotFound] }
    let isPosting = request.flags.contains(.postPending)
    return list([
      (.pendingTransferNotPending, !hold.request.flags.contains(.pending)),
      (
        .pendingTransferHasDifferentDebitAccountID,
        request.debitAccount.map { $0 != hold.debtor } ?? false
      ),
      (
        .pendingTransferHasDifferentCreditAccountID,
        request.creditAccount.map { $0 != hold.creditor } ?? false
      ),
      (
        .pendingTransferHasDifferentCurrency, request.currency.map { $0 != hold.currency } ?? false
      ),
      (.pendingTransferHasDifferentCode, request.code != 0 && request.code != hold.code),
      (
        .exceedsPendingTransferAmount,
        amount > hold.amount && model.fault != .overCaptureAllowed
      ),
      (.pendingTransferHasDifferentAmount, !isPosting && amount < hold.amount),
      (.pendingTransferAlreadyPosted, hold.end == .posted),
      (.pendingTransferAlreadyVoided, hold.end == .voided),
      (.pendingTransferExpired, hold.end == .expired),
      (.debitAccountAlreadyClosed, isPosting && model.isClosed(hold.debtor)),
      (.creditAccountAlreadyClosed, isPosting && model.isClosed(hold.creditor)),
      (.debitAccountFrozen, isPosting && model.isFrozen(hold.debtor)),
      (.creditAccountFrozen, isPosting && model.isFrozen(hold.creditor)),
    ])
  }

  private var moving: Set<TransferRefusal> {
    let debtor = model.account(request.debitAccount)
    let creditor = model.account(request.creditAccount)
    let notFound = list([
      (.debitAccountNotFound, debtor == nil), (.creditAccountNotFound, creditor == nil),
    ])
    guard let debtor, let creditor else { return notFound }
    let (from, to, amount) = (debtorSums, creditorSums, amount)
    let most = Book.amountMax
    let movesNothing = amount == 0 && !closes
    let debtorLeft = from.creditsPosted - from.debitsPosted - from.debitsPending
    let creditorLeft = to.debitsPosted - to.creditsPosted - to.creditsPending
    return list([
      (
        .debitAccountNotOwnedBySubject,
        request.authorization.map { $0.subject != debtor.owner } ?? false
      ),
      (.accountsMustHaveTheSameCurrency, debtor.currency != creditor.currency),
      (.transferMustHaveTheSameCurrencyAsAccounts, request.currency != debtor.currency),
      (.debitAccountAlreadyClosed, model.isClosed(debtor.id)),
      (.creditAccountAlreadyClosed, model.isClosed(creditor.id)),
      (.debitAccountFrozen, model.isFrozen(debtor.id)),
      (.creditAccountFrozen, model.isFrozen(creditor.id)),
      (.overflowsDebitsPending, isPending && from.debitsPending + amount > most),
      (.overflowsCreditsPending, isPending && to.creditsPending + amount > most),
      (.overflowsDebitsPosted, !isPending && from.debitsPosted + amount > most),
      (.overflowsCreditsPosted, !isPending && to.creditsPosted + amount > most),
      (.overflowsDebits, from.debitsPending + from.debitsPosted + amount > most),
      (.overflowsCredits, to.creditsPending + to.creditsPosted + amount > most),
      (
        .exceedsCredits,
        debtor.flags.contains(.debitsMustNotExceedCredits) && amount > debtorLeft
          || movesNothing && request.flags.contains(.balancingDebit) && debtorLeft <= 0
      ),
      (
        .exceedsDebits,
        creditor.flags.contains(.creditsMustNotExceedDebits) && amount > creditorLeft
          || movesNothing && request.flags.contains(.balancingCredit) && creditorLeft <= 0
      ),
    ])
  }
}
