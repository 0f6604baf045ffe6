import Chassis
import LedgerAPI
import TestKit
import Testing
import Vocabulary

/// Bugs that other ledgers had, each tried on ours as its finder did: over mutual TLS, on a real store.
@Suite struct `A bug that another ledger had` {
  private static func pending(_ id: UInt128, _ amount: Int64) throws -> NewTransfer {
    var hold = NewTransfer(
      id: TransferID(bits: id), amount: try People.eur(amount), from: People.adasAccount,
      to: People.bobsAccount, code: 1)
    hold.flags = [.pending]
    return hold
  }

  private static func end(
    _ id: UInt128, of hold: UInt128, _ flag: TransferFlag, _ amount: Int64? = nil
  ) -> NewTransfer {
    var end = NewTransfer(id: TransferID(bits: id))
    end.pendingID = TransferID(bits: hold)
    end.amount = amount
    end.flags = [flag]
    return end
  }

  /// The answers of many who call at the same time: a result, or a refusal's slug.
  private func atOnce(
    _ count: Int, _ call: @escaping @Sendable (Int) async throws -> String
  ) async -> [String] {
    await withTaskGroup(of: String.self) { group in
      for number in 0..<count {
        group.addTask {
          do {
            return try await call(number)
          } catch { return (error as? Problem)?.slug ?? "\(error)" }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  /// blnkfinance/blnk issue 182: a hold above the balance was rejected, then committed by its first id.
  @Test func `a rejected hold cannot be posted (blnk 182)`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let tooMuch = try house.newHold(10, 10_001)
    let rejected = await house.refusal { _ = try await house.hold(tooMuch) }
    #expect(rejected == "exceeds-credits")
    let posted = await house.refusal {
      _ = try await house.end(LedgerOperations.postHold, 10, HoldPosting(id: TransferID(bits: 11)))
    }
    #expect(posted == "pending-transfer-not-found")
    // Nor where both come in one batch, nor after a voiding, which rejects as well.
    let results = try await house.post([
      Self.pending(20, 10_001), Self.end(21, of: 20, .postPending), Self.pending(30, 100),
      Self.end(31, of: 30, .voidPending), Self.end(32, of: 30, .postPending),
    ])
    #expect(
      results == [
        "exceeds_credits", "pending_transfer_not_found", "created", "created",
        "pending_transfer_already_voided",
      ])
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    await house.close()
  }

  /// LerianStudio/midaz issue 1519: two commits of one pending transaction, sent together, both took effect.
  @Test func `one hold is not posted by two who ask at the same time (midaz 1519)`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    for round in 0..<8 as Range<UInt128> {
      let hold = 1_000 * (round + 1)
      _ = try await house.hold(house.newHold(hold, 100))
      let answers = await atOnce(2) { number in
        let id = TransferID(bits: hold + 1 + UInt128(number))
        return try await house.end(LedgerOperations.postHold, hold, HoldPosting(id: id)).result
      }
      #expect(answers.sorted() == ["created", "pending-transfer-already-posted"])
    }
    #expect(try await house.balances() == [9_200, 9_200, 800, 800])
    await house.close()
  }

  @Test func `one id twice in a batch moves money once, and other content is named`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let transfer = try `A batch over the mesh`.transfer(10, 100)
    var other = transfer
    other.amount = 200
    for (batch, expected) in [
      ([transfer, transfer, other], ["created", "exists", "exists_with_different_amount"]),
      ([other, transfer], ["exists_with_different_amount", "exists"]),
    ] {
      #expect(try await house.post(batch) == expected)
    }
    #expect(try await house.balances() == [10_000, 10_000, 100, 100])
    await house.close()
  }

  /// formancehq/ledger issue 364: under load a duplicate was answered with success and nothing in it.
  @Test func `a duplicate under load is answered with what the first one made (formance 364)`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let hold = try house.newHold(10, 1_000)
    let token = house.token(for: hold)
    let holds = await atOnce(64) { _ in
      let answer = try await house.hold(hold, token)
      return "\(answer.result) \(answer.transfer.id == hold.id) \(answer.transfer.amount)"
    }
    #expect(holds.count { $0 == "created true 1000" } == 1)
    #expect(holds.count { $0 == "exists true 1000" } == 63)
    let transfer = try `A batch over the mesh`.transfer(20, 5)
    let results = await atOnce(64) { _ in try await house.post([transfer]).joined() }
    #expect(results.count { $0 == "created" } == 1)
    #expect(results.count { $0 == "exists" } == 63)
    // And while others post other transfers, with the same id for other content.
    let mixed = await atOnce(64) { number in
      var own = transfer
      if number % 2 == 0 {
        own.id = TransferID(bits: 100 + UInt128(number))
      } else {
        own.amount = 6
      }
      return try await house.post([own]).joined()
    }
    #expect(mixed.count { $0 == "created" } == 32)
    #expect(mixed.count { $0 == "exists_with_different_amount" } == 32)
    #expect(try await house.balances() == [10_000, 9_000, 165, 165])
    await house.close()
  }

  /// A balance that is read, judged and then written lets two spend what one has.
  @Test func `many who spend one balance at the same time do not overdraw it`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let answers = await atOnce(64) { number in
      let transfer = NewTransfer(
        id: TransferID(bits: 100 + UInt128(number)), amount: try People.eur(1_000),
        from: People.adasAccount, to: People.bobsAccount, code: 1)
      return try await house.post([transfer]).joined()
    }
    #expect(answers.count { $0 == "created" } == 10)
    #expect(answers.count { $0 == "exceeds_credits" } == 54)
    #expect(try await house.balances() == [0, 0, 10_000, 10_000])
    let trial = try await house.ask("operator", LedgerOperations.getTrialBalance, Nothing())
    #expect(trial.balanced)
    await house.close()
  }

  @Test func `a hold is not captured above its amount, at once or bit by bit`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let results = try await house.post([
      Self.pending(10, 1_000), Self.end(11, of: 10, .postPending, 1_001),
      Self.end(12, of: 10, .postPending, 600), Self.end(13, of: 10, .postPending, 400),
    ])
    #expect(
      results == [
        "created", "exceeds_pending_transfer_amount", "created", "pending_transfer_already_posted",
      ])
    _ = try await house.hold(house.newHold(20, 1_000))
    func capture(_ id: UInt128, _ units: Int64) async -> String? {
      await house.refusal {
        _ = try await house.end(
          LedgerOperations.postHold, 20,
          HoldPosting(id: TransferID(bits: id), amount: People.eur(units)))
      }
    }
    #expect(await capture(24, 600) == nil)
    #expect(await capture(25, 1) == "pending-transfer-already-posted")
    #expect(try await house.balances() == [8_800, 8_800, 1_200, 1_200])
    await house.close()
  }
}
