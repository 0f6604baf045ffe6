import Charters
import Chassis
import Commands
import Foundation
import Launcher
import StrictJSON
import Testing
import Vocabulary

/// Certificates as an operator brings them: made by openssl, by an authority of his own.
private struct OwnPapers {
  let scratch: Scratch
  private let folder: String

  init() throws {
    scratch = try Scratch()
    folder = scratch.path
    try openssl(
      ["req", "-x509", "-days", "9", "-subj", "/CN=ca", "-out", "ca.pem"] + Self.key("ca"))
  }

  /// A certificate for these names, and its key: `NAME.pem` with the chain, `NAME.key`.
  func issue(_ name: String, for names: String, key: [String] = ["ec"]) throws -> Platform {
    try openssl(
      ["req", "-x509", "-days", "2", "-subj", "/CN=bank.example", "-out", "\(name).pem"]
        + ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:false"]
        + (names.isEmpty ? [] : ["-addext", "subjectAltName=\(names)"])
        + Self.key(name, key))
    return Platform(
      issuer: "https://bank.example", edgeCertificateFile: "\(folder)/\(name).pem",
      edgeKeyFile: "\(folder)/\(name).key")
  }

  private static func key(_ name: String, _ kind: [String] = ["ec"]) -> [String] {
    let curve = kind == ["ec"] ? ["-pkeyopt", "ec_paramgen_curve:P-256"] : []
    return ["-newkey"] + kind + curve + ["-nodes", "-keyout", "\(name).key"]
  }

  private struct Failed: Error { let words: [String] }

  func openssl(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/openssl")
    process.arguments = words
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(words: words) }
  }
}

@Suite struct `A certificate of one's own for the door` {
  /// What is said against the papers; nil: nothing.
  private func fault(_ platform: Platform, in days: Int64 = 0) -> String? {
    do {
      try DoorPapers.check(platform, at: Clock.system.now() + .seconds(days * 86_400))
      return nil
    } catch {
      #expect(error.exitCode == .badInput)
      return "\(error)"
    }
  }

  @Test func `is taken where its key, its names and its time fit`() throws {
    let papers = try OwnPapers()
    for (name, names, key) in [
      ("plain", "DNS:bank.example", ["ec"]), ("wild", "DNS:*.example,DNS:*.bank.example", ["ec"]),
      ("rsa", "DNS:x.example,DNS:BANK.example", ["rsa:2048"]),
    ] {
      var platform = try papers.issue(name, for: names, key: key)
      if name == "wild" { platform.issuer = "https://www.bank.example:9443" }
      #expect(fault(platform) == nil, "\(name)")
    }
    var address = try papers.issue("address", for: "IP:192.0.2.7")
    address.issuer = "https://192.0.2.7"
    #expect(fault(address) == nil)
    #expect(fault(Platform()) == nil, "none is asked for")
  }

  @Test func `is refused by name before anything starts`() throws {
    let papers = try OwnPapers()
    let good = try papers.issue("good", for: "DNS:bank.example")
    let other = try papers.issue("other", for: "DNS:shop.example,DNS:*.bank.example")
    let nameless = try papers.issue("nameless", for: "")
    #expect(fault(good, in: 3)?.contains("ended at") == true)
    #expect(fault(good, in: -3)?.contains("valid from") == true)
    #expect(fault(other)?.contains("not for bank.example") == true)
    #expect(fault(other)?.contains("shop.example") == true)
    #expect(fault(nameless)?.contains("for no host at all") == true, "a common name is no name")
    var mixed = good
    mixed.edgeKeyFile = other.edgeKeyFile
    #expect(fault(mixed)?.contains("does not belong") == true)
    mixed.edgeKeyFile = good.edgeCertificateFile
    #expect(fault(mixed)?.contains("no private key") == true)
    mixed.edgeKeyFile = nil
    #expect(fault(mixed)?.contains("come together") == true)
    mixed = good
    mixed.edgeCertificateFile = good.edgeKeyFile
    #expect(fault(mixed)?.contains("no certificate") == true)
    mixed.edgeCertificateFile = "\(papers.scratch.path)/nothing.pem"
    #expect(fault(mixed)?.contains("there is no") == true)
    try papers.openssl(
      ["pkey", "-in", "good.key", "-aes256", "-passout", "pass:x", "-out", "sealed.key"])
    mixed = good
    mixed.edgeKeyFile = "\(papers.scratch.path)/sealed.key"
    #expect(fault(mixed)?.contains("not encrypted") == true)
  }

  @Test(arguments: [
    ("https://bank.example", true), ("https://bank.example:9443", true),
    ("https://192.0.2.7", true), ("https://[2001:db8::1]:443", true),
    ("http://bank.example", false), ("https://bank.example/", false),
    ("https://Bank.example", false), ("https://bank.example:0", false),
    ("https://bank.example:99999", false), ("https://bank.example:08", false),
    ("https://bank.example/x", false), ("https://bank.example?x", false),
    ("https://a@bank.example", false), ("https://", false), ("bank.example", false),
    ("https://bänk.example", false), ("https://[::1", false),
  ])
  func `goes with an address that is an origin and nothing more`(_ text: String, isOne: Bool) {
    #expect((DoorPapers.issuer(text) != nil) == isOne)
  }

  @Test func `is wished for by option, kept, and given back`() {
    var wishes = LauncherRun.Wishes()
    wishes.issuer = "https://bank.example"
    wishes.edgeCertificateFile = "/c.pem"
    wishes.edgeKeyFile = "/k.pem"
    let platform = wishes.applied(to: nil)
    #expect(platform.issuer == "https://bank.example" && platform.edgeKeyFile == "/k.pem")
    #expect(LauncherRun.Wishes().applied(to: platform) == platform)
    var none = LauncherRun.Wishes()
    none.edgeCertificateFile = "none"
    none.edgeKeyFile = "none"
    let given = none.applied(to: platform)
    #expect(given.edgeCertificateFile == nil && given.edgeKeyFile == nil)
  }
}

@Suite struct `The contracts of a home` {
  private static let charter = """
    {apiVersion: strongroom/v1, service: identity, role: issuer, summary: One., port: 7109,
     operations: [{id: getLogin, method: GET, path: /login, callers: [gateway], public: true, authentication: none},
                  {id: listKeys, method: GET, path: /keys, callers: [gateway]}],
     limits: {memory_mib: 64, open_files: 64, connections: 8}}
    """
  private static let contract = """
    openapi: 3.1.0
    paths:
      /login: {get: {operationId: getLogin, responses: {'200': {description: A page}}}}
      /keys: {get: {operationId: listKeys, responses: {'200': {description: Keys}}}}
    """

  @Test func `lie beside the charters, with what is public and no more`() throws {
    let file = CharterFile(name: "a/charter.yaml", text: Self.charter, contract: Self.contract)
    let named = try HomeSetup.named([file])
    #expect(named.keys.sorted() == ["identity.openapi.json", "identity.yaml"])
    let kept = try JSON.parse(try #require(named["identity.openapi.json"]))
    #expect(kept["paths"]?.object?.keys.sorted() == ["/login"])
  }

  @Test func `are read from the folder of a service, and from a home`() throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(
      atPath: "\(scratch.path)/service", withIntermediateDirectories: true)
    try Self.charter.write(
      toFile: "\(scratch.path)/service/charter.yaml", atomically: true, encoding: .utf8)
    try Self.contract.write(
      toFile: "\(scratch.path)/service/openapi.yaml", atomically: true, encoding: .utf8)
    let read = try CharterFolder.read("\(scratch.path)/service", with: ["\(scratch.path)/service"])
    #expect(read.last?.contract == Self.contract)
    let home = "\(scratch.path)/home"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    for (name, bytes) in try HomeSetup.named([try #require(read.last)]) {
      try Data(bytes).write(to: URL(filePath: "\(home)/\(name)"))
    }
    let again = try CharterFolder.read(home)
    #expect(again.count == 1 && again[0].contract != nil)
    #expect(try HomeSetup.named(again) == HomeSetup.named([try #require(read.last)]))
  }

  @Test func `that leave a public operation out stop the start`() {
    let file = CharterFile(name: "a/charter.yaml", text: Self.charter, contract: "paths: {}")
    #expect {
      try HomeSetup.named([file])
    } throws: {
      "\($0)".contains("getLogin") && ($0 as? LaunchFailure)?.exitCode == .badInput
    }
  }
}
