import LedgerAPI
import LedgerBook
import LedgerStorage
import Vocabulary

// The contract's words and the book's: the same meaning, one in JSON and one in numbers.

extension AccountRequest {
  init(_ new: NewAccount) {
    self.init(
      id: new.id, currency: new.currency, code: new.code, owner: new.owner,
      flags: AccountFlags(new.flags ?? []))
  }
}

extension RequestRow {
  /// The contract's record is the book's, field by field, and who sent it.
  init(_ record: TransferRecord, from maker: UInt16) {
    self.init()
    self.maker = maker
    id = record.id
    debitAccount = record.debitAccount
    creditAccount = record.creditAccount
    pendingID = record.pendingID
    paymentID = record.paymentID
    correlationID = record.correlationID
    amount = record.amount
    timeoutSeconds = record.timeoutSeconds
    bookedOn = record.bookedOn
    code = record.code
    currency = record.currency
    flags = record.flags
  }
}

extension TransferRequest {
  init(_ hold: NewHold, allowedBy authorization: Authorization) {
    self.init(id: hold.id)
    debitAccount = hold.debtor
    creditAccount = hold.creditor
    amount = hold.amount.minorUnits
    currency = hold.amount.currency
    code = hold.code
    timeoutSeconds = hold.timeoutSeconds
    paymentID = hold.paymentID
    correlationID = hold.correlationID
    flags = .pending
    self.authorization = authorization
  }

  /// The end of a hold.
  init(_ id: TransferID, ending hold: TransferID, amount: Money? = nil, _ flags: TransferFlags) {
    self.init(id: id)
    pendingID = hold
    self.amount = amount?.minorUnits
    currency = amount?.currency
    self.flags = flags
  }
}

extension LedgerAccount {
  init(_ account: Account) {
    var flags = account.flags.words
    if account.isClosed { flags.insert(.closed) } else { flags.remove(.closed) }
    self.init(
      NewAccount(
        id: account.id, currency: account.currency, code: account.code, owner: account.owner),
      flags: Flags(flags), debitsPending: account.debitsPending,
      debitsPosted: account.debitsPosted, creditsPending: account.creditsPending,
      creditsPosted: account.creditsPosted, createdAt: account.createdAt)
    state = account.isClosed ? .closed : account.isFrozen ? .frozen : .open
  }
}

extension AccountChange {
  init(_ action: AccountAction) {
    switch action {
    case .freeze: self = .freeze
    case .thaw: self = .thaw
    case .close: self = .close
    }
  }
}

extension LedgerTransfer {
  init(_ stored: StoredTransfer) throws(MoneyError) {
    let transfer = stored.transfer
    self.init(
      id: transfer.id, sequence: transfer.sequence, debitAccount: transfer.debitAccount,
      creditAccount: transfer.creditAccount,
      amount: try Money(minorUnits: transfer.amount, currency: transfer.currency),
      code: transfer.code, createdAt: transfer.createdAt)
    pendingID = transfer.pendingID
    timeoutSeconds = transfer.timeoutSeconds == 0 ? nil : transfer.timeoutSeconds
    paymentID = transfer.paymentID
    correlationID = transfer.correlationID
    bookedOn = transfer.bookedOn?.description
    flags = Flags(transfer.flags.words)
    if transfer.flags.contains(.pending) { hold = HoldState(stored) }
  }
}

extension HoldState {
  fileprivate init(_ stored: StoredTransfer) {
    guard let end = stored.end else {
      self.init(phase: .open, expiresAt: stored.transfer.expiresAt)
      return
    }
    switch end.manner {
    case .posted: self.init(phase: .posted, resolvedBy: end.by)
    case .voided: self.init(phase: .voided, resolvedBy: end.by)
    case .expired: self.init(phase: .expired)
    }
  }
}

extension AccountFlags {
  init(_ words: Flags<AccountFlag>) {
    self = words.raised.reduce(into: []) { $0.insert($1.bit) }
  }
  fileprivate var words: Set<AccountFlag> { Set(AccountFlag.allCases.filter { contains($0.bit) }) }
}

extension TransferFlags {
  fileprivate var words: Set<TransferFlag> {
    Set(TransferFlag.allCases.filter { contains($0.bit) })
  }
}

extension AccountFlag {
  fileprivate var bit: AccountFlags {
    switch self {
    case .linked: .linked
    case .debitsMustNotExceedCredits: .debitsMustNotExceedCredits
    case .creditsMustNotExceedDebits: .creditsMustNotExceedDebits
    case .closed: .closed
    }
  }
}

extension TransferFlag {
  fileprivate var bit: TransferFlags {
    switch self {
    case .linked: .linked
    case .pending: .pending
    case .postPending: .postPending
    case .voidPending: .voidPending
    case .balancingDebit: .balancingDebit
    case .balancingCredit: .balancingCredit
    case .closingDebit: .closingDebit
    case .closingCredit: .closingCredit
    }
  }
}

extension Outcome where Refusal: RawRepresentable, Refusal.RawValue == String {
  /// - Parameter codes: of all names of the contract.
  /// - Throws: `Problem.defect` for a result that the contract has no number for.
  func code(in codes: [String: UInt16]) throws(Problem) -> UInt16 {
    guard let code = codes[name] else { throw .defect }
    return code
  }
}
