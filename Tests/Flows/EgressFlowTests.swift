import Chassis
import Demo
import Foundation
import HTTPLine
import NIOCore
import NIOHTTP1
import StrictJSON
import TestKit
import Testing
import Tokens
import Transport
import Vocabulary
import WorkloadIdentity

/// An issuer of others on this machine, at an address that the gateway's charter names: from its server through the way out to a
/// person's account.
@Suite(.serialized) struct `An issuer of others` {
  private static let host = "idp.bank.example"

  @Test func `is believed by its URL, through the way out`() async throws {
    let issuer = try await StaffIssuer(host: Self.host)
    let folder = try Self.checkout(naming: Self.host, port: issuer.server.port)
    let platform = try RunningPlatform()
    let up = try await platform.up()
    try #require(up.exitCode == 0, "\(up.output)")
    do {
      try await story(platform, issuer, folder)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
    await issuer.server.close()
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func story(
    _ platform: RunningPlatform, _ issuer: StaffIssuer, _ folder: String
  ) async throws {
    let login = try platform.login()
    let own = try await platform.signIn(login.login, login.password, client: login.clientID)
    let claims = try #require(try UnverifiedToken(own).unverifiedClaims)
    let person = try #require(claims["sub"]?.string)
    let accounts = try await ask(platform, own)
    #expect(accounts.status == 200)
    // Nobody else is believed.
    #expect(try await ask(platform, issuer.token(for: person)).status == 401)

    let file = folder + "/issuers.json"
    try issuer.choices(client: "\(login.clientID)").write(
      to: URL(filePath: file), atomically: true, encoding: .utf8)
    try await platform.command("down")
    let again = try await platform.command([
      "up", "--charters", folder, "--issuers", file, "--outside-ca", issuer.authority.file,
    ])
    try #require(again.exitCode == 0, "\(again.output)")

    var answer = try await ask(platform, issuer.token(for: person))
    for _ in 0..<40 where answer.status == 401 {
      try await Task.sleep(for: .milliseconds(250))
      answer = try await ask(platform, issuer.token(for: person))
    }
    #expect(answer.status == 200 && answer.body == accounts.body)
    #expect(issuer.server.requests.map(\.head.uri) == StaffIssuer.documents)

    // What does not hold is refused, and costs the issuer nothing.
    for wrong in [
      try issuer.token(for: person, ["aud": "another-api"]),
      try issuer.token(for: "somebody"), try issuer.token(for: person, ["azp": "unknown-app"]),
      try issuer.token(for: person, ["exp": .integer(1_700_000_000)]),
      try StaffIssuer.token(SigningKey.generate(.es256, .system), issuer.claims(for: person)),
    ] {
      #expect(try await ask(platform, wrong).status == 401)
    }
    let narrow = try await ask(platform, issuer.token(for: person, ["scp": []]))
    #expect(narrow.status == 403)
    #expect(issuer.server.requests.count == StaffIssuer.documents.count)

    let status = try await platform.command("status").output
    #expect(
      status.contains("gateway → \(Self.host):\(issuer.server.port) at 127.0.0.1, not public"))
    // The issuer and the way out are gone: keys that are known go on serving, and payments need neither.
    await issuer.server.close()
    let egress = try #require(try platform.pid(of: "egress"))
    kill(egress, SIGKILL)
    #expect(try await ask(platform, issuer.token(for: person)).status == 200)
    #expect(try await ask(platform, own).status == 200)
    #expect(try await platform.pid(of: "egress", otherThan: egress) != nil)
  }

  private func ask(_ platform: RunningPlatform, _ token: String) async throws -> (
    status: Int, body: String
  ) {
    let client = try platform.client()
    let answer = try await client.send(
      WireRequest(
        method: "GET", target: "/v1/accounts", headers: ["authorization": "Bearer \(token)"]))
    await client.close()
    return (answer.status, String(buffer: answer.body))
  }

  /// Our charters and policies, with the destination in the gateway's charter and on the organisation's list.
  private static func checkout(naming host: String, port: Int) throws -> String {
    let root = #filePath.components(separatedBy: "/Tests/Flows/")[0]
    let folder = NSTemporaryDirectory() + "egress-checkout-\(UUID().uuidString.prefix(8))"
    for path in ["Charters", "Policies", "Sources/Services", "Package.swift"] {
      let target = URL(filePath: "\(folder)/\(path)")
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: URL(filePath: "\(root)/\(path)"), to: target)
    }
    func change(_ path: String, _ old: String, _ new: String) throws {
      let file = URL(filePath: "\(folder)/\(path)")
      let text = try String(contentsOf: file, encoding: .utf8)
      try #require(text.contains(old))
      try text.replacing(old, with: new, maxReplacements: 1).write(
        to: file, atomically: true, encoding: .utf8)
    }
    try change(
      "Sources/Services/Gateway/charter.yaml", "egress: []",
      """
      egress: [{host: \(host), port: \(port), protocol: https, addresses: [127.0.0.1], reason: staff}]
      """)
    try change(
      "Policies/data.json", #""egress": {}"#, #""egress": {"\#(host):\#(port)": ["gateway"]}"#)
    return folder
  }
}

/// A bank's own identity provider: discovery, keys, and tokens in words of its own.
private struct StaffIssuer: Sendable {
  static let documents = ["/realms/staff/.well-known/openid-configuration", "/realms/staff/keys"]

  let authority: OwnAuthority
  let server: OutsideServer
  private let key: SigningKey
  private let host: String

  private var url: String { Self.url(host, server.port) }
  private static func url(_ host: String, _ port: Int) -> String {
    "https://\(host):\(port)/realms/staff"
  }

  init(host: String) async throws {
    let names = ServerNames(hosts: [host], addresses: [])
    let key = SigningKey.generate(.rs256, .system)
    let authority = try OwnAuthority(for: names)
    (self.key, self.host, self.authority) = (key, host, authority)
    server = try await OutsideServer(authority, names) { heard in
      guard let place = heard.head.headers.first(name: "host") else { return .drop }
      let issuer = "https://\(place)/realms/staff"
      let document: JSON
      switch heard.head.uri {
      case documents[0]:
        document = ["issuer": .string(issuer), "jwks_uri": .string(issuer + "/keys")]
      case documents[1]: document = ["keys": .array([key.verificationKey.jwk()])]
      default: return .answer(LineAnswer(status: 404))
      }
      return .answer(LineAnswer(status: 200, body: ByteBuffer(bytes: document.canonicalBytes)))
    }
  }

  /// What the operator's file says of it.
  func choices(client: String) -> String {
    """
    {"issuers": [{"issuer": "\(url)", "audience": "bank-api", "types": ["jwt"],
      "algorithms": ["RS256"], "subject_claim": "bank_person", "clients": {"staff-app": "\(client)"},
      "scope_claim": "scp", "scopes": {"accounts.view": ["accounts:read"]}}]}
    """
  }

  func claims(for person: String) -> [String: JSON] {
    let now = Clock.system.now()
    return [
      "iss": .string(url), "sub": "auth0|7", "bank_person": .string(person), "aud": "bank-api",
      "azp": "staff-app", "iat": .integer(now.seconds), "exp": .integer(now.seconds + 300),
      "jti": .string("\(UUID())"), "scp": ["accounts.view", "unknown.word"],
    ]
  }

  func token(for person: String, _ changes: [String: JSON] = [:]) throws -> String {
    try Self.token(key, claims(for: person).merging(changes) { $1 })
  }

  static func token(_ key: SigningKey, _ claims: [String: JSON]) throws -> String {
    try key.token(type: "JWT", claims: .object(claims))
  }
}
