import Chassis
import LedgerAPI
import PaymentsAPI
import Vocabulary

// Accounts, as the ledger knows them.

extension PaymentsService {
  /// What a statement's query says to the ledger in the same words.
  private static let statementWords = ["from", "until", "booked_from", "booked_until"]

  @Sendable func listMyAccounts(_ call: Call) async throws -> Answer {
    let person = try call.holder()
    let found = try await ledger.call(
      LedgerOperations.listOwnAccounts, Nothing(), query: accountsPage(of: person, call),
      context: call.forwarding)
    return try .json(
      200,
      OwnAccounts(
        accounts: found.accounts.map {
          OwnAccount(
            id: $0.id, currency: $0.currency, isClosed: $0.flags.contains(.closed),
            openedAt: $0.createdAt)
        }, next: try found.next.map { try seals.cursor($0, of: person) }))
  }

  @Sendable func getBalance(_ call: Call) async throws -> Answer {
    let id = try call.id("id", as: AccountID.self)
    let account = try await ledger.call(
      LedgerOperations.getOwnAccount, Nothing(), path: ["id": id.description],
      context: call.forwarding)
    return try .json(
      200,
      Balance(
        account: id, booked: Money(minorUnits: account.balance, currency: account.currency),
        available: Money(minorUnits: account.available, currency: account.currency)))
  }

  @Sendable func listStatement(_ call: Call) async throws -> Answer {
    let id = try call.id("id", as: AccountID.self)
    let person = try call.holder()
    var query = call.query.filter { Self.statementWords.contains($0.key) }
    query["order"] = "newest"
    query["movements"] = "true"
    query["limit"] = "\(try limit(of: call))"
    if let after = call.query["after"] {
      guard let place = seals.place(in: after, of: id) else { throw Self.noPage }
      query["after"] = place.next
      query["balance_after"] = place.balance
    }
    let found = try await ledger.call(
      LedgerOperations.listOwnTransfers, Nothing(), path: ["id": id.description], query: query,
      context: call.forwarding)
    let references = try await store.references(
      of: Set(found.transfers.compactMap(\.paymentID)), by: person)
    return try .json(
      200,
      Statement(
        account: id,
        lines: try found.transfers.map {
          try StatementLine($0, of: id, reference: $0.paymentID.flatMap { references[$0] })
        },
        next: try found.next.map {
          try seals.cursor($0, balance: found.nextBalance, of: id)
        }))
  }

  /// Which page of a person's accounts is asked for, in the ledger's words.
  /// - Throws: `noPage` for a `next` that was not made for this person.
  func accountsPage(of person: PersonID, _ call: Call) throws -> [String: String] {
    let max = PaymentsOperations.pageMax
    var query = ["limit": "\(try call.integer("limit", in: 1...max, default: max))"]
    if let after = call.query["after"] {
      guard let place = seals.place(in: after, of: person) else { throw Self.noPage }
      query["after"] = place
    }
    return query
  }

  private static let noPage = Problem(
    "no-such-page", 404, "There is no such page, or not any more",
    detail: "begin again without it", fields: ["field": "after"])
}

extension StatementLine {
  /// A movement from the side of one of its two accounts.
  fileprivate init(_ transfer: LedgerTransfer, of account: AccountID, reference: String?) throws {
    let isOut = transfer.debitAccount == account
    self.init(
      id: transfer.id, kind: .booked,
      amount: try Money(
        minorUnits: isOut ? -transfer.amount : transfer.amount, currency: transfer.currency),
      counterparty: isOut ? transfer.creditAccount : transfer.debitAccount,
      payment: transfer.paymentID, reference: reference,
      balance: try transfer.balance.map {
        try Money(minorUnits: $0, currency: transfer.currency)
      },
      bookedOn: transfer.bookedOn, at: transfer.createdAt)
  }
}
