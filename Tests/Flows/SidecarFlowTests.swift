import Demo
import Foundation
import NIOCore
import StrictJSON
import Testing
import Transport
import Vocabulary

/// A program that tries what the kernel and its sidecar must not let it do, and tells how far it came.
private enum Intruder {
  static let charter = """
    apiVersion: strongroom/v1
    service: intruder
    summary: Tries to get out.
    port: 7121
    program: {command: [/usr/bin/python3, service.py]}
    operations:
      - {id: probe, method: GET, path: "/v1/probes/{name}", callers: [gateway], public: true,
         scopes: ["profile:read"], purpose: profile.read, forwards: [customers]}
    calls:
      - {service: customers, operations: [getMe]}
      - {service: audit, operations: [appendRecords], delivery: outbox}
    limits: {memory_mib: 96, open_files: 512, connections: 64}
    """
  static let grants = """
    apiVersion: strongroom/v1
    grants_to: intruder
    called_by: [{service: gateway, operations: [probe]}]
    may_call:
      - {service: customers, operations: [getMe]}
      - {service: audit, operations: [appendRecords]}
    """
  static let contract = """
    openapi: 3.1.0
    info: {title: Intruder, version: 1.0.0}
    paths:
      /v1/probes/{name}:
        get: {operationId: probe, responses: {"200": {description: How far it came}}}
    """
  static let program = #"""
    import errno, os, socket, subprocess, threading
    import greeter

    HOME = os.path.dirname(os.path.dirname(os.environ["HOME"]))

    def attempt(action):
        try:
            action()
            return "done"
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))

    def connect(family, kind, address):
        with socket.socket(family, kind) as line:
            line.settimeout(2)
            line.connect(address)

    ATTEMPTS = {
        "tcp": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT)),
        "tcp6": lambda: connect(socket.AF_INET6, socket.SOCK_STREAM, ("::1", PORT)),
        "udp": lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 53)),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
        "other-service": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, f"{HOME}/program/greeter/serve.sock"),
        "root-key": lambda: open(f"{HOME}/keys/root.key").read(),
        "ledger": lambda: open(f"{HOME}/data/ledger/ledger.sqlite", "rb").read(1),
        "sidecars-store": lambda: open(f"{HOME}/data/intruder/intruder.sqlite", "rb").read(1),
        "charters": lambda: os.listdir(f"{HOME}/charters"),
        "own-code": lambda: open("service.py", "a").close(),
        "passwd": lambda: open("/etc/passwd").read(),
        "spawn": lambda: subprocess.run(["/bin/true"]),
        "fork": os.fork,
        "kill": lambda: os.kill(os.getppid(), 9),
    }

    def probe(request, body):
        name = request.path.rsplit("/", 1)[1]
        if name in ATTEMPTS:
            return 200, {"came": attempt(ATTEMPTS[name])}
        if name == "undeclared":
            status, answer = greeter.call(request, "GET", "ledger", "/v1/trial-balance")
            return 200, {"came": f"{status} {answer.get('type')}"}
        return 404, {"title": "no such probe", "status": 404}

    greeter.OPERATIONS["probe"] = probe
    greeter.main()
    """#

  /// A folder as `up --with` takes it. Outside the home, which no program may read.
  static func write(beside example: String, port: Int) throws -> String {
    let folder = NSTemporaryDirectory() + "strongroom-intruder-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(example)/service.py", toPath: "\(folder)/greeter.py")
    for (name, text) in [
      ("charter.yaml", charter), ("grants.yaml", grants), ("openapi.yaml", contract),
      ("service.py", "PORT = \(port)\n" + program),
    ] {
      try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }
    return folder
  }
}

/// Services in another language on the real platform: nothing of them was built.
@Suite(.serialized) struct `A service in Python` {
  private static let example =
    (#filePath.components(separatedBy: "/Tests/Flows/").first ?? ".") + "/Examples/greeter"

  @Test func `greets a person through two hops, is held, and survives its program's death`()
    async throws
  {
    let platform = try RunningPlatform()
    let intruder = try Intruder.write(beside: Self.example, port: platform.port)
    defer { try? FileManager.default.removeItem(atPath: intruder) }
    let up = try await platform.up([
      "--limits-factor", "1000", "--with", Self.example, "--with", intruder,
    ])
    try #require(up.exitCode == 0, "\(up.output)")
    do {
      let login = try platform.login()
      let token = try await platform.signIn(login.login, login.password, client: login.clientID)
      let person = Visitor(platform: platform, token: token)
      try await everyHopIsRecorded(platform, person)
      try await oneCardForOneKey(person)
      try await nothingLetsItOut(platform, person)
      try await itsDeathIsSurvived(platform, person)
      try await statusShowsBoth(platform)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }

  /// The probes must be able to come through, or their refusals show nothing.
  @Test func `gets out where the kernel holds nobody`() async throws {
    let platform = try RunningPlatform()
    let intruder = try Intruder.write(beside: Self.example, port: platform.port)
    defer { try? FileManager.default.removeItem(atPath: intruder) }
    let up = try await platform.up(["--weaken", "confinement", "--with", intruder])
    try #require(up.exitCode == 0, "\(up.output)")
    do {
      let login = try platform.login()
      let token = try await platform.signIn(login.login, login.password, client: login.clientID)
      let person = Visitor(platform: platform, token: token)
      for name in [
        "tcp", "netlink", "root-key", "ledger", "sidecars-store", "charters", "passwd", "spawn",
      ] {
        let answer = try await person.send("GET", "/v1/probes/\(name)")
        #expect(answer.json?["came"] == .string("done"), "\(name): \(answer.status)")
      }
      // Its sidecar holds without the kernel, too.
      let answer = try await person.send("GET", "/v1/probes/undeclared")
      #expect(answer.json?["came"]?.string?.hasPrefix("403") == true)
    } catch {
      await platform.down()
      throw error
    }
    await platform.down()
  }

  private func everyHopIsRecorded(_ platform: RunningPlatform, _ person: Visitor) async throws {
    let login = try platform.login()
    let bank = DemoSeeding.bank(seed: login.seed, residents: login.residents)
    let name = try #require(bank?.residents.first?.givenName)
    let answer = try await person.send("GET", "/v1/greeting")
    try #require(answer.status == 200, "\(answer.status) \(String(buffer: answer.body))")
    #expect(String(buffer: answer.body).contains("Good day, \(name)!"))
    let hops = try await platform.hops(of: answer, count: 3)
    #expect(
      Set(hops) == [
        "gateway→gateway getGreeting allowed", "gateway→greeter getGreeting allowed",
        "greeter→customers getMe allowed",
      ], "\(hops)")
  }

  private func oneCardForOneKey(_ person: Visitor) async throws {
    let first = try await person.send(
      "POST", "/v1/greeting-cards", body: #"{"text":"hello"}"#, key: "card-1")
    let again = try await person.send(
      "POST", "/v1/greeting-cards", body: #"{"text":"hello"}"#, key: "card-1")
    #expect(first.status == 201 && String(buffer: first.body) == String(buffer: again.body))
    #expect(again.headers[Header.idempotentReplayed] == "true")
  }

  private func nothingLetsItOut(_ platform: RunningPlatform, _ person: Visitor) async throws {
    let refusals: Set = ["EPERM", "EACCES"]
    for name in [
      "tcp", "tcp6", "udp", "netlink", "root-key", "ledger", "sidecars-store", "charters",
      "own-code", "passwd", "spawn", "fork", "kill",
    ] + (geteuid() == 0 ? ["other-service"] : []) {
      let answer = try await person.send("GET", "/v1/probes/\(name)")
      let came = answer.json?["came"]?.string ?? "\(answer.status)"
      #expect(refusals.contains(came), "\(name): \(came)")
    }
    let answer = try await person.send("GET", "/v1/probes/undeclared")
    let came = answer.json?["came"]?.string ?? ""
    #expect(came == "403 urn:strongroom:problem:edge-not-declared")
    let hops = try await platform.hops(of: answer, count: 3)
    #expect(hops.contains { $0.hasPrefix("intruder→intruder ledger.") && $0.hasSuffix("refused") })
  }

  private func itsDeathIsSurvived(_ platform: RunningPlatform, _ person: Visitor) async throws {
    let sidecar = try platform.pid(of: "greeter")
    for _ in 0..<3 {
      let before = try #require(try platform.programPid(of: "greeter"))
      kill(before, SIGKILL)
      var status = 0
      for _ in 0..<120 where status != 200 {
        try await Task.sleep(for: .milliseconds(100))
        status = try await person.send("GET", "/v1/greeting").status
        #expect([200, 502, 503].contains(status))
      }
      #expect(status == 200)
      #expect(try platform.programPid(of: "greeter") != before)
    }
    #expect(try platform.pid(of: "greeter") == sidecar, "the sidecar was not to be restarted")
  }

  private func statusShowsBoth(_ platform: RunningPlatform) async throws {
    let status = try await platform.command("status", "--json")
    #expect(status.exitCode == 0, "\(status.output)")
    let rows = try JSON.parse(Array(status.output.utf8.prefix { $0 != 0x0a }))["services"]?.array
    let row = try #require(rows?.first { $0["service"] == .string("greeter") })
    #expect(row["health"] == .string("ready"))
    #expect(row["program"]?["pid"]?.integer.map { Int32($0) } != nil)
    #expect(row["program"]?["confinement"]?["contradictions"] == .array([]))
    let sidecars = try await platform.command("sidecar")
    #expect(sidecars.output.contains("may call  customers.getMe"), "\(sidecars.output)")
  }
}

private struct Visitor: Sendable {
  let platform: RunningPlatform
  let token: String

  func send(
    _ method: String, _ target: String, body: String = "", key: String? = nil
  ) async throws -> WireResponse {
    var headers: Headers = ["authorization": "Bearer \(token)"]
    if !body.isEmpty { headers.set("content-type", "application/json") }
    if let key { headers.set(Header.idempotencyKey, key) }
    return try await platform.client().send(
      WireRequest(
        method: method, target: target, headers: headers, body: ByteBuffer(string: body)))
  }
}

extension WireResponse {
  fileprivate var json: JSON? { try? JSON.parse(Array(body.readableBytesView)) }
}

extension RunningPlatform {
  /// The process of a service's program, by its record.
  fileprivate func programPid(of service: String) throws -> Int32? {
    let file = "\(home)/launch/\(service).program"
    guard let bytes = FileManager.default.contents(atPath: file) else { return nil }
    return try JSON.parse(Array(bytes))["pid"]?.integer.map { Int32($0) }
  }

  /// `caller→service operation outcome` of an answer's correlation id, once there are so many.
  fileprivate func hops(of answer: WireResponse, count: Int) async throws -> [String] {
    let correlation = try #require(answer.headers[Header.correlation])
    var hops: [String] = []
    for _ in 0..<50 where hops.count < count {
      try await Task.sleep(for: .milliseconds(200))
      let trace = try await command("trace", correlation, "--json")
      guard trace.exitCode == 0 else { continue }
      let story = try JSON.parse(Array(trace.output.utf8.prefix { $0 != 0x0a }))
      let records = story["records"]?.array ?? []
      hops = records.map { record in
        let parts = ["caller", "service", "operation", "outcome"].map {
          record["record"]?[$0]?.string ?? ""
        }
        return "\(parts[0])→\(parts[1]) \(parts[2]) \(parts[3])"
      }
    }
    return hops
  }
}
