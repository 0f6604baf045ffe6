import Demo
import Chassis
import Foundation
import Launcher
import NIOCore
import PaymentsAPI
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

/// Whole stories on the real platform: real processes, certificates, stores, kills.
@Suite(.serialized) struct `The platform as a stranger meets it` {
  @Test func `comes up, pays once however often it is asked, survives kills, and proves it all`()
    async throws
  {
    let platform = try RunningPlatform()
    let up = try await platform.up()
    try #require(up.exitCode == 0, "\(up.output)")
    do {
      try await told("a second up") { try await secondUpSaysSo(platform) }
      try await told("the demo, twice") { try await demoTwice(platform) }
      try await told("a bank's standing orders") { try await bankCustomersPay(platform) }
      let person = try await Payer(platform)
      try await told("bad input") { try await badInputIsNamed(person) }
      try await told("fifty presses") { try await fiftyPressesOnePayment(person) }
      try await told("kills") { try await killsLoseNothing(platform, person) }
      try await told("personal data") { try await nothingPersonalOutsideCustomers(platform) }
      try await told("the log") { try await logIsWhole(platform) }
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }

  /// A chapter of the story; says how long it took, since stories on real processes are long.
  private func told(_ chapter: String, _ body: () async throws -> Void) async throws {
    let clock = ContinuousClock()
    let duration = try await clock.measure(body)
    print("\(chapter): \(duration.components.seconds) s")
  }

  private func secondUpSaysSo(_ platform: RunningPlatform) async throws {
    let again = try await platform.up()
    #expect(again.exitCode != 0 && again.output.contains("runs already"), "\(again.output)")
    let status = try await platform.command("status")
    #expect(status.exitCode == 0, "\(status.output)")
  }

  private func demoTwice(_ platform: RunningPlatform) async throws {
    for _ in 0..<2 {
      let demo = try await platform.command("demo", "--json")
      try #require(demo.exitCode == 0, "\(demo.output)")
      let told = try JSON.parse(Array(demo.output.utf8.prefix { $0 != 0x0a }))
      #expect(told["receipt_verified"] == .bool(true) && told["payments"]?.integer == 40)
    }
  }

  /// The standing orders of 500 accounts of a real bank (testdata fraud/berka), each with its payer's own token.
  private func bankCustomersPay(_ platform: RunningPlatform) async throws {
    guard let bytes = try Testdata.file("fraud/berka/order.csv") else { return }
    let people = 500
    var numbers: [Substring: Int] = [:]
    var lines: [String] = []
    for row in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).dropFirst()
    {
      let cells = row.split(separator: ";", omittingEmptySubsequences: false)
      guard cells.count >= 5 else { continue }
      if numbers[cells[1]] == nil, numbers.count == people { continue }
      let payer = numbers[cells[1], default: numbers.count]
      numbers[cells[1]] = payer
      // Crowns with two decimals become minor units without passing through a floating-point number.
      guard let minorUnits = Int64(cells[4].filter { $0 != "." }), minorUnits > 0 else { continue }
      let payee = (payer + 1 + lines.count % (people - 1)) % people
      lines.append("\(payer);\(payee);\(minorUnits);standing order")
    }
    let file = platform.home + "/orders.txt"
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
    let demo = try await platform.command(
      "demo", "--json", "--residents", "\(people)", "--seed", "7", "--orders", file)
    try #require(demo.exitCode == 0, "\(demo.output)")
    let told = try JSON.parse(Array(demo.output.utf8.prefix { $0 != 0x0a }))
    print(
      "Berka: \(told["payments"]?.integer ?? 0) of \(lines.count) standing orders of \(numbers.count) accounts paid"
    )
    #expect(told["payments"]?.integer == Int64(lines.count))
    // Back to the bank whose login the other tests use.
    let back = try await platform.command("demo", "--json")
    try #require(back.exitCode == 0, "\(back.output)")
  }

  private func badInputIsNamed(_ person: Payer) async throws {
    let (own, other) = (person.login.account, person.others[0])
    func body(_ amount: String, currency: String = "EUR", to creditor: AccountID) -> String {
      #"{"amount":{"minor_units":\#(amount),"currency":"\#(currency)"},"debtor":"\#(own)","creditor":"\#(creditor)"}"#
    }
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    let table: [(String, Range<Int>)] = [
      ("{", 400..<401), (deep, 400..<401),
      (body("1", to: other).replacing("{\"amount\"", with: "{\"shoe\":1,\"amount\""), 400..<423),
      (
        body("1", to: other).replacing("{\"amount\"", with: "{\"debtor\":\"x\",\"amount\""),
        400..<401
      ),
      (body("0", to: other), 400..<423), (body("-5", to: other), 400..<423),
      (body("9007199254740992", to: other), 400..<423), (body("1.5", to: other), 400..<423),
      (body("1", currency: "XXX", to: other), 400..<423), (body("1", to: own), 400..<423),
      (body("900719925474099", to: other), 400..<423),
      (String(repeating: " ", count: 70_000), 413..<414),
    ]
    for (number, (body, statuses)) in table.enumerated() {
      let answer = try await person.send(body, key: "bad-\(number)")
      #expect(statuses.contains(answer.status), "\(answer.status) for \(body.prefix(80))")
      #expect(answer.headers["correlation-id"] != nil)
    }
    let foreign = try await person.send(
      #"{"amount":{"minor_units":1,"currency":"EUR"},"debtor":"\#(other)","creditor":"\#(own)"}"#,
      key: "foreign")
    #expect((400..<500).contains(foreign.status), "a foreign account paid: \(foreign.status)")
  }

  private func fiftyPressesOnePayment(_ person: Payer) async throws {
    let before = try await person.balance()
    let order = try person.order(250)
    let answers = await withTaskGroup(of: WireResponse?.self) { group in
      for _ in 0..<50 { group.addTask { try? await person.fresh().send(order, key: "fifty") } }
      return await group.reduce(into: [WireResponse]()) { if let answer = $1 { $0.append(answer) } }
    }
    let paid = answers.filter { $0.status == 201 }
    #expect(paid.count == 50)
    #expect(Set(paid.map { String(buffer: $0.body) }).count == 1)
    #expect(try await person.balance() == before - 250)
    let other = try await person.send(person.order(251), key: "fifty")
    #expect(other.status == 409)
  }

  /// `kill -9` of every service in turn while a person pays and tries again with the same key until told.
  private func killsLoseNothing(_ platform: RunningPlatform, _ person: Payer) async throws {
    let before = try await person.balance()
    var paid: Int64 = 0
    var killed: [(service: String, pid: Int32)] = []
    for (round, service) in ["payments", "ledger", "audit", "gateway", "identity"].enumerated() {
      for number in 0..<4 {
        let key = "kill-\(round)-\(number)"
        async let answer = person.persist(person.order(100), key: key)
        if number == 1 {
          let pid = try #require(try platform.pid(of: service), "\(service) has no launch record")
          try await Task.sleep(for: .milliseconds(5 * round))
          try #require(kill(pid, SIGKILL) == 0)
          killed.append((service, pid))
        }
        #expect(try await answer == 201, "\(service) killed, \(key)")
        paid += 100
      }
    }
    #expect(try await person.balance() == before - paid)
    for (service, pid) in killed {
      let now = try await platform.pid(of: service, otherThan: pid)
      #expect(now != nil, "\(service) was not started again")
    }
  }

  /// The seeded people's data stands in the customers' store (sealed) and nowhere else, in no spelling.
  private func nothingPersonalOutsideCustomers(_ platform: RunningPlatform) async throws {
    guard let bank = DemoSeeding.bank(seed: DemoSeeding.defaultSeed, residents: 8) else { return }
    let words = bank.residents.flatMap { [$0.familyName, $0.login, $0.phone, $0.birthDate] }
    let needles = words.flatMap { word -> [(String, Data)] in
      let clear = Array(word.utf8)
      return [
        (word, Data(clear)), (word, Data(Data(clear).base64EncodedString().prefix(8).utf8)),
        (word, Data(hexText(clear).utf8)), (word, Data(clear.flatMap { [$0, 0] })),
      ]
    }
    var searched = 0
    let files = FileManager.default.enumerator(atPath: platform.home)
    while let name = files?.nextObject() as? String {
      guard name != "demo.json", !Home.isProgram(name),
        let bytes = FileManager.default.contents(atPath: platform.home + "/" + name)
      else { continue }
      searched += 1
      for (word, needle) in needles where bytes.range(of: needle) != nil {
        Issue.record("\(name) holds \(word)")
      }
    }
    #expect(searched > 20)
  }

  private func logIsWhole(_ platform: RunningPlatform) async throws {
    let copy = platform.home + "/log-copy"
    var sound: RunningPlatform.Outcome?
    // A log that grows while it is copied lacks what was replaced meanwhile; it comes to rest soon.
    for _ in 0..<10 where sound?.exitCode != 0 {
      try await Task.sleep(for: .seconds(1))
      try? FileManager.default.removeItem(atPath: copy)
      do {
        try FileManager.default.copyItem(atPath: platform.home + "/data/audit/log", toPath: copy)
      } catch {
        // A draft was gone by the time it should have been copied.
        continue
      }
      sound = try await platform.command("audit", "verify", "--log", copy)
    }
    #expect(sound?.exitCode == 0, "\(sound?.output ?? "")")
    let tile = try #require(
      FileManager.default.enumerator(atPath: copy)?.compactMap { $0 as? String }.sorted()
        .first {
          $0.contains("tile/entries/") && !$0.hasSuffix(".p") && Self.isFile("\(copy)/\($0)")
        })
    var bytes = try Data(contentsOf: URL(filePath: "\(copy)/\(tile)"))
    bytes[bytes.count / 2] ^= 1
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: "\(copy)/\(tile)")
    try bytes.write(to: URL(filePath: "\(copy)/\(tile)"))
    let flipped = try await platform.command("audit", "verify", "--log", copy)
    #expect(flipped.exitCode != 0, "one flipped bit in \(tile) was not seen: \(flipped.output)")
  }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }
}
