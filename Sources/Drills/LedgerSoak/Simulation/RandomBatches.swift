package import LedgerBook
package import Vocabulary

/// Random batches over a small world, so that ids meet, limits are reached and holds end in every
/// way.
package struct RandomBatches {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// SplitMix64: small, seeded, the same everywhere.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
  package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func one<Element>(of choices: [Element]) -> Element { choices[below(choices.count)] }

  static let currencies = ["EUR", "JPY"].compactMap { Currency($0) }
  static let people = [PersonID(bits: 1), PersonID(bits: 2)]

  mutating func accountID() -> AccountID {
    AccountID(bits: chance(3) ? one(of: [0, .max, 99]) : UInt128(1 + below(7)))
  }
  mutating func transferID() -> TransferID {
    TransferID(bits: chance(2) ? one(of: [0, .max]) : UInt128(1 + below(60)))
  }
  mutating func amount() -> Int64 {
    if chance(4) { return one(of: [0, -1, .min, Book.amountMax + 1, .max]) }
    return chance(6)
      ? one(of: [Book.amountMax, Book.amountMax - 1, Book.amountMax / 2])
      : Int64(1 + below(20))
  }

  package mutating func accounts() -> [AccountRequest] {
    (0..<1 + below(4)).map { _ in
      var flags: AccountFlags = []
      if chance(20) { flags.insert(.linked) }
      if chance(30) { flags.insert(.debitsMustNotExceedCredits) }
      if chance(20) { flags.insert(.creditsMustNotExceedDebits) }
      if chance(3) { flags.insert(.closed) }
      return AccountRequest(
        id: accountID(), currency: one(of: chance(85) ? [Self.currencies[0]] : Self.currencies),
        code: chance(5) ? 0 : 1, owner: chance(70) ? one(of: Self.people) : nil, flags: flags)
    }
  }

  /// Mostly thawing, so that money goes on moving.
  package mutating func change() -> (account: AccountID, change: AccountChange) {
    (accountID(), one(of: [.freeze, .thaw, .thaw, .close]))
  }

  /// Sometimes a batch repeats what was sent before, whole or with one field changed.
  package mutating func transfers(sent: [TransferRequest]) -> [TransferRequest] {
    (0..<1 + below(8)).map { _ in
      guard !sent.isEmpty, chance(15) else { return transfer(sent: sent) }
      var again = one(of: sent)
      if chance(60) { alter(&again) }
      return again
    }
  }

  private mutating func transfer(sent: [TransferRequest]) -> TransferRequest {
    var request = TransferRequest(id: transferID())
    if chance(25) { request.flags.insert(.linked) }
    if chance(35) {
      request.flags.insert(chance(55) ? .postPending : .voidPending)
      let holds = sent.filter { $0.flags.contains(.pending) }
      request.pendingID = chance(85) ? holds.isEmpty ? nil : one(of: holds).id : transferID()
      if chance(40) { request.amount = amount() }
    } else {
      request.debitAccount = accountID()
      request.creditAccount = accountID()
      request.amount = amount()
      request.currency = one(of: chance(90) ? [Self.currencies[0]] : Self.currencies)
      request.code = 1
      if chance(45) { request.flags.insert(.pending) }
      if request.flags.contains(.pending), chance(60) { request.timeoutSeconds = Int64(below(5)) }
      if chance(10) { request.flags.insert(.balancingDebit) }
      if chance(10) { request.flags.insert(.balancingCredit) }
      if request.flags.balances, chance(30) { request.amount = nil }
      if chance(5) { request.flags.insert(.closingDebit) }
      if chance(5) { request.flags.insert(.closingCredit) }
      if chance(20) { authorize(&request) }
    }
    if chance(20) { request.paymentID = PaymentID(bits: UInt128(1 + below(3))) }
    if chance(12) { alter(&request) }
    return request
  }

  private mutating func authorize(_ request: inout TransferRequest) {
    guard let debtor = request.debitAccount, let creditor = request.creditAccount,
      let currency = request.currency
    else { return }
    request.authorization = Authorization(
      transaction: TransactionID(bits: UInt128(1 + below(30))), subject: one(of: Self.people),
      amount: chance(5) ? 7 : request.amount ?? 1,
      currency: chance(5) ? Self.currencies[1] : currency,
      debtor: chance(5) ? accountID() : debtor, creditor: chance(5) ? accountID() : creditor)
  }

  private mutating func alter(_ request: inout TransferRequest) {
    switch below(12) {
    case 0: request.debitAccount = chance(50) ? accountID() : nil
    case 1: request.creditAccount = chance(50) ? accountID() : nil
    case 2: request.amount = chance(50) ? amount() : nil
    case 3: request.currency = chance(50) ? one(of: Self.currencies) : nil
    case 4: request.code = UInt16(below(3))
    case 5: request.pendingID = chance(70) ? transferID() : TransferID(bits: .max)
    case 6: request.timeoutSeconds = one(of: [-1, 1, 2, Book.timeoutSecondsMax + 1])
    case 7: request.paymentID = PaymentID(bits: UInt128(below(3)))
    case 8: request.correlationID = CorrelationID(bits: UInt128(below(3)))
    case 9: request.bookedOn = CivilDate(daysSinceEpoch: below(3))
    case 10: request.flags.formSymmetricDifference(TransferFlags(rawValue: 1 << UInt16(below(8))))
    default: if request.pendingID != nil { request.pendingID = request.id }
    }
  }
}
