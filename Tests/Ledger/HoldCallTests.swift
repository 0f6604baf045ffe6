import AuditAPI
import Chassis
import LedgerAPI
import PolicyBundles
import PolicyEngine
import Storage
import StrictJSON
import TestKit
import Testing
import Vocabulary

@Suite struct `A hold over the mesh` {
  @Test func `is made on a token that says the same, posted, and told to audit`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let hold = try house.newHold(10, 1_250)
    let made = try await house.hold(hold)
    #expect(made.result == "created")
    #expect(made.transfer.hold?.phase == .open)
    #expect(try await house.balances() == [10_000, 8_750, 0, 0])
    // Another token, the same hold: the payment is tried again.
    #expect(try await house.hold(hold).result == "exists")

    let posting = HoldPosting(id: TransferID(bits: 11))
    #expect(try await house.end(LedgerOperations.postHold, 10, posting).result == "created")
    #expect(try await house.end(LedgerOperations.postHold, 10, posting).result == "exists")
    #expect(try await house.balances() == [8_750, 8_750, 1_250, 1_250])
    let stored = try await house.ask(
      "operator", LedgerOperations.getTransfer, Nothing(), path: ["id": "\(hold.id)"])
    #expect(stored.hold == HoldState(phase: .posted, resolvedBy: posting.id))

    let records = try await house.process.context.outbox.batch(of: AuditOperations.topic).messages
      .map {
        try StrictJSON.decode(AuditRecord.self, from: $0.body)
      }.filter { $0.kind == .money }
    #expect(records.map(\.outcome) == ["opened", "posted", "held", "posted"])
    #expect(records.allSatisfy { $0.flaw == nil })
    #expect(records[2].subject == "\(People.ada)")
    #expect(records[2].detail["amount_minor_units"] == "1250")
    #expect(records[3].detail["hold"] == "\(hold.id)")
    await house.close()
  }

  @Test func `is not posted along with it by a caller who may not post`() async throws {
    let house = try await LedgerHouse(mayPost: false)
    try await house.moveIn()
    var hold = try house.newHold(10, 1_250)
    hold.posting = TransferID(bits: 11)
    let posting = hold
    #expect(await house.refusal { _ = try await house.hold(posting) } == "edge-not-declared")
    hold.posting = nil
    #expect(try await house.hold(hold).result == "created")
    await house.close()
  }

  @Test func `is not posted along with it while policies keep postings shut`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let draft = try PolicyDraft.shipped("closed", ["ledger/postHold": .string("investigation")])
    try TestPolicies.put(try TestPolicies.release(draft, version: 2), into: house.place.home)
    for _ in 0..<500 where house.process.context.policy.version != 2 {
      try await Task.sleep(for: .milliseconds(10))
    }
    var hold = try house.newHold(10, 1_250)
    hold.posting = TransferID(bits: 11)
    let posting = hold
    #expect(await house.refusal { _ = try await house.hold(posting) } == "policy-refused")
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    hold.posting = nil
    #expect(try await house.hold(hold).result == "created")
    await house.close()
  }

  @Test func `is posted at the same moment where the call says so, and told as one event`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let posting = TransferID(bits: 11)
    var hold = try house.newHold(10, 1_250)
    hold.posting = posting
    let made = try await house.hold(hold)
    #expect(made.result == "created" && made.transfer.id == hold.id)
    #expect(made.transfer.hold == HoldState(phase: .posted, resolvedBy: posting))
    #expect(try await house.balances() == [8_750, 8_750, 1_250, 1_250])
    let again = try await house.hold(hold)
    #expect(again.result == "exists" && again.transfer.hold == made.transfer.hold)
    let records = try await house.process.context.outbox.batch(of: AuditOperations.topic).messages
      .map { try StrictJSON.decode(AuditRecord.self, from: $0.body) }.filter { $0.kind == .money }
    #expect(records.map(\.outcome) == ["opened", "posted", "posted"])
    #expect(records[2].detail["hold"] == "\(hold.id)")
    #expect(records[2].detail["transfer"] == "\(posting)")

    // What was held before stays as it is, whatever the call says now.
    var earlier = try house.newHold(20, 100)
    _ = try await house.hold(earlier)
    earlier.posting = TransferID(bits: 21)
    #expect(try await house.hold(earlier).transfer.hold?.phase == .open)
    // A posting that cannot be leaves the hold, which can be posted by another.
    var odd = try house.newHold(30, 200)
    odd.posting = posting
    #expect(try await house.hold(odd).transfer.hold?.phase == .open)
    #expect(try await house.balances() == [8_750, 8_450, 1_250, 1_250])
    // A hold that is refused posts nothing.
    var dear = try house.newHold(40, 10_000)
    dear.posting = TransferID(bits: 41)
    #expect(await house.refusal { _ = try await house.hold(dear) } == "exceeds-credits")
    #expect(try await house.balances() == [8_750, 8_450, 1_250, 1_250])
    await house.close()
  }

  @Test func `is refused by name where the token does not allow exactly it`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let hold = try house.newHold(10, 1_250)
    let other = AccountID(bits: 77)
    let table: [(String, TransactionToken)] = [
      ("authorized-for-different-amount", house.token(for: hold) { $0["amount"] = "1249" }),
      ("authorized-for-different-currency", house.token(for: hold) { $0["currency"] = "JPY" }),
      ("authorized-for-different-debtor", house.token(for: hold) { $0["debtor"] = "\(other)" }),
      ("authorized-for-different-creditor", house.token(for: hold) { $0["creditor"] = "\(other)" }),
      ("debit-account-not-owned-by-subject", house.token(for: hold, subject: People.bob)),
      ("transaction-token-context", house.token(for: hold) { $0["amount"] = nil }),
      ("transaction-token-context", house.token(for: hold) { $0["amount"] = "1e3" }),
      ("transaction-token-purpose", house.token(for: hold, purpose: "payment.read")),
    ]
    for (slug, token) in table {
      let refusal = await house.refusal { _ = try await house.hold(hold, token) }
      #expect(refusal == slug)
    }
    let without = await house.refusal {
      _ = try await house.ask("payments", LedgerOperations.createHold, hold)
    }
    #expect(without == "transaction-token-missing")
    let operatorsOwn = await house.refusal {
      _ = try await house.ask(
        "operator", LedgerOperations.createHold, hold, token: house.token(for: hold))
    }
    #expect(operatorsOwn == "edge-not-declared")
    for seconds in [Int64.min, -1, 0, LedgerLimits.personHoldSecondsMax + 1, 31_622_400] {
      let endless = try house.newHold(11, 1_250, seconds: seconds)
      #expect(await house.refusal { _ = try await house.hold(endless) } == "timeout-out-of-range")
    }
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    await house.close()
  }

  @Test func `is made once for each token, however often and however fast it is shown`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let answers = await withTaskGroup(of: String.self) { group in
      for id in 10..<30 as Range<Int> {
        group.addTask {
          do {
            let hold = try house.newHold(UInt128(id), 100)
            return try await house.hold(hold, house.token(for: hold, transaction: 5)).result
          } catch { return (error as? Problem)?.slug ?? "\(error)" }
        }
      }
      return await group.reduce(into: [String]()) { $0.append($1) }
    }
    #expect(answers.count { $0 == "created" } == 1)
    #expect(answers.count { $0 == "authorization-already-used" } == 19)
    #expect(try await house.balances() == [10_000, 9_900, 0, 0])
    await house.close()
  }

  @Test func `is ended once by many who try at the same time, and they share commits`() async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    _ = try await house.hold(house.newHold(10, 1_000))
    let before = house.process.context.store.counts
    let answers = await withTaskGroup(of: String.self) { group in
      for number in 0..<40 {
        group.addTask {
          do {
            let id = TransferID(bits: UInt128(100 + number))
            return number % 2 == 0
              ? try await house.end(LedgerOperations.postHold, 10, HoldPosting(id: id)).result
              : try await house.end(LedgerOperations.voidHold, 10, HoldVoiding(id: id)).result
          } catch { return (error as? Problem)?.slug ?? "\(error)" }
        }
      }
      return await group.reduce(into: [String]()) { $0.append($1) }
    }
    #expect(answers.count { $0 == "created" } == 1)
    #expect(
      answers.count {
        $0 == "pending-transfer-already-posted" || $0 == "pending-transfer-already-voided"
      } == 39)
    let after = house.process.context.store.counts
    let (writes, commits) = (after.writes - before.writes, after.commits - before.commits)
    print("ledger: \(writes) writes in \(commits) commits")
    #expect(commits < writes)
    await house.close()
  }

  @Test func `gives the money back by itself when its time has passed`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    _ = try await house.hold(house.newHold(10, 1_000, seconds: 600))
    #expect(try await house.balances() == [10_000, 9_000, 0, 0])
    house.wait(.seconds(601))
    var phase: HoldState.Phase?
    for _ in 0..<60 where phase != .expired {
      try await Task.sleep(for: .milliseconds(100))
      phase = try await house.ask(
        "operator", LedgerOperations.getTransfer, Nothing(),
        path: ["id": "\(TransferID(bits: 10))"]
      ).hold?.phase
    }
    #expect(phase == .expired)
    #expect(try await house.balances() == [10_000, 10_000, 0, 0])
    let late = await house.refusal {
      _ = try await house.end(
        LedgerOperations.postHold, 10, HoldPosting(id: TransferID(bits: 11)))
    }
    #expect(late == "pending-transfer-expired")
    await house.close()
  }

  @Test func `is captured in part, and never above or in another currency`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    _ = try await house.hold(house.newHold(10, 1_000))
    let id = TransferID(bits: 11)
    let above = await house.refusal {
      _ = try await house.end(
        LedgerOperations.postHold, 10, HoldPosting(id: id, amount: People.eur(1_001)))
    }
    #expect(above == "exceeds-pending-transfer-amount")
    let yen = try Money(minorUnits: 1_000, currency: #require(Currency("JPY")))
    let other = await house.refusal {
      _ = try await house.end(LedgerOperations.postHold, 10, HoldPosting(id: id, amount: yen))
    }
    #expect(other == "pending-transfer-has-different-currency")
    _ = try await house.end(
      LedgerOperations.postHold, 10, HoldPosting(id: id, amount: People.eur(999)))
    #expect(try await house.balances() == [9_001, 9_001, 999, 999])
    await house.close()
  }
}
