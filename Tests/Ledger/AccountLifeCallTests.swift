import AuditAPI
import Chassis
import LedgerAPI
import Storage
import StrictJSON
import Testing
import Vocabulary

// An account's life by the ledger's own calls: the operator's, and those that payments makes for whoever manages accounts.

@Suite struct `An account's life` {
  private func order(_ account: AccountID, _ change: AccountAction) -> AccountChangeOrder {
    AccountChangeOrder(account: account, change: change)
  }

  private func records(_ house: LedgerHouse) async throws -> [AuditRecord] {
    try await house.process.context.outbox.batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }
  }

  private func transfer(_ id: UInt128, _ amount: Int64) throws -> NewTransfer {
    NewTransfer(
      id: TransferID(bits: id), amount: try People.eur(amount), from: People.adasAccount,
      to: People.bobsAccount, code: 1)
  }

  @Test func `is frozen, thawed and closed by the operator, each on record`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let operation = LedgerOperations.changeAccount
    let frozen = try await house.ask("operator", operation, order(People.adasAccount, .freeze))
    #expect(frozen.changed && frozen.account.state == .frozen)
    let again = try await house.ask("operator", operation, order(People.adasAccount, .freeze))
    #expect(!again.changed)
    #expect(try await house.post([transfer(20, 5)]) == ["debit_account_frozen"])
    let full = await house.refusal {
      _ = try await house.ask("operator", operation, order(People.adasAccount, .close))
    }
    #expect(full == "account-not-empty")
    let none = await house.refusal {
      _ = try await house.ask("operator", operation, order(AccountID(bits: 0xee), .freeze))
    }
    #expect(none == "account-not-found")
    _ = try await house.ask("operator", operation, order(People.adasAccount, .thaw))
    // A refused id stays free: nothing was made under it.
    #expect(try await house.post([transfer(21, 10_000)]) == ["created"])
    let closed = try await house.ask("operator", operation, order(People.adasAccount, .close))
    #expect(closed.account.state == .closed && closed.account.flags.contains(.closed))
    let told = try await records(house).filter {
      $0.operation == "changeAccount" && $0.kind == .money
    }
    #expect(told.map(\.outcome) == ["frozen", "refused", "refused", "thawed", "closed"])
    #expect(told.first?.detail["account"] == "\(People.adasAccount)")
    #expect(told.allSatisfy { $0.caller == "operator" })
    await house.close()
  }

  @Test func `stands in the books over a restart`() async throws {
    let left = try await LedgerHouse.left { house in
      _ = try await house.ask(
        "operator", LedgerOperations.changeAccount, order(People.adasAccount, .freeze))
    }
    let house = try await left.reopen()
    let account = try await house.ask(
      "operator", LedgerOperations.getAccount, Nothing(), path: ["id": "\(People.adasAccount)"])
    #expect(account.state == .frozen)
    #expect(try await house.post([transfer(20, 5)]) == ["debit_account_frozen"])
    await house.close()
  }
}

@Suite struct `Managing accounts by a token` {
  /// Nobody is a manager by the shipped policies, so these are refused by the policies at the latest: what is tested is
  /// what the ledger itself refuses before them.
  private func token(
    _ context: [String: String], purpose: String = "account.manage",
    scope: String = "accounts:manage", in house: LedgerHouse
  ) -> TransactionToken {
    TransactionToken(
      id: TransactionID(bits: .random(in: 1 ... .max)), subject: "\(People.ada)", clientID: "app",
      scopes: Scope.set(scope) ?? [], purpose: purpose,
      correlation: house.process.context.newCorrelation(), method: "POST",
      target: "/v1/managed/account-changes", bodyDigest: Array(repeating: 0, count: 32),
      context: context, presenters: ["gateway", "payments"], issuedAt: house.clock.now())
  }

  @Test func `is refused to an account holder, without a token, and for another purpose or scope`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let context = ["account": "\(People.adasAccount)", "change": "thaw"]
    let table: [(String, TransactionToken?)] = [
      ("transaction-token-missing", nil),
      ("transaction-token-purpose", token(context, purpose: "account.read", in: house)),
      ("insufficient-scope", token(context, scope: "accounts:read", in: house)),
      ("policy-refused", token(context, in: house)),
    ]
    for (slug, token) in table {
      let refusal = await house.refusal {
        _ = try await house.ask(
          "payments", LedgerOperations.changeManagedAccount,
          AccountChangeOrder(account: People.adasAccount, change: .thaw), token: token)
      }
      #expect(refusal == slug)
    }
    let edge = await house.refusal {
      _ = try await house.ask(
        "payments", LedgerOperations.changeAccount,
        AccountChangeOrder(account: People.adasAccount, change: .thaw))
    }
    #expect(edge == "edge-not-declared")
    await house.close()
  }
}
