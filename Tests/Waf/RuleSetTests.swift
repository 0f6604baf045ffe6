import Firewall
import Foundation
import TestKit
import Testing

/// The rules of this machine in the real library.
enum Rules {
  static let folder = "/usr/share/modsecurity-crs"
  /// As it is shipped.
  static let first = Result { try RuleSet(RuleSettings(folder: folder, paranoia: 1)) }
  static let fourth = Result { try RuleSet(RuleSettings(folder: folder, paranoia: 4)) }

  /// What the gateway would send of a payment with this reference.
  static func request(_ text: String) -> InspectedRequest {
    var request = InspectedRequest(method: "POST", target: "/v1/payments")
    request.fields = [
      ("Host", "localhost"), ("Accept", "*/*"), ("User-Agent", "strongroom"),
      ("Content-Length", "0"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }
    request.arguments = [(Array("reference".utf8), Array(text.utf8))]
    return request
  }

  static func score(_ findings: RuleSet.Findings) -> Int {
    findings.matches.reduce(0) { $0 + ($1.severity?.score ?? 0) }
  }
}

@Suite struct `The Core Rule Set as it is shipped` {
  @Test(arguments: [
    ("' or 1=1 --", 942_100), ("1 union select password from users", 942_190),
    ("<script>alert(1)</script>", 941_110), ("../../../../etc/passwd", 930_120),
    ("; cat /etc/passwd", 932_100), ("<?php system('id'); ?>", 933_100),
  ])
  func `finds an attack, and says where and by which rule`(text: String, rule: Int) throws {
    let findings = try Rules.first.get().inspect(Rules.request(text))
    #expect(findings.matches.contains { $0.rule == rule && $0.place == "ARGS:reference" })
    #expect(Rules.score(findings) >= 5)
  }

  @Test func `tells nothing of what was written but its shape`() throws {
    let text = "Geheim' or 4711=4711 --"
    let findings = try Rules.first.get().inspect(Rules.request(text))
    #expect(!findings.matches.isEmpty)
    for match in findings.matches {
      #expect(!match.shape.contains("Geheim") && !match.shape.contains("47"), "\(match)")
      #expect(match.shape.count <= 24)
    }
  }

  /// Each was written by somebody who meant no harm.
  @Test(arguments: [
    "Rent for November", "O'Brien", "Sinéad O'Connor & D'Arcy Ltd.", "select committee",
    "Select Committee on Banking: fees, order 12", "Invoice 12-2026 (50 %)", "Invoice #4711/2026",
    "Müller & Söhne GmbH", "Thanks! :-)", "1 + 1 = 2", "Drop in at the table sale",
    "Union dues, where due", "order by phone", "Update: delete from list", "Rate 3 of 12; final",
    "C/O Smith, Flat 3", "50% off \"summer sale\"", "R&D – Q4", "AT&T bill", "a=b?", "x < y",
    "Grant from the Union of select workers", "and/or as agreed", "Script for the play",
    "Zahlung für Straße 7", "家賃 11月", "إيجار نوفمبر", "Аренда за ноябрь", "1=1", "Johnson's baby",
    "rock 'n' roll", "Order 66; table 4", "ref:2026-11-30T10:00", "john@example.org",
    "https://example.org/invoice/12", "DE89 3704 0044 0532 0130 00", "+44 1632 960001",
  ])
  func `refuses nothing that people write`(text: String) throws {
    let findings = try Rules.first.get().inspect(Rules.request(text))
    #expect(Rules.score(findings) < 5, "\(findings.matches)")
  }

  @Test func `adds up what the rules themselves add up, each rule once`() throws {
    let texts = ["' or 1=1 --", "<script>alert(1)</script>", "Rent", "a'b\"c;d|e", "../../x"]
    for text in texts {
      let findings = try Rules.first.get().inspect(Rules.request(text))
      #expect(Rules.score(findings) == findings.total, "\(text): \(findings.matches)")
      // A rule may count once for each text in which it matches.
      let stricter = try Rules.fourth.get().inspect(Rules.request(text))
      #expect(Rules.score(stricter) <= stricter.total, "\(text): \(stricter.matches)")
    }
  }

  @Test func `is refused where there are no rules, or a file of rules has a fault`() throws {
    #expect(throws: RuleSetFault.self) { try RuleSettings(folder: "/nowhere", paranoia: 1) }
    let scratch = FileManager.default.temporaryDirectory.appending(path: "rules-\(UUID())")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    try Data("SecRule ARGS \"@nonsense\" \"id:1\"\n".utf8)
      .write(to: scratch.appending(path: "REQUEST-942-X.conf"))
    let settings = try RuleSettings(folder: scratch.path(percentEncoded: false), paranoia: 1)
    #expect(throws: RuleSetFault.self) { try RuleSet(settings) }
  }

  @Test func `counts an expression that does not come to its end as an attack`() throws {
    let scratch = FileManager.default.temporaryDirectory.appending(path: "rules-\(UUID())")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    let rule = #"SecRule ARGS "@rx ^(a+)+$" "id:4711,phase:2,pass,log,severity:2""# + "\n"
    try Data(rule.utf8)
      .write(to: scratch.appending(path: "REQUEST-942-X.conf"))
    let rules = try RuleSet(
      RuleSettings(folder: scratch.path(percentEncoded: false), paranoia: 1))
    let began = ContinuousClock.now
    let findings = try rules.inspect(Rules.request(String(repeating: "a", count: 60) + "!"))
    #expect(findings.matches.map(\.rule) == [RuleMatch.unfinished])
    #expect(ContinuousClock.now - began < .seconds(2))
  }
}

/// Labelled values of HttpParamsDataset, as the value of one text: what is found, and what is found that is none.
@Suite struct `The labelled parameters` {
  @Test func `are told apart at the level that is shipped`() throws {
    guard let bytes = try Testdata.file("waf/httpparams/payload_full.csv") else { return }
    let rules = try Rules.first.get()
    var (seen, found) = ([String: Int](), [String: Int]())
    let cases = LabelledValues.read(bytes)
    // All of them take half a minute; every fifth says as much.
    for (at, one) in cases.enumerated() where at % 5 == 0 || one.kind == "cmdi" {
      seen[one.kind, default: 0] += 1
      if Rules.score(try rules.inspect(Rules.request(one.value))) >= 5 {
        found[one.kind, default: 0] += 1
      }
    }
    for (kind, count) in seen.sorted(by: { $0.key < $1.key }) {
      print("httpparams \(kind): \(found[kind, default: 0]) of \(count) score 5 or more")
    }
    func share(_ kind: String) -> Double {
      Double(found[kind, default: 0]) / Double(max(seen[kind, default: 0], 1))
    }
    #expect(share("sqli") > 0.95 && share("xss") > 0.9)
    #expect(share("path-traversal") > 0.4 && share("cmdi") > 0.4)
    #expect(share("norm") < 0.01)
  }
}

/// `"payload","length","attack_type","label"`, with quotes doubled inside quotes.
private struct LabelledValues {
  let value: String
  let kind: String

  static func read(_ bytes: [UInt8]) -> [LabelledValues] {
    let text = String(decoding: bytes, as: UTF8.self)
    var rows: [[String]] = []
    var (row, cell, isQuoted) = ([String](), "", false)
    var rest = text.unicodeScalars.makeIterator()
    var next = rest.next()
    while let scalar = next {
      next = rest.next()
      switch scalar {
      case "\"" where isQuoted && next == "\"":
        cell.unicodeScalars.append("\"")
        next = rest.next()
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: (row, cell) = (row + [cell], "")
      case "\n" where !isQuoted:
        rows.append(row + [cell])
        (row, cell) = ([], "")
      case "\r" where !isQuoted: break
      default: cell.unicodeScalars.append(scalar)
      }
    }
    return rows.dropFirst().filter { $0.count == 4 }.map {
      LabelledValues(value: $0[0], kind: $0[2])
    }
  }
}
