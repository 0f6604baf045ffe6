import Foundation
import PolicyEngine
import Testing

@Suite struct `strongroom policy serve` {
  static let policy = "package authz\n\nallow if data.authz.roles[input.user]\n"
  static let roles = #"{"authz":{"roles":{"ada":["admin"]}}}"#

  @Test func `serves files until it is told to stop`() async throws {
    let shop = try Shop(["authz.rego": Self.policy, "data.json": Self.roles])
    defer { shop.remove() }
    let running = try await shop.serve([
      "--decision-log", "decisions.log", "authz.rego", "data.json",
    ])
    let caller = try await Caller.connect(port: running.port)
    let answer = try await caller.ask(
      "POST", "/v1/data/authz/allow", #"{"input":{"user":"ada","token":"x1SECRET"}}"#)
    #expect(answer["result"] == .bool(true))
    caller.close()
    #expect(running.stop() == 0)
    let log = try shop.read("decisions.log")
    #expect(log.contains(#""path":"authz/allow""#) && !log.contains("x1SECRET"))
    let mode = try FileManager.default.attributesOfItem(atPath: shop.folder + "/decisions.log")
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test(
    arguments: [
      (["--addr", "0.0.0.0:0"], 64, "can be reached by others"), (["--addr", ":0"], 64, "reached"),
      (["--addr", "8181"], 64, "host:port"), (["--watch", "authz.rego"], 64, "--bundle"),
      (["--authentication", "token"], 64, "--authorization basic"),
      (["--authentication", "tls"], 64, "--tls-ca-cert-file"),
      (["--tls-cert-file", "x.pem"], 64, "belong together"),
      (
        ["--tls-cert-file", "x.pem", "--tls-private-key-file", "x.pem", "-a", "localhost:0"], 1,
        "TLS"
      ),
      (["none.rego"], 1, "no such file"), (["broken.rego"], 1, "rego_parse_error"),
      (["authz.rego", "conflict.json"], 1, "conflicting rule for data path authz/allow"),
      (["-b", "authz.rego"], 1, "authz.rego: "),
      (["--decision-log", "/nowhere/log", "authz.rego"], 1, "/nowhere/log"),
    ] as [([String], Int32, String)])
  func `does not start where something is wrong`(
    _ words: [String], _ code: Int32, _ reason: String
  ) async throws {
    let shop = try Shop([
      "authz.rego": Self.policy, "broken.rego": "package x\n\np if {\n",
      "conflict.json": #"{"authz":{"allow":1}}"#, "x.pem": "no certificate",
    ])
    defer { shop.remove() }
    let outcome = try await shop.run(["policy", "serve"] + words)
    #expect(outcome.code == code, "\(outcome.errors)")
    #expect(outcome.errors.contains(reason), "\(outcome.errors)")
  }

  @Test func `refuses an address that is taken`() async throws {
    try await Stand.with { stand in
      let shop = try Shop([:])
      defer { shop.remove() }
      let outcome = try await shop.run(["policy", "serve", "-a", "127.0.0.1:\(stand.port)"])
      #expect(outcome.code == 71)
    }
  }

  @Test func `takes a signed bundle anew, and keeps the last good one`() async throws {
    let shop = try Shop(["b/authz.rego": Self.policy, "b/data.json": Self.roles])
    defer { shop.remove() }
    func build(_ revision: String, key: String = "secret") async throws {
      let built = try await shop.run([
        "policy", "build", "-r", revision, "-o", "next.tar.gz", "--signing-key", key,
        "--signing-alg", "HS256", "--scope", "production", "b",
      ])
      #expect(built.code == 0, "\(built.errors)")
      _ = try? FileManager.default.removeItem(atPath: shop.folder + "/bundle.tar.gz")
      try FileManager.default.moveItem(
        atPath: shop.folder + "/next.tar.gz", toPath: shop.folder + "/bundle.tar.gz")
    }
    try await build("1")
    let running = try await shop.serve([
      "--bundle", "--watch", "--verification-key", "secret", "--signing-alg", "HS256", "--scope",
      "production", "bundle.tar.gz",
    ])
    let caller = try await Caller.connect(port: running.port)
    func allowed(_ user: String) async throws -> Value? {
      try await caller.ask("POST", "/v1/data/authz/allow", #"{"input":{"user":"\#(user)"}}"#)[
        "result"]
    }
    func status(contains text: String) async throws {
      for _ in 0..<100 {
        if try await caller.ask("GET", "/v1/status").body.contains(text) { return }
        try await Task.sleep(for: .milliseconds(100))
      }
      Issue.record("never said: \(text)")
    }
    #expect(try await allowed("ada") == .bool(true))
    try shop.write("b/data.json", #"{"authz":{"roles":{"eve":["admin"]}}}"#)

    try await build("2", key: "another secret")
    try await status(contains: "the signature is not by the given key")
    #expect(try await allowed("ada") == .bool(true))
    #expect(try await allowed("eve") == nil)

    try await build("0")
    try await status(contains: "revision 0 is older than 1")
    #expect(try await allowed("eve") == nil)

    try shop.write("bundle.tar.gz", "torn")
    try await status(contains: "bundle.tar.gz: ")
    #expect(try await allowed("ada") == .bool(true))

    try await build("3")
    try await status(contains: #""active_revision":"3""#)
    #expect(try await allowed("eve") == .bool(true))
    #expect(try await allowed("ada") == nil)
    caller.close()
    #expect(running.stop() == 0)
    #expect(try shop.read("stderr").contains("the one before it stays in force"))
  }

  @Test func `asks for certificates on an address that others reach`() async throws {
    let files = try Certificates()
    defer { files.remove() }
    let shop = try Shop(["authz.rego": Self.policy])
    defer { shop.remove() }
    let running = try await shop.serve(
      [
        "--tls-cert-file", files.path("server.pem"), "--tls-private-key-file",
        files.path("server.key"), "--tls-ca-cert-file", files.path("ca.pem"), "--authentication",
        "tls", "authz.rego",
      ], address: "0.0.0.0:0")
    // A handshake has five seconds, which are little on a machine that is full of tests.
    var status: Int?
    for _ in 0..<10 where status == nil {
      let caller = try await Caller.connect(port: running.port, tls: try files.client("teller"))
      status = try? await caller.ask("GET", "/v1/data/authz").status
      caller.close()
    }
    #expect(status == 200)
    #expect(running.stop() == 0)
  }
}

/// A folder of its own, and the built command in it.
struct Shop {
  static let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."
  let folder: String

  init(_ files: [String: String]) throws {
    folder = NSTemporaryDirectory() + "policy-serve-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, text) in files { try write(name, text) }
  }

  func write(_ name: String, _ text: String) throws {
    let file = URL(filePath: "\(folder)/\(name)")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/\(name)")), as: UTF8.self)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// Its errors go to a file.
  private func start(_ words: [String], errors: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "\(Self.checkout)/.build/debug/strongroom")
    process.arguments = words
    process.currentDirectoryURL = URL(filePath: folder)
    try write(errors, "")
    process.standardError = try FileHandle(forUpdating: URL(filePath: "\(folder)/\(errors)"))
    process.standardOutput = FileHandle.nullDevice
    return process
  }

  /// Runs to its end, and holds up no thread meanwhile.
  func run(_ words: [String]) async throws -> (code: Int32, errors: String) {
    let process = try start(words, errors: "errors")
    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in ended.resume() }
      do {
        try process.run()
      } catch {
        process.terminationHandler = nil
        ended.resume(throwing: error)
      }
    }
    return (process.terminationStatus, try read("errors"))
  }

  struct Running {
    let process: Process
    let port: Int

    /// Its exit code, after SIGTERM.
    func stop() -> Int32 {
      process.terminate()
      process.waitUntilExit()
      return process.terminationStatus
    }
  }

  private struct NotListening: Error {
    let said: String
  }

  /// Returns when it listens.
  func serve(_ words: [String], address: String = "localhost:0") async throws -> Running {
    let process = try start(["policy", "serve", "--addr", address] + words, errors: "stderr")
    try process.run()
    for _ in 0..<500 {
      for line in try read("stderr").split(separator: "\n") {
        if case .object(let members)? = try? Value.parse(json: line.utf8),
          members["message"] == .string("the policy server listens"),
          case .object(let fields)? = members["fields"], case .number(let port)? = fields["port"]
        {
          return Running(process: process, port: Int(port.int64 ?? 0))
        }
      }
      guard process.isRunning else { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    process.terminate()
    throw NotListening(said: try read("stderr"))
  }
}
