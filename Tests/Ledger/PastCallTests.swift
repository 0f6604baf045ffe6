import LedgerAPI
import TestKit
import Testing
import Vocabulary

@Suite struct `The past over the mesh` {
  private func account(
    _ house: LedgerHouse, _ query: [String: String] = [:]
  ) async throws -> LedgerAccount {
    try await house.ask(
      "operator", LedgerOperations.getAccount, Nothing(), path: ["id": "\(People.adasAccount)"],
      query: query)
  }

  @Test func `has the holds that were open then, after they were posted and after they expired`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let before = house.clock.now()
    house.wait(.seconds(1))
    _ = try await house.hold(house.newHold(10, 1_000, seconds: 60))
    _ = try await house.hold(house.newHold(11, 500))
    house.wait(.seconds(30))
    let held = house.clock.now()
    house.wait(.seconds(31))
    _ = try await house.end(LedgerOperations.postHold, 11, HoldPosting(id: TransferID(bits: 12)))
    let now = try await account(house)
    #expect([now.balance, now.available] == [9_500, 9_500])
    #expect(now.asOfSequence == nil)
    for (moment, expected) in [(before, [10_000, 10_000]), (held, [10_000, 8_500])]
      as [(Instant, [Int64])]
    {
      let then = try await account(house, ["as_of": "\(moment)"])
      #expect([then.balance, then.available] == expected)
      let trial = try await house.ask(
        "operator", LedgerOperations.getTrialBalance, Nothing(), query: ["as_of": "\(moment)"])
      #expect(trial.balanced && trial.asOfSequence == then.asOfSequence)
      #expect(trial.currencies.first?.debitsPending == "\(expected[0] - expected[1])")
    }
    let afterFirst = try await account(house, ["as_of_sequence": "2"])
    #expect([afterFirst.balance, afterFirst.available] == [10_000, 9_000])
    await house.close()
  }

  @Test func `is refused by name where it cannot be told`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let moment = "\(house.clock.now())"
    for (query, slug) in [
      (["as_of": "yesterday"], "malformed-request"),
      (["as_of_sequence": "0"], "malformed-request"),
      (["as_of": moment, "as_of_sequence": "1"], "malformed-request"),
      (["as_of": "2200-01-01T00:00:00Z"], "as-of-not-yet"),
      (["as_of_sequence": "2"], "as-of-not-yet"),
      (["as_of": "2001-01-01T00:00:00Z"], "not-found"),
      (["as_of": moment, "owner": "\(People.bob)"], "not-found"),
    ] {
      #expect(await house.refusal { _ = try await account(house, query) } == slug, "\(query)")
    }
    for query in [[:], ["payment_id": "\(PaymentID(bits: 1))", "correlation_id": "0"]] {
      let refused = await house.refusal {
        _ = try await house.ask(
          "operator", LedgerOperations.findTransfers, Nothing(), query: query)
      }
      #expect(refused == "malformed-request")
    }
    await house.close()
  }

  @Test func `is found by payment, by correlation and by span of time, page by page`() async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let moments = try await (0..<3).asyncMap { minute in
      house.wait(.seconds(60))
      let begun = house.clock.now()
      let transfers = try (0..<4).map { number in
        var transfer = try `A batch over the mesh`.transfer(100 + minute * 10 + number, 1)
        transfer.paymentID = PaymentID(bits: UInt128(number + 1))
        transfer.correlationID = CorrelationID(bits: UInt128(minute + 1))
        return transfer
      }
      _ = try await house.post(transfers)
      return begun
    }
    func ids(_ query: [String: String]) async throws -> [Int] {
      var (seen, query) = ([Int](), query)
      repeat {
        let page = try await house.ask(
          "operator", LedgerOperations.findTransfers, Nothing(),
          query: query.merging(["limit": "2"]) { $1 })
        seen += page.transfers.map { Int($0.id.bits) }
        query["after"] = page.next
      } while query["after"] != nil
      return seen
    }
    #expect(try await ids(["payment_id": "\(PaymentID(bits: 2))"]) == [101, 111, 121])
    let correlation = try #require(CorrelationID(bits: 2))
    #expect(try await ids(["correlation_id": "\(correlation)"]) == [110, 111, 112, 113])
    #expect(try await ids(["payment_id": "\(PaymentID(bits: 99))"]) == [])
    for (order, expected) in [("oldest", [110, 111, 112]), ("newest", [113, 112, 111])] {
      let page = try await house.ask(
        "operator", LedgerOperations.listTransfers, Nothing(),
        path: ["id": "\(People.bobsAccount)"],
        query: [
          "from": "\(moments[1])", "until": "\(moments[2])", "limit": "3", "order": order,
        ])
      #expect(page.transfers.map { Int($0.id.bits) } == expected)
      let rest = try await house.ask(
        "operator", LedgerOperations.listTransfers, Nothing(),
        path: ["id": "\(People.bobsAccount)"],
        query: [
          "from": "\(moments[1])", "until": "\(moments[2])", "after": try #require(page.next),
          "order": order,
        ])
      #expect(rest.transfers.count == 1 && rest.next == nil)
    }
    await house.close()
  }
}

extension Range<Int> {
  fileprivate func asyncMap<Value>(_ body: (Int) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for number in self { values.append(try await body(number)) }
    return values
  }
}
