import Charters
import Testing
import Vocabulary

/// The sample platform, and a greeter from a folder of its own.
private enum Added {
  static let charter = """
    apiVersion: strongroom/v1
    service: greeter
    summary: Greets.
    port: 7120
    program: {command: [/usr/bin/python3, service.py, -v, -v], read: [/opt/venv]}
    operations:
      - {id: greet, method: GET, path: /v1/greeting, callers: [gateway], public: true, scopes: [a], purpose: greet}
    calls:
      - {service: ledger, operations: [getAccount]}
    limits: {memory_mib: 64, open_files: 64, connections: 8}
    """
  static let grants = """
    apiVersion: strongroom/v1
    grants_to: greeter
    called_by:
      - {service: gateway, operations: [greet]}
    may_call:
      - {service: ledger, operations: [getAccount]}
    """

  /// With one text replaced in the charter, and one in the grants.
  static func files(
    charter change: (String, String) = ("", ""), grants other: (String, String) = ("", "")
  ) throws -> [CharterFile] {
    func changed(_ text: String, _ change: (String, String)) throws -> String {
      guard !change.0.isEmpty else { return text }
      try #require(text.contains(change.0), "the sample has no '\(change.0)'")
      return text.replacing(change.0, with: change.1)
    }
    return try Samples.files() + [
      CharterFile(name: "greeter/charter.yaml", text: changed(charter, change)),
      CharterFile(name: "greeter/grants.yaml", text: changed(grants, other)),
    ]
  }
}

@Suite struct `A charter with a program` {
  @Test func `says what to execute, and where it may read`() throws {
    let program = try #require(try CharterSet.load(Added.files())["greeter"]?.program)
    #expect(program.command == ["/usr/bin/python3", "service.py", "-v", "-v"])
    #expect(program.readable == ["/opt/venv"])
    #expect(try CharterSet.load(Samples.files())["payments"]?.program == nil)
  }

  @Test(arguments: [
    ("[/usr/bin/python3, service.py, -v, -v]", "[]", "the command is empty"),
    ("[/usr/bin/python3, service.py, -v, -v]", "[python3]", "not an absolute path"),
    ("[/usr/bin/python3, service.py, -v, -v]", "[/usr/../x]", "not an absolute path"),
    ("[/usr/bin/python3, service.py, -v, -v]", "[/x, \"a\\nb\"]", "a word of 1 to 256 bytes"),
    ("[/opt/venv]", "[/]", "below '/'"), ("[/opt/venv]", "[venv]", "absolute path"),
    ("command: [/usr/bin/python3, service.py, -v, -v], ", "", "'command' is missing"),
    ("read: [/opt/venv]", "reed: [/opt/venv]", "unknown field 'reed'"),
    (
      "calls:", "egress: [{host: example.org, port: 443, protocol: https, reason: x}]\ncalls:",
      "no way to the outside"
    ),
    ("calls:", "secrets: [mail-password]\ncalls:", "is given no secrets"),
    ("calls:", "role: authority\ncalls:", "has no 'role'"),
    ("calls:", "store: {server: allowed}\ncalls:", "has no 'store'"),
  ])
  func `that is wrong is named with its line`(old: String, new: String, says: String) throws {
    let faults = Samples.faults(try Added.files(charter: (old, new)))
    let fault = try #require(faults.first, "nothing was found")
    #expect("\(fault)".contains(says), "\(fault)")
    #expect((5...8).contains(fault.place.line), "\(fault)")
  }

  @Test func `has as many words as a command may have, and no more`() throws {
    func words(_ count: Int) -> String {
      "[" + (["/x"] + Array(repeating: "a", count: count - 1)).joined(separator: ", ") + "]"
    }
    let command = "[/usr/bin/python3, service.py, -v, -v]"
    #expect(Samples.faults(try Added.files(charter: (command, words(16)))).isEmpty)
    #expect(!Samples.faults(try Added.files(charter: (command, words(17)))).isEmpty)
  }

  @Test func `is not the operator's`() throws {
    let text = Samples.operatorText + "\nprogram: {command: [/x]}"
    let files = try Samples.files("operator", Samples.operatorText, text)
    #expect(Samples.faults(files).contains { $0.message.contains("no 'program'") })
  }
}

@Suite struct `Grants` {
  @Test func `are the other ends of edges, and of no others`() throws {
    let set = try CharterSet.load(Added.files())
    #expect(set.mayCall(caller: "gateway", service: "greeter", operation: "greet"))
    #expect(set.mayCall(caller: "greeter", service: "ledger", operation: "getAccount"))
    #expect(!set.mayCall(caller: "greeter", service: "ledger", operation: "createHold"))
    #expect(set["gateway"]?.calls("greeter", "greet") == true)
    #expect(set.publicRoutes.contains { $0.operation.id == "greet" })
    #expect(set.startOrder == ["ledger", "payments", "greeter", "gateway"])
  }

  @Test(arguments: [
    ("grants_to: greeter", "grants_to: greter", CharterFault.Kind.unknownService, 2),
    ("service: gateway", "service: gatway", .unknownService, 4),
    ("operations: [greet]", "operations: [meet]", .oneSidedEdge, 4),
    ("service: gateway", "service: payments", .oneSidedEdge, 4),
    ("[getAccount]", "[getAccount, createHold]", .oneSidedEdge, 6),
    ("[getAccount]", "[nothing]", .oneSidedEdge, 6),
    ("service: ledger", "service: greeter", .unknownService, 6),
    ("may_call:", "may_cal:", .unknownField, 5),
  ])
  func `that nobody asked for are named with their line`(
    old: String, new: String, kind: CharterFault.Kind, line: Int
  ) throws {
    let faults = Samples.faults(try Added.files(grants: (old, new)))
    let expected = faults.contains {
      $0.kind == kind && $0.place.line == line && $0.place.file == "greeter/grants.yaml"
    }
    #expect(expected, "\(faults)")
  }

  @Test func `that stand in the other charter already are named`() throws {
    var files = try Added.files()
    files.removeAll { $0.name == "ledger.yaml" }
    files.append(
      CharterFile(
        name: "ledger.yaml",
        text: Samples.ledger.replacing("callers: [operator]", with: "callers: [operator, greeter]"))
    )
    #expect(Samples.faults(files).map(\.kind) == [.duplicate])
  }

  @Test func `are missed at the line of the charter that needs them`() throws {
    let files = try Added.files().filter { !CharterGrants.isName($0.name) }
    let faults = Samples.faults(files)
    #expect(Set(faults.map(\.kind)) == [.oneSidedEdge])
    #expect(Set(faults.map(\.place.file)) == ["greeter/charter.yaml"])
  }
}
