import Chassis
import LedgerAPI
import NIOCore
import Payments
import PaymentsAPI
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.serialized, .onEachStore) struct `A statement` {
  private static let target = "/v1/accounts/\(PaymentsHouse.adasAccount)/transfers"

  private func lines(
    _ house: PaymentsHouse, _ query: String
  ) async throws -> [StatementLine] {
    var (seen, next) = ([StatementLine](), "")
    repeat {
      let page = try await house.read(
        Statement.self, "\(Self.target)?\(query)" + (next.isEmpty ? "" : "&after=\(next)"),
        scope: "accounts:read")
      seen += page.lines
      next = page.next ?? ""
    } while !next.isEmpty
    return seen
  }

  @Test func `tells the balance after each line, and what its owner wrote, page by page`()
    async throws
  {
    let house = try await PaymentsHouse()
    for units in 1...6 as ClosedRange<Int64> {
      let reference = units == 3 ? "for the roof" : nil
      _ = try await house.pay(.init(units: units, key: "k\(units)", reference: reference))
    }
    _ = try await house.pay(
      .init(
        units: 2, key: "back", person: PaymentsHouse.bob, debtor: PaymentsHouse.bobsAccount,
        creditor: PaymentsHouse.adasAccount, reference: "thanks"))
    for limit in [1, 3, 200] {
      let lines = try await lines(house, "limit=\(limit)")
      #expect(lines.map(\.amount.minorUnits) == [2, -6, -5, -4, -3, -2, -1, 10_000])
      var balance = Int64(0)
      for line in lines.reversed() {
        balance += line.amount.minorUnits
        #expect(line.balance?.minorUnits == balance)
      }
      #expect(try await house.balance()[0] == balance)
      // What Bob wrote is Bob's.
      #expect(lines.map(\.reference) == [nil, nil, nil, nil, "for the roof", nil, nil, nil])
    }
    await house.close()
  }

  @Test func `is of a span of time, and of booked days`() async throws {
    let house = try await PaymentsHouse()
    let today = house.clock.now().day
    func day(_ days: Int) -> String {
      CivilDate(daysSinceEpoch: today.daysSinceEpoch + days).description
    }
    let begun = house.clock.now()
    let booked = try [nil, -400, -2, 3].enumerated().map { place, days in
      var transfer = NewTransfer(
        id: TransferID(bits: UInt128(100 + place)),
        amount: try PaymentsHouse.eur(1 << Int64(place)), from: PaymentsHouse.vault,
        to: PaymentsHouse.adasAccount, code: 1)
      transfer.bookedOn = days.map(day)
      return transfer
    }
    try await house.post(booked)
    func units(_ query: String) async throws -> [Int64] {
      try await lines(house, "limit=2&" + query).map(\.amount.minorUnits)
    }
    #expect(try await units("from=\(begun)") == [8, 4, 2, 1])
    #expect(try await units("until=\(begun)") == [10_000])
    #expect(try await units("booked_from=\(day(-2))&booked_until=\(day(-2))") == [4])
    #expect(try await units("booked_until=\(day(-1))") == [4, 2])
    #expect(try await units("booked_from=\(day(1))") == [8])
    #expect(try await units("booked_from=\(day(0))&from=\(begun)") == [8, 1])
    // Balances are those of the account, also where lines between are not shown.
    let back = try await lines(house, "booked_until=\(day(-1))")
    #expect(back.map { $0.balance?.minorUnits } == [10_007, 10_003])
    await house.close()
  }

  @Test func `names what it does not know instead of leaving it out`() async throws {
    let house = try await PaymentsHouse()
    for (query, field) in [
      ("?since=1", "since"), ("?limit=1&zebra=1&ant=2", "ant"), ("?From=x", "From"),
      ("?from=yesterday", "from"), ("?booked_from=2026-02-30", "booked_from"),
      ("?booked_from=2026-02-02&booked_until=2026-02-01", "booked_until"),
      ("?movements=false", "movements"), ("?owner=\(PaymentsHouse.bob)", "owner"),
    ] {
      let answer = try await house.get(Self.target + query, scope: "accounts:read")
      #expect(answer.status == 400, "\(query)")
      #expect(answer.json?["field"]?.string == field, "\(query)")
    }
    for target in ["/v1/payments?from=1", "/v1/activity?after=1"] {
      #expect(try await house.get(target).status == 400, "\(target)")
    }
    await house.close()
  }

  @Test func `accounts come page by page, all of them`() async throws {
    let house = try await PaymentsHouse()
    let currency = try PaymentsHouse.eur(0).currency
    let more = (0..<205).map {
      NewAccount(
        id: AccountID(bits: UInt128(0xc000 + $0)), currency: currency, code: 2,
        owner: PaymentsHouse.ada)
    }
    try await house.open(more)
    for limit in ["", "limit=3"] {
      var (seen, next) = ([AccountID](), "")
      repeat {
        let query = [limit, next.isEmpty ? "" : "after=\(next)"].filter { !$0.isEmpty }
        let page = try await house.read(
          OwnAccounts.self, "/v1/accounts?" + query.joined(separator: "&"), scope: "accounts:read")
        seen += page.accounts.map(\.id)
        #expect(page.next == nil || Int(page.next ?? "") == nil)
        next = page.next ?? ""
      } while !next.isEmpty
      #expect(seen == [PaymentsHouse.adasAccount] + more.map(\.id))
    }
    let page = try await house.read(
      OwnAccounts.self, "/v1/accounts?limit=1", scope: "accounts:read")
    let foreign = try await house.get(
      "/v1/accounts?after=\(page.next ?? "")", by: PaymentsHouse.bob, scope: "accounts:read")
    #expect(foreign.status == 404)
    await house.close()
  }
}

@Suite(.serialized, .onEachStore) struct `A payment that is only tried` {
  private func body(_ units: Int64, _ creditor: AccountID = PaymentsHouse.bobsAccount) throws
    -> [UInt8]
  {
    try StrictJSON.encode(
      NewPayment(
        amount: PaymentsHouse.eur(units), debtor: PaymentsHouse.adasAccount, creditor: creditor))
  }

  @Test func `passes every check, moves nothing, and leaves the key for the payment`() async throws
  {
    let house = try await PaymentsHouse()
    let tried = try await house.post(
      try body(10_000), key: "k", query: "?dry_run=true", units: 10_000)
    #expect(tried.status == 200 && tried.json?["dry_run"] == .bool(true))
    #expect(try await house.balance() == [10_000, 10_000])
    #expect(try await house.read(PaymentPage.self, "/v1/payments").payments.isEmpty)
    #expect(try await house.read(Activity.self, "/v1/activity").entries.isEmpty)

    let poor = try await house.post(
      try body(10_001), key: "k", query: "?dry_run=true", units: 10_001)
    #expect(poor.status == 409 && poor.slug == "exceeds-credits")
    #expect(poor.json?["payment"] == nil)
    let zero = try await house.post(try body(0), key: "k", query: "?dry_run=true", units: 0)
    #expect(zero.status == 400 && zero.slug == "amount-zero")
    // The token must allow what is tried, as it must for the payment.
    let unsaid = try await house.post(try body(1), key: "k", query: "?dry_run=true")
    #expect(unsaid.status == 403 || unsaid.status == 409, "\(unsaid.status)")
    let word = try await house.post(try body(1), key: "k", query: "?dry_run=yes", units: 1)
    #expect(word.status == 400 && word.json?["field"]?.string == "dry_run")

    let paid = try await house.post(try body(5), key: "k", units: 5)
    #expect(paid.status == 201 && paid.headers["idempotent-replayed"] == nil)
    #expect(try await house.balance() == [9_995, 9_995])
    await house.close()
  }
}

@Suite(.serialized, .onEachStore) struct `The key of a payment` {
  @Test func `is the request's, whatever its spelling, and is left by what is malformed`()
    async throws
  {
    let house = try await PaymentsHouse()
    let (debtor, creditor) = (PaymentsHouse.adasAccount, PaymentsHouse.bobsAccount)
    func post(_ text: String, _ key: String = "k") async throws -> WireResponse {
      try await house.post(Array(text.utf8), key: key, units: 7)
    }
    func order(_ units: String, _ rest: String = "") -> String {
      #"{"amount":{"minor_units":\#(units),"currency":"EUR"},"debtor":"\#(debtor)","creditor":"\#(creditor)"\#(rest)}"#
    }
    for wrong in ["{", order("0"), order("-7"), order("9007199254740993"), order("7", #","x":1"#)] {
      #expect(try await post(wrong).status == 400, "\(wrong)")
    }
    let first = try await post(order("7"))
    #expect(first.status == 201)
    let spelled = #"""
      { "creditor": "\#(creditor)", "reference": null, "debtor": "\#(debtor)",
        "amount": {"currency": "\u0045UR", "minor_units": 7} }
      """#
    let again = try await post(spelled)
    #expect(again.status == 201 && again.headers["idempotent-replayed"] == "true")
    #expect(again.body == first.body)
    let other = try await post(order("8"))
    #expect(other.status == 409)
    #expect(other.json?["first"] == first.json?["id"])
    #expect(try await house.balance() == [9_993, 9_993])
    await house.close()
  }
}
