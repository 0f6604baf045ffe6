import Firewall
import Foundation
import Yams

extension ConformanceSuite {
  /// The Core Rule Set's own regression tests, through the firewall's engine with this machine's rules, at paranoia level 4 and
  /// refusing nothing: which rules match is what the cases ask for.
  static let waf = ConformanceSuite(
    "waf", "the Core Rule Set's regression tests", folder: "waf/crs-3.3.4"
  ) { folder, told in
    let rules: RuleSet
    do {
      rules = try RuleSet(
        RuleSettings(folder: WafCase.rules, paranoia: 4, for: .regressionTests))
    } catch {
      throw CaseFileError(description: "\(error)")
    }
    for file in folder.names(ending: ".yaml") {
      for one in try WafCase.all(in: String(decoding: folder.bytes(file), as: UTF8.self), file) {
        told(one.result(by: rules))
      }
    }
  }
}

/// One stage of a test in the form of FTW (framework for testing web application firewalls).
private struct WafCase {
  /// Where Debian has them.
  static let rules = "/usr/share/modsecurity-crs"

  /// Cases that libmodsecurity 3.0.9 itself decides otherwise, in nginx as here, and why.
  private static let otherwise: [(why: String, cases: Set<String>)] = [
    (
      "libmodsecurity shows XML to these rules as raw text too; the case wants a name in it not to be seen",
      [
        "944100-11", "944100-12", "944100-15", "944100-16", "944110-12", "944110-15", "944110-16",
        "944120-23", "944120-57", "944120-91", "944120-125", "944210-6", "944210-39",
      ]
    ),
    (
      "libmodsecurity reads a backslash in this rule's expression in another way than ModSecurity 2",
      ["920460-1", "920460-2", "920460-3", "920460-4", "941330-1"]
    ),
  ]

  private let id: String
  private let request: InspectedRequest
  /// Rules that must match, and rules that must not.
  private let wanted: [Int]
  private let unwanted: [Int]

  /// - Throws: `CaseFileError` where the file is not of that form.
  static func all(in text: String, _ file: String) throws -> [WafCase] {
    guard let root = try? compose(yaml: text), let tests = root["tests"]?.sequence else {
      throw CaseFileError(description: "\(file) has no tests")
    }
    var cases: [WafCase] = []
    for test in tests {
      let title = test["test_title"]?.string ?? file
      for (number, entry) in (test["stages"]?.sequence ?? []).enumerated() {
        guard let stage = entry["stage"], let input = stage["input"] else {
          throw CaseFileError(description: "\(file): \(title) has no input")
        }
        cases.append(
          WafCase(number == 0 ? title : "\(title) stage \(number + 1)", input, stage["output"]))
      }
    }
    return cases
  }

  private init(_ id: String, _ input: Node, _ output: Node?) {
    self.id = id
    let encoded = input["encoded_request"]?.string.flatMap {
      Data(base64Encoded: $0, options: .ignoreUnknownCharacters)
    }
    request = encoded.map { Self.parsed([UInt8]($0)) } ?? Self.written(input)
    wanted = Self.rules(in: output?["log_contains"])
    unwanted = Self.rules(in: output?["no_log_contains"])
  }

  func result(by rules: RuleSet) -> CaseResult {
    let expected =
      (wanted.map { "\($0)" } + unwanted.map { "not \($0)" }).joined(separator: ", ")
    guard !expected.isEmpty else {
      return CaseResult(
        id, expected: "a status", came: "-", verdict: .outOfScope,
        reason: "the status of a web server in front; ours is under 'http'")
    }
    guard let findings = try? rules.inspect(request) else {
      return CaseResult(id, expected: expected, came: "the library failed", verdict: .failed)
    }
    let found = Set(findings.matches.map(\.rule))
    let isRight = found.isSuperset(of: wanted) && found.isDisjoint(with: unwanted)
    let came = found.sorted().map { "\($0)" }.joined(separator: ", ")
    let known = isRight ? nil : Self.otherwise.first { $0.cases.contains(id) }?.why
    return CaseResult(
      id, expected: expected, came: came.isEmpty ? "none" : came,
      verdict: isRight ? .passed : known == nil ? .failed : .outOfScope, reason: known)
  }

  /// Of `id "942100"`, also where it stands as a pattern.
  private static func rules(in node: Node?) -> [Int] {
    (node?.string ?? "").matches(of: /id "(\d+)"/).compactMap { Int($0.1) }
  }

  // MARK: requests

  private static func written(_ input: Node) -> InspectedRequest {
    let uri = input["uri"]?.string ?? "/"
    var request = InspectedRequest(method: input["method"]?.string ?? "GET", target: uri)
    request.version = version(input["version"]?.string ?? "HTTP/1.1")
    for (name, value) in input["headers"]?.mapping ?? [:] {
      request.fields.append((bytes(name.string), bytes(value.string)))
    }
    request.body = bytes(
      input["data"]?.string
        ?? input["data"]?.sequence?.compactMap(\.string).joined(separator: "\r\n"))
    let isPlain = ["true", "True"].contains(input["stop_magic"]?.string ?? "")
    if !isPlain, !request.body.isEmpty { complete(&request) }
    return request
  }

  /// What the framework adds by itself: length and type, and the coding of a form that is not coded.
  private static func complete(_ request: inout InspectedRequest) {
    func value(_ name: String) -> String? {
      request.fields.first { String(decoding: $0.name, as: UTF8.self).lowercased() == name }
        .map { String(decoding: $0.value, as: UTF8.self) }
    }
    let form = "application/x-www-form-urlencoded"
    if value("content-type") == nil {
      request.fields.append((bytes("Content-Type"), bytes(form)))
    }
    if value("content-type") == form, !request.body.contains(where: { $0 == 0x25 || $0 == 0x2b }) {
      request.body = coded(request.body)
    }
    if value("content-length") == nil {
      request.fields.append((bytes("Content-Length"), bytes("\(request.body.count)")))
    }
  }

  private static func coded(_ form: [UInt8]) -> [UInt8] {
    var coded: [UInt8] = []
    for byte in form {
      let isPlain =
        unreserved.contains(byte)
        || byte < 0x80 && Character(UnicodeScalar(byte)).isLetter
        || (0x30...0x39).contains(byte)
      if isPlain { coded.append(byte) } else { coded += Array(hexadecimal(byte).utf8) }
    }
    return coded
  }

  /// And what keeps a form together.
  private static let unreserved = Set("&=.-_~".utf8)

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "%" + (digits.count == 1 ? "0" : "") + digits
  }

  /// A whole request as it is sent: what a strict parser would refuse is passed on as far as it can be read.
  private static func parsed(_ bytes: [UInt8]) -> InspectedRequest {
    var lines: [[UInt8]] = [[]]
    var body: [UInt8] = []
    for (at, byte) in bytes.enumerated() {
      if byte == 0x0a {
        if lines[lines.count - 1].last == 0x0d { lines[lines.count - 1].removeLast() }
        if lines[lines.count - 1].isEmpty, lines.count > 1 {
          body = Array(bytes[(at + 1)...])
          break
        }
        lines.append([])
      } else {
        lines[lines.count - 1].append(byte)
      }
    }
    let words = lines[0].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    var request = InspectedRequest(
      method: words.first ?? "", target: words.count > 1 ? words[1] : "")
    request.version = version(words.count > 2 ? words[2] : "HTTP/0.9")
    for line in lines.dropFirst() where !line.isEmpty {
      let colon = line.firstIndex(of: 0x3a) ?? line.endIndex
      let value = line[colon...].dropFirst().drop { $0 == 0x20 || $0 == 0x09 }
      request.fields.append((Array(line[..<colon]), Array(value)))
    }
    request.body = body
    return request
  }

  private static func version(_ text: String) -> String {
    text.split(separator: "/").last.map(String.init) ?? text
  }

  private static func bytes(_ text: String?) -> [UInt8] { Array((text ?? "").utf8) }
}
