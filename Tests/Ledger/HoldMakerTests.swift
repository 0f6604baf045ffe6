import AuditAPI
import Chassis
import LedgerAPI
import Storage
import StrictJSON
import Testing
import Vocabulary

// What a payments service that was taken over asks of the ledger: it has the right certificate and makes the calls that
// its charter names.

@Suite struct `A hold that others made` {
  /// The bank itself holds money of Ada's for Bob, without a token.
  private func hold(_ id: UInt128, in house: LedgerHouse) async throws {
    var hold = NewTransfer(
      id: TransferID(bits: id), amount: try People.eur(4_000), from: People.adasAccount,
      to: People.bobsAccount, code: 7)
    hold.flags = [.pending]
    #expect(try await house.post([hold]) == ["created"])
  }

  private func bankPosts(_ hold: UInt128, as id: UInt128) -> NewTransfer {
    var posting = NewTransfer(id: TransferID(bits: id))
    posting.pendingID = TransferID(bits: hold)
    posting.flags = [.postPending]
    return posting
  }

  @Test func `is neither posted nor found by payments, and the attempt is on record`() async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    try await hold(50, in: house)
    let posting = HoldPosting(id: TransferID(bits: 51))
    let refusal = await house.refusal {
      _ = try await house.end(LedgerOperations.postHold, 50, posting)
    }
    #expect(refusal == "pending-transfer-not-made-by-caller")
    let found = await house.refusal {
      _ = try await house.ask(
        "payments", LedgerOperations.getHold, Nothing(), path: ["id": "\(TransferID(bits: 50))"])
    }
    #expect(found == "not-found")
    #expect(try await house.balances() == [10_000, 6_000, 0, 0])
    let records = try await house.process.context.outbox.batch(of: AuditOperations.topic).messages
      .map { try StrictJSON.decode(AuditRecord.self, from: $0.body) }
    #expect(records.contains { $0.reason == "pending_transfer_not_made_by_caller" })

    // The bank posts its own.
    #expect(try await house.post([bankPosts(50, as: 51)]) == ["created"])
    // Asking again for what another has done tells nothing either.
    let again = await house.refusal {
      _ = try await house.end(LedgerOperations.postHold, 50, posting)
    }
    #expect(again == "pending-transfer-not-made-by-caller")
    #expect(try await house.balances() == [6_000, 6_000, 4_000, 4_000])
    await house.close()
  }

  @Test func `is given back by the operator, but not posted where payments made it`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    _ = try await house.hold(house.newHold(10, 1_000))
    #expect(
      try await house.post([bankPosts(10, as: 11)]) == ["pending_transfer_not_made_by_caller"])
    _ = try await house.end(LedgerOperations.voidHold, 10, HoldVoiding(id: TransferID(bits: 12)))
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    await house.close()
  }

  @Test func `stays payments' own over a restart`() async throws {
    let left = try await LedgerHouse.left { house in
      _ = try await house.hold(house.newHold(10, 1_000))
      try await hold(50, in: house)
    }
    let house = try await left.reopen()
    let refusal = await house.refusal {
      _ = try await house.end(LedgerOperations.postHold, 50, HoldPosting(id: TransferID(bits: 51)))
    }
    #expect(refusal == "pending-transfer-not-made-by-caller")
    let found = try await house.ask(
      "payments", LedgerOperations.getHold, Nothing(), path: ["id": "\(TransferID(bits: 10))"])
    #expect(found.hold?.phase == .open)
    let posting = HoldPosting(id: TransferID(bits: 11))
    #expect(try await house.end(LedgerOperations.postHold, 10, posting).result == "created")
    await house.close()
  }
}

@Suite struct `Reading on a person's behalf` {
  private func token(
    of person: PersonID, _ scope: String, purpose: String = "account.read", in house: LedgerHouse
  ) -> TransactionToken {
    TransactionToken(
      id: TransactionID(bits: .random(in: 1 ... .max)), subject: "\(person)", clientID: "app",
      scopes: Scope.set(scope) ?? [], purpose: purpose,
      correlation: house.process.context.newCorrelation(), method: "GET", target: "/v1/accounts",
      bodyDigest: Array(repeating: 0, count: 32), context: [:],
      presenters: ["gateway", "payments"], issuedAt: house.clock.now())
  }

  @Test func `opens to a client that acts for itself its own accounts, never a person's`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let client = "\(ClientID(bits: 7))"
    let account = NewAccount(
      id: AccountID(bits: 900), currency: try People.eur(0).currency, code: 2,
      owner: ClientOwner.reference(of: client))
    _ = try await house.ask(
      "operator", LedgerOperations.createAccounts, NewAccounts(accounts: [account]))
    // The second client's id reads like Ada's: its accounts would be others.
    for (client, ids) in [(client, [account.id]), ("\(People.ada)", [])] {
      let token = TransactionToken(
        id: TransactionID(bits: .random(in: 1 ... .max)), subject: client, clientID: client,
        scopes: Scope.set("accounts:read") ?? [], purpose: "account.read",
        correlation: house.process.context.newCorrelation(), method: "GET",
        target: "/v1/accounts", bodyDigest: Array(repeating: 0, count: 32), context: [:],
        presenters: ["gateway", "payments"], issuedAt: house.clock.now())
      let accounts = try await house.ask(
        "payments", LedgerOperations.listOwnAccounts, Nothing(), token: token)
      #expect(accounts.accounts.map(\.id) == ids)
    }
    await house.close()
  }

  @Test func `opens what is the token's subject's, and nothing else`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let path = ["id": "\(People.adasAccount)"]
    let balance = "accounts:balance:read"
    let own = try await house.ask(
      "payments", LedgerOperations.getOwnAccount, Nothing(), path: path,
      token: token(of: People.ada, balance, in: house))
    #expect(own.balance == 10_000)
    let transfers = try await house.ask(
      "payments", LedgerOperations.listOwnTransfers, Nothing(), path: path,
      token: token(of: People.ada, "accounts:read", in: house))
    #expect(transfers.transfers.count == 1)
    let accounts = try await house.ask(
      "payments", LedgerOperations.listOwnAccounts, Nothing(),
      token: token(of: People.bob, "accounts:read", in: house))
    #expect(accounts.accounts.map(\.id) == [People.bobsAccount])

    let table: [(String, TransactionToken?)] = [
      ("transaction-token-missing", nil),
      ("not-found", token(of: People.bob, balance, in: house)),
      (
        "transaction-token-purpose",
        token(of: People.ada, balance, purpose: "payment.create", in: house)
      ),
      ("insufficient-scope", token(of: People.ada, "payments:read", in: house)),
    ]
    for (slug, token) in table {
      let refusal = await house.refusal {
        _ = try await house.ask(
          "payments", LedgerOperations.getOwnAccount, Nothing(), path: path, token: token)
      }
      #expect(refusal == slug)
    }
    let foreign = await house.refusal {
      _ = try await house.ask(
        "payments", LedgerOperations.listOwnTransfers, Nothing(), path: path,
        token: token(of: People.bob, "accounts:read", in: house))
    }
    #expect(foreign == "not-found")
    for refusal in [
      await house.refusal {
        _ = try await house.ask("payments", LedgerOperations.getAccount, Nothing(), path: path)
      },
      await house.refusal {
        _ = try await house.ask(
          "payments", LedgerOperations.listAccounts, Nothing(), query: ["owner": "\(People.ada)"])
      },
      await house.refusal {
        _ = try await house.ask("payments", LedgerOperations.listTransfers, Nothing(), path: path)
      },
    ] {
      #expect(refusal == "edge-not-declared")
    }
    await house.close()
  }
}
