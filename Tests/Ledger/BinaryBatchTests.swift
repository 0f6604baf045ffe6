import Chassis
import Foundation
import LedgerAPI
import LedgerBook
import TestKit
import Testing
import Transport
import Vocabulary

@Suite struct `A binary batch` {
  private static let checkout = #filePath.components(separatedBy: "/Tests/")[0]

  /// The code blocks of BINARY.md that are marked with this word, or with none.
  private static func blocks(_ word: String) throws -> [[Substring]] {
    let path = "\(checkout)/Sources/Contracts/LedgerAPI/BINARY.md"
    let parts = try String(contentsOfFile: path, encoding: .utf8).split(separator: "```")
    return parts.indices.filter { $0 % 2 == 1 }.compactMap { index in
      let lines = parts[index].split(separator: "\n", omittingEmptySubsequences: false)
      return lines.first == Substring(word) ? lines.dropFirst().filter { !$0.isEmpty } : nil
    }
  }

  private static func hex(_ lines: [Substring]) throws -> [UInt8] {
    try lines.flatMap { line in
      let text = line.components(separatedBy: "   ")[0]
      return try #require(bytes(hex: text.replacing(" ", with: "")))
    }
  }

  private static var example: NewTransfer {
    get throws {
      var transfer = NewTransfer(
        id: try #require(TransferID("0193501d-7b00-7a3c-9d2e-000000000010")),
        amount: try People.eur(1_250),
        from: try #require(AccountID("0193501d-7b00-7a3c-9d2e-0000000000b2")),
        to: try #require(AccountID("0193501d-7b00-7a3c-9d2e-0000000000a1")), code: 1)
      transfer.bookedOn = "2026-11-20"
      transfer.timeoutSeconds = 600
      transfer.flags = [.linked, .pending]
      return transfer
    }
  }

  @Test func `is what its documentation and the example in Python say`() throws {
    let hex = try Self.blocks("hex")
    let batch = try BinaryBatch.encode(NewTransfers(transfers: [try Self.example]))
    #expect(try Self.hex(hex[0]) == batch)
    #expect(try BinaryBatch.transferResults(Self.hex(hex[1])) == ["linked_event_chain_open"])
    let answer = BinaryBatch.encode(transferResults: [3])
    #expect(try Self.hex(hex[1]) == answer)
    #expect(try Self.python([]) == hexText(batch))
    #expect(try Self.python(answer) == "3")
  }

  private static func python(_ input: [UInt8]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["\(checkout)/Examples/ledger-batch.py"]
    let (stdin, stdout) = (Pipe(), Pipe())
    process.standardInput = stdin
    process.standardOutput = stdout
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input))
    try stdin.fileHandleForWriting.close()
    let text = String(decoding: stdout.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.replacing(" ", with: "").replacing("\n", with: "")
  }

  @Test func `has one code for each result, documented and never given twice`() throws {
    let documented = try Self.blocks("").map { block in
      block.map { $0.split(separator: " ").map(String.init) }
    }
    for (codes, refusals, block) in [
      (ResultCodes.transfers, TransferRefusal.allCases.map(\.rawValue), documented.count - 2),
      (ResultCodes.accounts, AccountRefusal.allCases.map(\.rawValue), documented.count - 1),
    ] {
      #expect(codes.prefix(2) == ["created", "exists"])
      #expect(Set(codes) == Set(["created", "exists"] + refusals))
      #expect(Set(codes).count == codes.count)
      #expect(documented[block] == codes.enumerated().map { ["\($0)", $1] })
    }
  }

  @Test func `has the book's flags`() throws {
    let batch = try BinaryBatch.encode(
      NewTransfers(
        transfers: TransferFlag.allCases.map { flag in
          var transfer = NewTransfer(id: TransferID(bits: 1))
          transfer.flags = Flags([flag])
          return transfer
        }))
    let all: [TransferFlags] = [
      .linked, .pending, .postPending, .voidPending, .balancingDebit, .balancingCredit,
      .closingDebit, .closingCredit,
    ]
    #expect(try BinaryBatch.transfers(batch).map(\.flags) == all.map(\.rawValue))
  }

  /// Each changes one thing in a batch of two; the field is what the refusal must name.
  static let faults: [(field: String, change: @Sendable (inout [UInt8]) -> Void)] = [
    ("/head/magic", { $0[0] = 0x54 }),
    ("/head/magic", { $0 = [] }),
    ("/head/magic", { $0.removeLast($0.count - 15) }),
    ("/head/version", { $0[4] = 2 }),
    ("/head/kind", { $0[6] = 2 }),
    ("/head/count", { $0[8] = 0 }),
    ("/head/count", { $0[8] = 3 }),
    ("/head/count", { $0[11] = 0xff }),
    ("/head/count", { $0.append(0) }),
    ("/head/count", { $0.removeLast() }),
    ("/head/reserved", { $0[12] = 1 }),
    ("/transfers/1/booked_on", { $0[16 + 128 + 111] = 0xff }),
    ("/transfers/1/currency", { $0[16 + 128 + 115] = 0xff }),
    ("/transfers/1/flags", { $0[16 + 128 + 117] = 1 }),
    ("/transfers/0/reserved", { $0[16 + 118] = 1 }),
    ("/transfers/1/reserved", { $0[16 + 128 + 127] = 0x80 }),
  ]

  @Test(arguments: faults.indices)
  func `is refused by record and field where it is not well formed`(fault: Int) throws {
    var bytes = try BinaryBatch.encode(
      NewTransfers(transfers: [try Self.example, try Self.example]))
    Self.faults[fault].change(&bytes)
    let refusal = #expect(throws: Problem.self) { try BinaryBatch.transfers(bytes) }
    #expect(refusal?.slug == "malformed-request")
    #expect(refusal?.fields["field"] == Self.faults[fault].field)
  }
}

@Suite struct `A binary batch over the mesh` {
  private func send(_ bytes: [UInt8], _ path: String, _ house: LedgerHouse) async throws -> Answer {
    try await house.send(
      "operator", path == "/v1/transfers" ? "createTransfers" : "createAccounts", path, bytes)
  }

  @Test func `is answered in kind, is taken at its limit and refused above it`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let full = try (0..<LedgerLimits.batchMax).map {
      try `A batch over the mesh`.transfer(1_000 + $0, 1)
    }
    let bytes = try BinaryBatch.encode(NewTransfers(transfers: full))
    let answer = try await send(bytes, "/v1/transfers", house)
    #expect(answer.headers["content-type"] == BinaryBatch.contentType)
    #expect(try BinaryBatch.transferResults(answer.body).allSatisfy { $0 == "created" })
    // The same in the other form is the same batch.
    #expect(try await house.postUntilKnown(full).allSatisfy { $0 == "exists" })
    var above = bytes
    above[8] &+= 1
    above += bytes.suffix(TransferRecord.bytes)
    let refused = await house.refusal { _ = try await send(above, "/v1/transfers", house) }
    #expect(refused == "malformed-request")
    let account = NewAccount(
      id: AccountID(bits: 0xc1), currency: try People.eur(0).currency, code: 3, owner: People.ada,
      flags: [.creditsMustNotExceedDebits])
    let accounts = try BinaryBatch.encode(NewAccounts(accounts: [account, account]))
    let opened = try await send(accounts, "/v1/accounts", house)
    #expect(try BinaryBatch.accountResults(opened.body) == ["created", "exists"])
    let found = try await house.ask(
      "operator", LedgerOperations.lookupAccounts, AccountIDs(ids: [account.id])
    ).accounts
    #expect(found.first?.flags == account.flags && found.first?.owner == People.ada)
    await house.close()
  }

  @Test func `comes to the same as its JSON, whatever is in it`() async throws {
    let seed = testSeed("binary batch")
    let randomness = Randomness.seeded(seed)
    let (first, second) = (try await LedgerHouse(), try await LedgerHouse())
    try await first.moveIn()
    try await second.moveIn()
    var seen: Set<String> = []
    for round in 0..<60 {
      let batch = (0..<24).map { _ in RandomTransfer.next(randomness, round: round) }
      let told = try await first.post(batch)
      let bytes = try BinaryBatch.encode(NewTransfers(transfers: batch))
      let answer = try await send(bytes, "/v1/transfers", second)
      let codes = try BinaryBatch.transferResults(answer.body)
      #expect(codes == told, "seed \(seed), round \(round)")
      seen.formUnion(told)
    }
    #expect(try await first.balances() == second.balances(), "seed \(seed)")
    #expect(seen.count > 15, "the batches come to few results: \(seen.sorted())")
    await first.close()
    await second.close()
  }
}

/// Transfers with little sense among few ids and accounts, so that most results come up.
enum RandomTransfer {
  static func next(_ randomness: Randomness, round: Int) -> NewTransfer {
    func below(_ count: UInt64) -> UInt64 { randomness.next() % count }
    func rarely(_ one: UInt64 = 12) -> Bool { below(one) == 0 }
    var transfer = NewTransfer(id: TransferID(bits: UInt128(100 + below(UInt64(100 + round * 20)))))
    if rarely(60) { transfer.id = TransferID(bits: below(2) == 0 ? 0 : .max) }
    let ends = rarely(3)
    if ends {
      transfer.pendingID = TransferID(bits: UInt128(100 + below(UInt64(100 + round * 20))))
      transfer.flags = [below(3) == 0 ? .voidPending : .postPending]
    } else {
      let accounts = [People.vault, People.adasAccount, People.bobsAccount, AccountID(bits: 7)]
      let first = rarely() ? 3 : Int(below(3))
      transfer.debitAccount = rarely(30) ? nil : accounts[first]
      transfer.creditAccount = rarely(30) ? nil : accounts[rarely() ? first : (first + 1) % 3]
      transfer.currency = rarely(20) ? Currency("JPY") : Currency("EUR")
      transfer.code = rarely(20) ? 0 : 1
      var flags: Set<TransferFlag> = []
      if rarely(3) { flags.insert(.pending) }
      if rarely(8) { flags.insert(below(2) == 0 ? .balancingDebit : .balancingCredit) }
      transfer.flags = Flags(flags)
      if rarely(4) { transfer.timeoutSeconds = rarely(6) ? -1 : Int64(below(1_000)) + 600 }
    }
    if rarely(6) { transfer.flags?.raised.insert(.linked) }
    if !ends || rarely(2) {
      transfer.amount = rarely(20) ? [0, -1, .min, .max][Int(below(4))] : Int64(1 + below(900))
    }
    if rarely(8) { transfer.bookedOn = "19\(70 + below(30))-0\(1 + below(9))-1\(below(10))" }
    if rarely(8) { transfer.paymentID = PaymentID(bits: UInt128(1 + below(9))) }
    if rarely(8) { transfer.correlationID = CorrelationID(bits: UInt128(1 + below(9))) }
    return transfer
  }
}
