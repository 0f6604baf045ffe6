import Chassis
import Demo
import Launcher
import LedgerAPI
import StrictJSON
import Transport
import Vocabulary

/// A payments service that was taken over: it has the right certificate, and asks the ledger for what its charter names.
enum TakenPayments {
  /// The bank's own hold lives this long, so that nothing is left where the drill is ended in between.
  private static let holdSeconds: Int64 = 30

  static let postsForeignHold = Attack(
    "foreign-hold", steps: "as payments, without a token: post a hold that the bank itself made",
    expectation: "403, nothing moves, and the ledger's refusal is on record"
  ) { range in
    let residents = range.bank.residents
    let id = TransferID(bits: range.randomness.bits128() | 1)
    var hold = NewTransfer(
      id: id, amount: try Money(minorUnits: 3, currency: range.bank.currency),
      from: residents[0].account, to: residents[2].account, code: 1)
    hold.timeoutSeconds = holdSeconds
    hold.flags = [.pending]
    let made = try await range.desk.call(
      LedgerOperations.createTransfers, NewTransfers(transfers: [hold]))
    guard made.results.map(\.result) == [EventResult.created] else {
      return .notTried("the bank cannot hold money: \(made.results.map(\.result))")
    }
    let insider = try await range.insider()
    let correlation = range.newCorrelation()
    let answer = try await insider.ask(
      "ledger", as: insider.client(as: "payments"), "POST", "/v1/holds/\(id)/post",
      headers: ["content-type": "application/json", Header.correlation: "\(correlation)"],
      body: StrictJSON.encode(HoldPosting(id: TransferID(bits: range.randomness.bits128() | 1))))
    let after = try await range.desk.call(
      LedgerOperations.getTransfer, Nothing(), path: ["id": "\(id)"])
    _ = try? await range.desk.call(
      LedgerOperations.voidHold, HoldVoiding(id: TransferID(bits: range.randomness.bits128() | 1)),
      path: ["id": "\(id)"])
    return .when(
      answer.status == 403 && after.hold?.phase == .open,
      "\(answer.text), then the hold is \(after.hold?.phase.rawValue ?? "gone")",
      recordedAs: correlation)
  }

  static let readsStrangersAccount = Attack(
    "strangers-account",
    steps: "as payments: read a person's account and transfers without that person's token",
    expectation: "401 where the token is missing, 403 for what only the operator may read"
  ) { range in
    let account = range.bank.residents[2].account
    let insider = try await range.insider()
    let client = try insider.client(as: "payments")
    var seen: [String] = []
    var last: CorrelationID?
    for (target, status) in [
      ("/v1/own/accounts/\(account)", 401), ("/v1/own/accounts/\(account)/transfers", 401),
      ("/v1/own/accounts", 401), ("/v1/accounts/\(account)", 403),
      ("/v1/accounts/\(account)/transfers", 403),
      ("/v1/accounts?owner=\(range.bank.residents[2].id)", 403),
    ] {
      let correlation = range.newCorrelation()
      let answer = try await insider.ask(
        "ledger", as: client, "GET", target, headers: [Header.correlation: "\(correlation)"],
        body: [])
      last = correlation
      if answer.status != status { seen.append("\(target): \(answer.text)") }
    }
    return .when(
      seen.isEmpty, seen.isEmpty ? "6 of 6 refused" : seen.joined(separator: "; "),
      recordedAs: last)
  }
}
