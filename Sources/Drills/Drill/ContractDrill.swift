import AuditAPI
import Demo
import Foundation
import PaymentsAPI
import Launcher
import StrictJSON
import Vocabulary

/// G4: the published contract is the wall. What it does not name is refused at the door, and no service hears of it.
package enum ContractDrill {
  package static let drill = Drill(
    name: "contracts",
    promise:
      "G4: nothing goes in that the published OpenAPI document does not name, and no service sees what was refused.",
    attacks: [mutants, parameters])

  private static let mutants = Attack(
    "mutants", steps: "change a good payment in every way that the contract forbids",
    expectation: "400 at the door, and payments hears of none"
  ) { range in
    let good = try payment(range)
    let bodies = wrong(good)
    var askings = bodies.map { Asking("POST", PaymentsOperations.createPayment.path, $0.body) }
    // The good one comes last: when payments tells of it, it would have told of the others.
    askings.append(
      Asking("POST", PaymentsOperations.createPayment.path + "?dry_run=true", text(good)))
    return try await sighting(range, askings, named: bodies.map(\.name))
  }

  private static let parameters = Attack(
    "parameters", steps: "send query items and path parameters that the contract does not name",
    expectation: "400 at the door, and payments hears of none"
  ) { range in
    let targets = [
      "/v1/payments?limit=0", "/v1/payments?limit=201", "/v1/payments?limit=1e1",
      "/v1/payments?limit=1&limit=2", "/v1/payments?colour=red", "/v1/payments?after=%00",
      "/v1/payments/1", "/v1/payments/\(UUID().uuidString)x",
      "/v1/accounts/x/balance", "/v1/accounts/\(range.bank.residents[0].account)/balance?x=1",
    ]
    return try await sighting(
      range, (targets + ["/v1/payments?limit=1"]).map { Asking("GET", $0, "") }, named: targets)
  }

  // MARK: what is asked

  private struct Asking {
    let method: String
    let target: String
    let body: String
    init(_ method: String, _ target: String, _ body: String) {
      (self.method, self.target, self.body) = (method, target, body)
    }
  }

  /// Sends all of them; the last is good, the others are not.
  private static func sighting(
    _ range: DrillRange, _ askings: [Asking], named names: [String]
  ) async throws -> Sighting {
    let token = try await range.tokens(of: 0).accessToken
    var answers: [DrillRange.Answer] = []
    for asking in askings { answers.append(try await send(asking, token, range)) }
    guard let control = answers.popLast(), control.status == 200 else {
      return .notTried("the good request was not answered with 200")
    }
    for _ in 0..<100 where try await !isHeard(control, range) {
      try await Task.sleep(for: .milliseconds(100))
    }
    guard try await isHeard(control, range) else {
      return .notTried("payments did not tell of the good request")
    }
    var through: [String] = []
    for (name, answer) in zip(names, answers) {
      if answer.status != 400 {
        through.append("\(name): \(answer.text)")
      } else if try await isHeard(answer, range) {
        through.append("\(name): payments heard of it")
      }
    }
    guard through.isEmpty else { return .breach(through.prefix(5).joined(separator: "; ")) }
    return .held(
      "\(answers.count) of \(answers.count) refused with 400 at the door",
      recordedAs: answers.first?.correlation)
  }

  private static func send(
    _ asking: Asking, _ token: String, _ range: DrillRange
  ) async throws -> DrillRange.Answer {
    let key = asking.method == "POST" ? [(Header.idempotencyKey, range.newKey())] : []
    for _ in 0..<60 {
      let answer = try await range.ask(
        asking.method, asking.target, token: token, headers: key, body: Array(asking.body.utf8))
      guard answer.status == 429 else { return answer }
      try await Task.sleep(for: .milliseconds(250))
    }
    throw DemoFailure("throttled for 15 s")
  }

  private static func isHeard(_ answer: DrillRange.Answer, _ range: DrillRange) async throws -> Bool
  {
    guard let correlation = answer.correlation else { return false }
    let page = try await range.desk.call(
      AuditOperations.findRecords, Nothing(),
      query: ["correlation": "\(correlation)", "limit": "20"])
    return page.records.contains { $0.record.service == PaymentsOperations.createPayment.service }
  }

  // MARK: what is wrong

  private static func payment(_ range: DrillRange) throws -> [String: JSON] {
    [
      "amount": ["minor_units": 7, "currency": .string("\(range.bank.currency)")],
      "debtor": .string("\(range.bank.residents[0].account)"),
      "creditor": .string("\(range.bank.residents[1].account)"), "reference": "drill",
    ]
  }

  private static func text(_ members: [String: JSON]) -> String {
    String(decoding: JSON.object(members).canonicalBytes, as: UTF8.self)
  }

  private static func wrong(_ good: [String: JSON]) -> [(name: String, body: String)] {
    var bodies: [(name: String, body: String)] = []
    func add(_ name: String, _ change: (inout [String: JSON]) -> Void) {
      var members = good
      change(&members)
      bodies.append((name, text(members)))
    }
    let currency = good["amount"]?["currency"] ?? .null
    for name in ["amount", "debtor", "creditor"] {
      add("without \(name)") { $0[name] = nil }
      let wrongs: [JSON] = [.null, true, 1, [], [:], "x", "\u{0}"]
      for value in wrongs { add("\(name) as \(value)") { $0[name] = value } }
    }
    let amounts: [JSON] = [0, -1, .number(1.5), "7", 9_007_199_254_740_992, .null, [7]]
    for value in amounts {
      add("\(value) minor units") {
        $0["amount"] = .object(["minor_units": value, "currency": currency])
      }
    }
    for value in ["EURO", "eur", "XXX", "", "EUR "] as [JSON] {
      add("currency \(value)") { $0["amount"] = .object(["minor_units": 7, "currency": value]) }
    }
    let references: [JSON] = [
      "", .string(String(repeating: "x", count: 141)), "a\nb", "a\u{202e}b",
    ]
    for value in references { add("reference") { $0["reference"] = value } }
    add("a member more") { $0["approved"] = true }
    add("a member more in the amount") {
      $0["amount"] = .object(["minor_units": 7, "currency": currency, "scale": 2])
    }
    let whole = text(good)
    let twice = whole.dropLast() + #","reference":"other"}"#
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    for (name, body) in [
      ("a member twice", String(twice)), ("behind the end", whole + "{}"),
      ("a comma too many", whole.dropLast() + ",}"), ("no JSON", "amount=7"), ("depth", deep),
      ("an array", "[\(whole)]"), ("half of it", String(whole.prefix(whole.count / 2))),
    ] {
      bodies.append((name, body))
    }
    return bodies
  }
}
