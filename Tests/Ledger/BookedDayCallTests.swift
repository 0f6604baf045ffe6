import Chassis
import LedgerAPI
import Testing
import Vocabulary

@Suite struct `Booked days over the mesh` {
  private static func day(_ house: LedgerHouse, _ days: Int) -> String {
    CivilDate(daysSinceEpoch: house.clock.now().day.daysSinceEpoch + days).description
  }

  private static func transfer(_ id: Int, _ amount: Int64, _ day: String?) throws -> NewTransfer {
    var transfer = try `A batch over the mesh`.transfer(id, amount)
    transfer.bookedOn = day
    return transfer
  }

  @Test func `have balances of their own, beside those of the time of acceptance`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let days = [nil, -500, -1, 2].map { $0.map { Self.day(house, $0) } }
    _ = try await house.post(
      try days.enumerated().map { try Self.transfer(10 + $0, 1 << Int64($0), $1) })
    // A hold is booked for no day.
    _ = try await house.hold(house.newHold(30, 700))
    for (days, sum) in [(-501, 0), (-500, 2), (-2, 2), (-1, 6), (0, 7), (2, 15), (2_000_000, 15)]
      as [(Int, Int64)]
    {
      let query = ["booked_until": Self.day(house, days)]
      let account = try await house.ask(
        "operator", LedgerOperations.getAccount, Nothing(), path: ["id": "\(People.bobsAccount)"],
        query: query)
      #expect(account.balance == sum && account.creditsPending == 0, "\(days)")
      #expect(account.bookedUntil == query["booked_until"])
      let trial = try await house.ask(
        "operator", LedgerOperations.getTrialBalance, Nothing(), query: query)
      #expect(trial.balanced && trial.bookedUntil == query["booked_until"])
      let opening: Int64 = days < 0 ? 0 : 10_000
      #expect(trial.currencies.first?.debitsPosted == "\(opening + sum)", "\(days)")
      #expect(trial.currencies.first?.debitsPending == "0")
    }
    for query in [
      ["booked_until": "2026-02-30"], ["booked_until": "1969-12-31"],
      ["booked_until": Self.day(house, 0), "as_of_sequence": "1"],
    ] {
      let refused = await house.refusal {
        _ = try await house.ask(
          "operator", LedgerOperations.getTrialBalance, Nothing(), query: query)
      }
      #expect(refused == "malformed-request", "\(query)")
    }
    await house.close()
  }

  @Test func `are taken up to 31 days ahead, and the batch names the first beyond`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let near = try Self.transfer(10, 1, Self.day(house, LedgerLimits.bookedDaysAheadMax))
    let far = try Self.transfer(11, 1, Self.day(house, LedgerLimits.bookedDaysAheadMax + 1))
    do {
      _ = try await house.post([near, far])
      Issue.record("a day too far ahead was taken")
    } catch let problem as Problem {
      #expect(problem.slug == "malformed-request")
      #expect(problem.fields["field"] == "/transfers/1/booked_on")
    }
    #expect(try await house.post([near]) == ["created"])
    let body = try BinaryBatch.encode([TransferRecord(far, at: "")])
    let refused = await house.refusal {
      _ = try await house.send(
        "operator", LedgerOperations.createTransfers.id, "/v1/transfers", body)
    }
    #expect(refused == "malformed-request")
    await house.close()
  }

  @Test func `are listed from the first page to the last, also where few are wanted`() async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let wanted = Self.day(house, -40)
    _ = try await house.postUntilKnown(
      try (0..<2_500).map {
        try Self.transfer(1_000 + $0, 1, $0 % 500 == 7 ? wanted : nil)
      })
    for order in ["oldest", "newest"] {
      var (seen, query) = ([Int](), ["order": order, "limit": "2"])
      query["booked_from"] = wanted
      query["booked_until"] = wanted
      repeat {
        let page = try await house.ask(
          "operator", LedgerOperations.listTransfers, Nothing(),
          path: ["id": "\(People.bobsAccount)"], query: query)
        seen += page.transfers.map { Int($0.id.bits) }
        query["after"] = page.next
      } while query["after"] != nil
      #expect(seen.sorted() == [1_007, 1_507, 2_007, 2_507, 3_007])
      #expect(seen == (order == "oldest" ? seen.sorted() : seen.sorted().reversed()))
    }
    await house.close()
  }
}

@Suite struct `A batch that is only tried` {
  @Test func `is judged as it would be, and moves nothing`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    var first = try `A batch over the mesh`.transfer(10, 5)
    first.flags = [.linked]
    let poor = NewTransfer(
      id: TransferID(bits: 13), amount: try People.eur(8), from: People.bobsAccount,
      to: People.vault, code: 1)
    // The fourth is only possible after the third.
    let batch = [
      first, try `A batch over the mesh`.transfer(11, 0),
      try `A batch over the mesh`.transfer(12, 7),
      poor, try `A batch over the mesh`.transfer(12, 7),
    ]
    let expected = [
      "linked_event_failed", "amount_must_not_be_zero", "created", "exceeds_credits", "exists",
    ]
    for _ in 0..<2 {
      let tried = try await house.ask(
        "operator", LedgerOperations.createTransfers, NewTransfers(transfers: batch),
        query: ["dry_run": "true"])
      #expect(tried.results.map(\.result) == expected && tried.isDryRun == true)
    }
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    #expect(try await house.post(batch) == expected)
    #expect(try await house.balances() == [10_000, 10_000, 7, 7])

    let account = NewAccount(
      id: AccountID(bits: 0xee), currency: try People.eur(0).currency, code: 1)
    let opened = try await house.ask(
      "operator", LedgerOperations.createAccounts, NewAccounts(accounts: [account, account]),
      query: ["dry_run": "true"])
    #expect(opened.results.map(\.result) == ["created", "exists"] && opened.isDryRun == true)
    let found = try await house.ask(
      "operator", LedgerOperations.lookupAccounts, AccountIDs(ids: [account.id]))
    #expect(found.accounts.isEmpty)

    let hold = try house.newHold(40, 100)
    let token = house.token(for: hold)
    for _ in 0..<2 {
      let tried = try await house.ask(
        "payments", LedgerOperations.rehearseHold, hold, query: ["dry_run": "true"], token: token)
      #expect(tried.result == "created")
    }
    #expect(try await house.hold(hold, token).result == "created")
    await house.close()
  }

  @Test func `is not what an unknown query item makes of it`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    for query in [["dryrun": "true"], ["dry_run": "1"], ["dry_run": ""]] {
      let refused = await house.refusal {
        _ = try await house.ask(
          "operator", LedgerOperations.createTransfers,
          NewTransfers(transfers: [try `A batch over the mesh`.transfer(10, 5)]), query: query)
      }
      #expect(refused == "malformed-request", "\(query)")
    }
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    await house.close()
  }
}

/// Where we differ from TigerBeetle, which answers `id_already_failed`; README.md and BINARY.md say why.
@Suite struct `The id of a transfer that was refused` {
  @Test func `is not used up: sent again it is decided anew, in JSON and binary`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    func spending(_ id: UInt128, _ units: Int64) throws -> NewTransfer {
      NewTransfer(
        id: TransferID(bits: id), amount: try People.eur(units), from: People.bobsAccount,
        to: People.vault, code: 1)
    }
    func binary(_ transfer: NewTransfer) async throws -> [UInt8] {
      try await house.send(
        "operator", LedgerOperations.createTransfers.id, "/v1/transfers",
        try BinaryBatch.encode([TransferRecord(transfer, at: "")])
      ).body
    }
    let (one, two) = (try spending(50, 5), try spending(51, 6))
    #expect(try await house.post([one]) == ["exceeds_credits"])
    let code = try #require(ResultCodes.ofTransfers["exceeds_credits"])
    #expect(try await binary(two) == BinaryBatch.encode(transferResults: [code]))
    #expect(ResultCodes.ofTransfers["id_already_failed"] == nil)

    #expect(try await house.post([`A batch over the mesh`.transfer(60, 11)]) == ["created"])
    #expect(try await house.post([one]) == ["created"])
    #expect(try await binary(two) == BinaryBatch.encode(transferResults: [0]))
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    await house.close()
  }
}
