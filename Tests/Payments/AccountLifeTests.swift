import Chassis
import LedgerAPI
import Payments
import PaymentsAPI
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.serialized, .onEachStore) struct `An account's life through payments` {
  private static let manager = PersonID(bits: 0xc1)
  private static let accounts = "/v1/managed/accounts"

  private func open(
    _ house: PaymentsHouse, key: String, product: UInt16 = 2, owner: PersonID = PaymentsHouse.ada,
    by person: PersonID = manager, context: [String: String]? = nil
  ) async throws -> WireResponse {
    let currency = try PaymentsHouse.eur(0).currency
    return try await house.manage(
      "POST", Self.accounts,
      NewManagedAccount(
        product: product, currency: currency, owner: owner, limit: .debitsMustNotExceedCredits),
      context: context ?? ["owner": "\(owner)", "currency": "EUR"], key: key, by: person)
  }

  private func change(
    _ house: PaymentsHouse, _ account: AccountID, _ change: ManagedAccountChange.Change,
    key: String, named: AccountID? = nil
  ) async throws -> WireResponse {
    try await house.manage(
      "POST", "/v1/managed/account-changes", ManagedAccountChange(account: account, change: change),
      context: ["account": "\(named ?? account)", "change": change.rawValue], key: key,
      by: Self.manager)
  }

  @Test func `begins once for each key, and is shown to its manager and its owner`() async throws {
    let house = try await PaymentsHouse(manager: Self.manager)
    let first = try await open(house, key: "new")
    #expect(first.status == 201)
    let account = try first.decoded(ManagedAccount.self)
    #expect(account.state == .open && account.product == 2 && account.owner == PaymentsHouse.ada)
    let again = try await open(house, key: "new")
    #expect(try again.decoded(ManagedAccount.self) == account)
    #expect(again.headers["idempotent-replayed"] == "true")
    #expect(try await open(house, key: "new", product: 3).status == 409)
    let other = try await open(house, key: "other").decoded(ManagedAccount.self)
    #expect(other.id != account.id)
    let listed = try await house.manage(
      "GET", "\(Self.accounts)?owner=\(PaymentsHouse.ada)", by: Self.manager)
    #expect(
      try listed.decoded(ManagedAccounts.self).accounts.map(\.id)
        == [PaymentsHouse.adasAccount, account.id, other.id])
    let own = try await house.read(OwnAccounts.self, "/v1/accounts", scope: "accounts:read")
    #expect(own.accounts.map(\.id).contains(account.id))
    let zero = try await open(house, key: "zero", product: 0)
    #expect(zero.status == 400 && zero.json?["field"]?.string == "/product")
    await house.close()
  }

  @Test func `may be managed by a client that acts for itself`() async throws {
    let house = try await PaymentsHouse(manager: Self.manager)
    let context = ["account": "\(PaymentsHouse.bobsAccount)", "change": "freeze"]
    let order = ManagedAccountChange(account: PaymentsHouse.bobsAccount, change: .freeze)
    let frozen = try await house.manage(
      "POST", "/v1/managed/account-changes", order, context: context, key: "f", by: Self.manager,
      client: "\(Self.manager)")
    #expect(try frozen.decoded(ManagedAccount.self).state == .frozen)
    await house.close()
  }

  @Test func `stops money while it is frozen, and tells a payer nothing of it`() async throws {
    let house = try await PaymentsHouse(manager: Self.manager)
    let frozen = try await change(house, PaymentsHouse.bobsAccount, .freeze, key: "f")
    #expect(try frozen.decoded(ManagedAccount.self).state == .frozen)
    let paid = try await house.pay(10, key: "to-frozen")
    #expect(paid.status == 409 && paid.slug == "payment-not-possible")
    let shown = try await house.manage(
      "GET", "\(Self.accounts)/\(PaymentsHouse.bobsAccount)", by: Self.manager)
    #expect(try shown.decoded(ManagedAccount.self).state == .frozen)
    #expect(try await change(house, PaymentsHouse.bobsAccount, .thaw, key: "t").status == 200)
    #expect(try await house.pay(10, key: "to-thawed").status == 201)
    let full = try await change(house, PaymentsHouse.bobsAccount, .close, key: "c")
    #expect(full.status == 409 && full.slug == "account-not-empty")
    let empty = try await open(house, key: "empty").decoded(ManagedAccount.self)
    let closed = try await change(house, empty.id, .close, key: "c2")
    #expect(try closed.decoded(ManagedAccount.self).state == .closed)
    let refrozen = try await change(house, empty.id, .freeze, key: "f2")
    #expect(refrozen.status == 409 && refrozen.slug == "account-already-closed")
    await house.close()
  }

  @Test func `is nobody's whom the policies do not name, and no other account's than the token's`()
    async throws
  {
    let house = try await PaymentsHouse(manager: Self.manager)
    let holder = try await open(house, key: "mine", by: PaymentsHouse.ada)
    #expect(holder.status == 403 && holder.slug == "policy-refused")
    let narrow = try await house.manage(
      "GET", "\(Self.accounts)/\(PaymentsHouse.bobsAccount)", by: Self.manager,
      scope: "accounts:read")
    #expect(narrow.status == 403)
    // What a payments service that was taken over would send along.
    let other = try await change(
      house, PaymentsHouse.bobsAccount, .freeze, key: "x", named: PaymentsHouse.adasAccount)
    #expect(other.status == 403 && other.slug == "transaction-token-context")
    let owner = try await open(
      house, key: "y", owner: PaymentsHouse.bob,
      context: ["owner": "\(PaymentsHouse.ada)", "currency": "EUR"])
    #expect(owner.status == 403 && owner.slug == "transaction-token-context")
    await house.close()
  }
}
