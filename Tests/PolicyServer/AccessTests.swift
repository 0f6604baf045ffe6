import Foundation
import NIOSSL
import PolicyEngine
import PolicyServer
import Testing

@Suite struct `Who may ask a policy server` {
  static let echo = [
    "authz.rego": """
    package system.authz

    default allow := false

    allow if input.path[0] == "health"

    allow if input.identity == "good-token"

    allow if input.body.input.open == true

    allow := {"allowed": false, "reason": "bob is out"} if input.identity == "bob"
    """
  ]

  @Test(
    arguments: [
      ([("Authorization", "Bearer good-token")], 200, ""),
      ([("authorization", "bearer good-token")], 200, ""),
      ([("Authorization", "Bearer bad-token")], 401, "request rejected by administrative policy"),
      ([("Authorization", "Basic good-token")], 401, "request rejected by administrative policy"),
      ([("Authorization", "Bearer bob")], 401, "bob is out"),
      (
        [("Authorization", "Bearer good-token"), ("Authorization", "Bearer x")], 401,
        "request rejected by administrative policy"
      ),
      ([], 401, "request rejected by administrative policy"),
    ])
  func `is decided by policy, from a token`(
    _ headers: [(String, String)], _ status: Int, _ message: String
  ) async throws {
    try await Stand.with(Self.echo, authorization: .basic, authentication: .token) { stand in
      for (method, target) in [
        ("GET", "/v1/data"), ("PUT", "/v1/policies/x"), ("GET", "/metrics"), ("GET", "/nothing"),
      ] {
        let body = method == "PUT" ? "package x" : ""
        let answer = try await stand.ask(method, target, body, headers: headers)
        #expect(answer.status == (target == "/nothing" && status == 200 ? 404 : status))
        if status == 401 {
          #expect(answer["code"] == .string("unauthorized"))
          #expect(answer["message"] == .string(message))
        }
      }
      #expect(try await stand.ask("GET", "/health").status == 200)
      #expect(try await stand.ask("POST", "/v1/data", #"{"input":{"open":true}}"#).status == 200)
    }
  }

  @Test func `is nobody where the policy is missing, broken or unclear`() async throws {
    for source in [
      "package other", "package system.authz\n\nallow := 1 / input.zero",
      "package system.authz\n\nallow := \"yes\"",
      "package system.authz\n\nallow := {\"allowed\": \"yes\"}",
      "package system.authz\n\nallow := true\n\nallow := false if input.method",
    ] {
      try await Stand.with(["a.rego": source], authorization: .basic) { stand in
        let status = try await stand.ask("GET", "/v1/data").status
        #expect(status == 401 || status == 500, "\(source)")
      }
    }
  }

  @Test func `is decided from method, path, parameters, headers and body`() async throws {
    let policy = """
      package system.authz

      allow if {
      	input.method == "POST"
      	input.path == ["v1", "data", "a b", ""]
      	input.params == {"x": ["1", "2"], "pretty": [""]}
      	input.headers["X-Kind"] == ["one"]
      	input.headers["Content-Type"] == ["application/json"]
      	input.body == {"input": {"n": 1}}
      	not input.identity
      }
      """
    try await Stand.with(["a.rego": policy], authorization: .basic) { stand in
      let answer = try await stand.ask(
        "POST", "/v1/data/a%20b/?x=1&pretty&x=2", #"{"input":{"n":1}}"#,
        headers: [("x-kind", "one"), ("content-type", "application/json")])
      #expect(answer.status == 200, "\(answer.body)")
      #expect(try await stand.ask("GET", "/v1/data/a%20b/?x=1&x=2").status == 500)
    }
  }

  @Test func `shows a certificate where that is asked for`() async throws {
    let files = try Certificates()
    defer { files.remove() }
    let policy = [
      "authz.rego":
        "package system.authz\n\ndefault allow := false\n\nallow if input.identity == \"CN=teller\"\n"
    ]
    let tls = PolicyServerTLS(
      certificateFile: files.path("server.pem"), keyFile: files.path("server.key"),
      callerAuthorityFile: files.path("ca.pem"))
    try await Stand.with(policy, authorization: .basic, authentication: .tls, tls: tls) { stand in
      func status(_ name: String?) async throws -> Int {
        let caller = try await Caller.connect(port: stand.port, tls: try files.client(name))
        defer { caller.close() }
        return try await caller.ask("GET", "/v1/data").status
      }
      #expect(try await status("teller") == 200)
      #expect(try await status("thief") == 401)
      // Signed by somebody else, or none at all: no connection.
      for name in ["forged", nil] {
        await #expect(throws: (any Error).self) { try await status(name) }
      }
      let plain = try await Caller.connect(port: stand.port)
      try await plain.write("GET /v1/data HTTP/1.1\r\nhost: x\r\n\r\n")
      #expect(await plain.untilClosed())
    }
  }
}

/// Certificates made by openssl: `ca`, `server` for localhost, the clients `teller` and `thief`, and
/// `forged`, which an authority of its own signed.
struct Certificates {
  let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "certificates-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (authority, name) in [("ca", "the authority"), ("other", "another authority")] {
      try openssl(
        ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-out", "\(authority).pem"]
          + Self.key(authority))
    }
    for (name, authority) in [
      ("server", "ca"), ("teller", "ca"), ("thief", "ca"), ("forged", "other"),
    ] {
      let subject = name == "server" ? "localhost" : name == "forged" ? "teller" : name
      try openssl(
        ["req", "-x509", "-days", "1", "-subj", "/CN=\(subject)", "-out", "\(name).pem"]
          + ["-CA", "\(authority).pem", "-CAkey", "\(authority).key"]
          + ["-addext", "basicConstraints=critical,CA:false"]
          + ["-addext", "subjectAltName=DNS:\(subject),IP:127.0.0.1"] + Self.key(name))
    }
  }

  private static func key(_ name: String) -> [String] {
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(name).key"]
  }

  private struct Failed: Error {
    let words: [String]
  }

  private func openssl(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/openssl")
    process.arguments = words
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(words: words) }
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func client(_ name: String?) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(path("ca.pem"))
    if let name {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(path("\(name).pem")).map {
        .certificate($0)
      }
      configuration.privateKey = .privateKey(
        try NIOSSLPrivateKey(file: path("\(name).key"), format: .pem))
    }
    return configuration
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
