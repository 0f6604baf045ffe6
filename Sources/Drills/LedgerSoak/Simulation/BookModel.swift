package import LedgerBook
package import Vocabulary

/// The ledger as its documentation says it, written for reading and not for speed: it keeps every
/// accepted transfer and adds them all up whenever it is asked for a sum. Rules are predicates
/// without order; the order comes from the list of refusals alone. It shares no decision with
/// `Book`.
package struct BookModel {
  struct Record {
    var request: TransferRequest
    var debtor: AccountID
    var creditor: AccountID
    var amount: Int64
    var currency: Currency
    var code: UInt16
    var expiresAt: Instant?
    var end: HoldEnd.Manner?
  }
  package struct Sums: Equatable {
    var debitsPending: Int64 = 0
    var debitsPosted: Int64 = 0
    var creditsPending: Int64 = 0
    var creditsPosted: Int64 = 0
    init() {}
    package init(
      debitsPending: Int64, debitsPosted: Int64, creditsPending: Int64, creditsPosted: Int64
    ) {
      self.debitsPending = debitsPending
      self.debitsPosted = debitsPosted
      self.creditsPending = creditsPending
      self.creditsPosted = creditsPosted
    }
  }

  package private(set) var accounts: [AccountRequest] = []
  var records: [Record] = []
  var tokens: Set<TransactionID> = []
  var now = Instant(nanoseconds: .min)
  /// What the model has wrong on purpose, to see that somebody notices.
  var fault: PlantedFault?
  private var frozen: Set<AccountID> = []
  private var ended: Set<AccountID> = []

  package init(fault: PlantedFault? = nil) { self.fault = fault }

  func account(_ id: AccountID?) -> AccountRequest? { accounts.first { $0.id == id } }
  func record(_ id: TransferID?) -> Record? { records.first { $0.request.id == id } }

  package func sums(_ id: AccountID) -> Sums {
    var sums = Sums()
    for record in records where record.debtor == id || record.creditor == id {
      let flags = record.request.flags
      var isReserving = flags.contains(.pending) && record.end == nil
      if fault == .holdReleasedTwice, record.end == .voided { isReserving = true }
      let isMoving = !flags.contains(.pending) && !flags.contains(.voidPending)
      if record.debtor == id {
        sums.debitsPending += isReserving ? record.amount : 0
        sums.debitsPosted += isMoving ? record.amount : 0
      } else {
        sums.creditsPending += isReserving ? record.amount : 0
        sums.creditsPosted += isMoving ? record.amount : 0
      }
    }
    return sums
  }

  package func isFrozen(_ id: AccountID) -> Bool { frozen.contains(id) }

  /// Freezes, thaws or closes an account: all that is known of it beside its transfers.
  package mutating func change(_ id: AccountID, _ change: AccountChange) -> AccountChangeOutcome {
    guard account(id) != nil else { return .refused(.accountNotFound) }
    let sums = sums(id)
    switch change {
    case .freeze:
      if ended.contains(id) { return .refused(.accountAlreadyClosed) }
      return frozen.insert(id).inserted ? .created : .exists
    case .thaw: return frozen.remove(id) == nil ? .exists : .created
    case .close:
      if ended.contains(id) { return .exists }
      guard sums.debitsPending + sums.creditsPending == 0, sums.debitsPosted == sums.creditsPosted
      else { return .refused(.accountNotEmpty) }
      ended.insert(id)
      return .created
    }
  }

  package func isClosed(_ id: AccountID) -> Bool {
    if ended.contains(id) { return true }
    if account(id)?.flags.contains(.closed) == true { return true }
    return records.contains { record in
      record.end != .voided && record.end != .expired
        && (record.debtor == id && record.request.flags.contains(.closingDebit)
          || record.creditor == id && record.request.flags.contains(.closingCredit))
    }
  }

  // MARK: batches

  package mutating func apply(_ batch: [TransferRequest], at instant: Instant) -> [TransferOutcome]
  {
    now = max(now, instant)
    for index in records.indices where records[index].end == nil {
      if let expiry = records[index].expiresAt, expiry <= now { records[index].end = .expired }
    }
    return Self.chains(batch.map { $0.flags.contains(.linked) }).flatMap { chain in
      apply(batch[chain.range], isOpen: chain.isOpen)
    }
  }

  package mutating func open(_ batch: [AccountRequest], at instant: Instant) -> [AccountOutcome] {
    now = max(now, instant)
    return Self.chains(batch.map { $0.flags.contains(.linked) }).flatMap { chain in
      let before = self
      let outcomes = Self.decide(
        batch[chain.range], isOpen: chain.isOpen, failed: .linkedEventFailed,
        open: .linkedEventChainOpen, keep: &self
      ) { $0.openOne($1) }
      if outcomes.fell { self = before }
      return outcomes.list
    }
  }

  private mutating func apply(
    _ chain: ArraySlice<TransferRequest>, isOpen: Bool
  ) -> [TransferOutcome] {
    let before = self
    let outcomes = Self.decide(
      chain, isOpen: isOpen, failed: .linkedEventFailed, open: .linkedEventChainOpen, keep: &self
    ) { $0.applyOne($1) }
    if outcomes.fell { self = before }
    return outcomes.list
  }

  /// One chain, or one event by itself.
  private static func decide<Request, Refusal>(
    _ chain: ArraySlice<Request>, isOpen: Bool, failed: Refusal, open: Refusal,
    keep model: inout BookModel, each: (inout BookModel, Request) -> Outcome<Refusal>
  ) -> (list: [Outcome<Refusal>], fell: Bool) {
    let isAlone = chain.count == 1 && !isOpen
    var list: [Outcome<Refusal>] = []
    var fell = false
    for (offset, request) in chain.enumerated() {
      if isOpen, offset == chain.count - 1 {
        list.append(.refused(open))
        fell = true
      } else if fell {
        list.append(.refused(failed))
      } else {
        let outcome = each(&model, request)
        list.append(outcome)
        if case .refused = outcome { fell = true }
        if list.contains(.created), list.contains(.exists) { fell = true }
      }
    }
    if fell, !isAlone { list = list.map { $0 == .created ? .refused(failed) : $0 } }
    return (list, fell)
  }

  private static func chains(_ linked: [Bool]) -> [(range: Range<Int>, isOpen: Bool)] {
    var chains: [(Range<Int>, Bool)] = []
    var start = 0
    for (index, isLinked) in linked.enumerated() {
      let isLast = index == linked.count - 1
      if !isLinked || isLast {
        chains.append((start..<index + 1, isLinked))
        start = index + 1
      }
    }
    return chains
  }

  // MARK: one event

  private mutating func openOne(_ request: AccountRequest) -> AccountOutcome {
    var no: Set<AccountRefusal> = []
    if request.id.bits == 0 { no.insert(.idMustNotBeZero) }
    if request.id.bits == .max { no.insert(.idMustNotBeIntMax) }
    if let earlier = account(request.id) {
      if earlier.flags != request.flags { no.insert(.existsWithDifferentFlags) }
      if earlier.owner != request.owner { no.insert(.existsWithDifferentOwner) }
      if earlier.currency != request.currency { no.insert(.existsWithDifferentCurrency) }
      if earlier.code != request.code { no.insert(.existsWithDifferentCode) }
      if no.isEmpty { return .exists }
    }
    if request.flags.contains(.debitsMustNotExceedCredits),
      request.flags.contains(.creditsMustNotExceedDebits)
    {
      no.insert(.flagsAreMutuallyExclusive)
    }
    if request.code == 0 { no.insert(.codeMustNotBeZero) }
    if let first = AccountRefusal.allCases.first(where: no.contains) { return .refused(first) }
    accounts.append(request)
    return .created
  }

  private mutating func applyOne(_ request: TransferRequest) -> TransferOutcome {
    let request = request.withZerosAbsent
    let rules = ModelRules(model: self, request: request)
    let no = rules.violated
    var order = TransferRefusal.allCases
    if fault == .precedenceSwapped { order.swapAt(order.count - 2, order.count - 3) }
    let first = order.first(where: no.contains)
    // `exists` stands before all that does not concern the id.
    if let first, TransferRefusal.beforeExists.contains(first) { return .refused(first) }
    if record(request.id) != nil { return .exists }
    if let first { return .refused(first) }
    record(request, rules)
    return .created
  }

  private mutating func record(_ request: TransferRequest, _ rules: ModelRules) {
    let hold = request.flags.resolves ? record(request.pendingID) : nil
    // Without these the rules would have refused.
    guard let debtor = hold?.debtor ?? request.debitAccount,
      let creditor = hold?.creditor ?? request.creditAccount,
      let currency = hold?.currency ?? request.currency
    else { return }
    if let index = records.firstIndex(where: { hold != nil && $0.request.id == request.pendingID })
    {
      records[index].end = request.flags.contains(.postPending) ? .posted : .voided
    }
    var kept = request
    kept.paymentID = request.paymentID ?? hold?.request.paymentID
    kept.correlationID = request.correlationID ?? hold?.request.correlationID
    kept.bookedOn = request.bookedOn ?? hold?.request.bookedOn
    var expiry: Instant?
    if request.timeoutSeconds > 0 { expiry = now + .seconds(request.timeoutSeconds) }
    records.append(
      Record(
        request: kept, debtor: debtor, creditor: creditor, amount: rules.amount,
        currency: currency, code: hold?.code ?? request.code, expiresAt: expiry))
    if let token = request.authorization?.transaction { tokens.insert(token) }
  }
}

extension TransferRequest {
  /// Zero counts as absent.
  fileprivate var withZerosAbsent: TransferRequest {
    var request = self
    if debitAccount?.bits == 0 { request.debitAccount = nil }
    if creditAccount?.bits == 0 { request.creditAccount = nil }
    if pendingID?.bits == 0 { request.pendingID = nil }
    if paymentID?.bits == 0 { request.paymentID = nil }
    return request
  }
}

extension TransferRefusal {
  static let firstAfterExists = TransferRefusal.authorizationAlreadyUsed
  static let beforeExists = allCases.prefix { $0 != firstAfterExists }
}
