import LedgerBook
import Vocabulary

/// A small bank for tests that name their accounts: money comes from `vault`, and `ada` and `bob`
/// may not overdraw.
struct World {
  static let vault = AccountID(bits: 1)
  static let ada = AccountID(bits: 2)
  static let bob = AccountID(bits: 3)
  static let yen = AccountID(bits: 4)
  static let adasOwner = PersonID(bits: 70)
  static let eur = Currency.all.first { $0.code == "EUR" }
  static let jpy = Currency.all.first { $0.code == "JPY" }

  var book: Book
  var memory = Memory()
  var now = Instant(seconds: 1_000)

  /// Ada holds 100 minor units.
  init(limits: Book.Limits = .init()) {
    book = Book(limits: limits)
    guard let eur = Self.eur, let jpy = Self.jpy else { return }
    let limited = AccountFlags.debitsMustNotExceedCredits
    _ = book.open(
      [
        AccountRequest(id: Self.vault, currency: eur, code: 1),
        AccountRequest(
          id: Self.ada, currency: eur, code: 2, owner: Self.adasOwner, flags: limited),
        AccountRequest(id: Self.bob, currency: eur, code: 2, flags: limited),
        AccountRequest(id: Self.yen, currency: jpy, code: 2),
      ], at: now)
    _ = send([Self.transfer(1, 100, from: Self.vault, to: Self.ada)])
  }

  static func transfer(
    _ id: UInt128, _ amount: Int64?, from debtor: AccountID = ada, to creditor: AccountID = bob,
    flags: TransferFlags = []
  ) -> TransferRequest {
    var request = TransferRequest(id: TransferID(bits: id))
    request.debitAccount = debtor
    request.creditAccount = creditor
    request.amount = amount
    request.currency = eur
    request.code = 1
    request.flags = flags
    return request
  }
  static func hold(_ id: UInt128, _ amount: Int64, seconds: Int64 = 0) -> TransferRequest {
    var request = transfer(id, amount, flags: .pending)
    request.timeoutSeconds = seconds
    return request
  }
  static func post(_ id: UInt128, _ hold: UInt128, _ amount: Int64? = nil) -> TransferRequest {
    var request = TransferRequest(id: TransferID(bits: id))
    request.pendingID = TransferID(bits: hold)
    request.amount = amount
    request.flags = .postPending
    return request
  }
  static func void(_ id: UInt128, _ hold: UInt128) -> TransferRequest {
    var request = post(id, hold)
    request.flags = .voidPending
    return request
  }

  mutating func send(_ batch: [TransferRequest]) -> [String] {
    let applied = book.apply(batch, at: now, history: memory)
    if let complaint = memory.keep(applied) { return [complaint] }
    return applied.outcomes.map(\.name)
  }
  mutating func send(_ request: TransferRequest) -> String { send([request]).joined() }

  /// Posted balance and what is held, in minor units.
  func state(_ id: AccountID) -> [Int64] {
    guard let account = book.account(id) else { return [] }
    return [account.creditsPosted - account.debitsPosted, account.debitsPending]
  }
}
