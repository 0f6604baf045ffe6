import Charters
import StrictJSON
import Testing
import Vocabulary

@Suite struct `A set of charters` {
  @Test func `that is right loads, and knows its edges`() throws {
    let set = try CharterSet.load(Samples.files())
    #expect(set.charters.map(\.service) == ["gateway", "ledger", "operator", "payments"])
    let payment = try #require(set["payments"]?.operation("createPayment"))
    #expect(payment.idempotency == .key && payment.isPublic && payment.needsTransactionToken)
    #expect(payment.bodyBytesMax == 16_384 && payment.timeout == .seconds(10))
    #expect(payment.rate?.burst == 100 && payment.context == ["amount": "/amount/minor_units"])
    #expect(payment.forwards == ["ledger"])
    let get = try #require(set["payments"]?.operation("getPayment"))
    #expect(get.bodyBytesMax == 65_536 && get.timeout == .seconds(5) && get.idempotency == .none)
    #expect(get.answers == ["application/json"] && get.caching == .none)
    #expect(set.publicRoutes.map(\.operation.id) == ["createPayment", "getPayment"])
    #expect(set.startOrder == ["ledger", "payments", "gateway"])
    #expect(set.holder(of: .door) == "gateway" && set.holder(of: .authority) == nil)
    #expect(set["payments"]?.role == nil && set["payments"]?.store == .default)
  }

  @Test(arguments: [
    ("payments", "ledger", "createHold", true), ("operator", "ledger", "getAccount", true),
    ("operator", "ledger", "health", true), ("operator", "gateway", "metrics", true),
    ("gateway", "payments", "createPayment", true),
    ("gateway", "ledger", "createHold", false), ("payments", "ledger", "getAccount", false),
    ("payments", "ledger", "health", false), ("ledger", "payments", "createPayment", false),
    ("operator", "payments", "createPayment", false), ("operator", "operator", "health", false),
    ("stranger", "ledger", "createHold", false), ("payments", "ledger", "nothing", false),
  ])
  func `allows what both ends declare and nothing else`(
    caller: String, service: String, operation: String, expected: Bool
  ) throws {
    let set = try CharterSet.load(Samples.files())
    let allowed = set.mayCall(
      caller: try #require(ServiceName(caller)), service: try #require(ServiceName(service)),
      operation: operation)
    #expect(allowed == expected)
  }

  @Test(arguments: ["Text/HTML", "text", "text/html; charset=utf-8", "/html", "text/html/x"])
  func `names the media types of answers in one spelling`(_ type: String) throws {
    let old = "        timeout_ms: 10000"
    func set(_ type: String) throws -> CharterSet {
      try CharterSet.load(
        Samples.files().map { file in
          CharterFile(
            name: file.name,
            text: file.text.replacing(
              old.trimmingPrefix(while: { $0 == " " }), with: "answers: ['\(type)']"))
        })
    }
    let good = try set("text/html")
    #expect(good["payments"]?.operation("createPayment")?.answers == ["text/html"])
    #expect(throws: CharterFaults.self) { try set(type) }
  }

  @Test func `takes what is no GET for new work, unless its charter says that it finishes`() throws
  {
    func whenFull(_ method: String, _ more: String = "") throws -> CharterOperation.WhenFull? {
      try Charter.parse(
        file: "charter.yaml",
        text: """
          apiVersion: strongroom/v1
          service: books
          summary: Keeps books.
          port: 7009
          operations: [{id: do, method: \(method), path: /v1/x, callers: [shop]\(more)}]
          limits: {memory_mib: 64, open_files: 256, connections: 64}
          """
      ).operation("do")?.whenFull
    }
    #expect(try whenFull("GET") == .serve)
    for method in ["POST", "PUT", "PATCH", "DELETE"] { #expect(try whenFull(method) == .refuse) }
    #expect(try whenFull("POST", ", when_full: serve") == .serve)
    #expect(try whenFull("GET", ", when_full: refuse") == .refuse)
    #expect(throws: CharterFaults.self) { try whenFull("POST", ", when_full: yes") }
  }

  @Test func `writes each charter so that it is the same charter again`() throws {
    let files = try Samples.files(
      "ledger", "limits:", "store: {server: allowed, writers: many}\nlimits:")
    #expect(try CharterSet.load(files)["ledger"]?.store.server == .allowed)
    for file in try files + Samples.ours() {
      guard let charter = try? Charter.parse(file: file.name, text: file.text) else { continue }
      let document = String(decoding: charter.document.canonicalBytes, as: UTF8.self)
      #expect(try Charter.parse(file: "charter.json", text: document) == charter)
    }
    let payments = try #require(CharterSet.load(Samples.files())["payments"])
    #expect(payments.document["limits"]?["memory_mib"]?.integer != nil)
    #expect(payments.document["operations"]?.array?.first?["idempotency"]?.string == "key")
  }

  @Test(arguments: ["0128", "0o200", "0x80", "+128", "1_28", "128.0"])
  func `takes a number in one spelling, for other readers of YAML make another number of it`(
    _ spelling: String
  ) throws {
    let number = "memory_mib: 128"
    let files = try Samples.files()
    #expect(files.contains { $0.text.contains(number) })
    let spelled = files.map {
      CharterFile(
        name: $0.name, text: $0.text.replacing(number, with: "memory_mib: \(spelling)"))
    }
    #expect(throws: CharterFaults.self) { try CharterSet.load(spelled) }
  }

  struct Broken: CustomTestStringConvertible {
    let kind: CharterFault.Kind
    let service: String
    let old: String
    let new: String
    let line: Int
    let says: String
    var testDescription: String { "\(kind.rawValue): \(says)" }
    init(
      _ kind: CharterFault.Kind, _ service: String, _ old: String, _ new: String, line: Int,
      _ says: String
    ) {
      self.kind = kind
      self.service = service
      self.old = old
      self.new = new
      self.line = line
      self.says = says
    }
  }

  @Test(arguments: [
    Broken(.unknownField, "payments", "    callers:", "    caller:", line: 9, "'callers'"),
    Broken(
      .unknownField, "payments", "port: 7105", "port: 7105\nowner: me", line: 5, "known fields"),
    Broken(.missingField, "ledger", "port: 7104\n", "", line: 1, "'port' is missing"),
    Broken(
      .missingField, "ledger", "limits: {memory_mib: 128, open_files: 1024, connections: 512}", "",
      line: 1, "'limits' is missing"),
    Broken(.missingField, "payments", ", burst: 100", "", line: 18, "'burst' is missing"),
    Broken(.wrongType, "payments", "port: 7105", "port: '7105'", line: 4, "whole number"),
    Broken(.wrongType, "payments", "public: true", "public: yes", line: 10, "true or false"),
    Broken(.wrongType, "payments", "[gateway]", "gateway", line: 9, "a list"),
    Broken(.wrongType, "payments", "summary: Moves money.", "summary: 12", line: 3, "must be text"),
    Broken(.badValue, "payments", "port: 7105", "port: 80", line: 4, "from 1024 to 65535"),
    Broken(.badValue, "payments", "method: POST", "method: PSOT", line: 7, "'POST'"),
    Broken(
      .badValue, "payments", "path: /v1/payments", "path: v1/payments", line: 8, "begins with"),
    Broken(.badValue, "payments", "/amount/minor_units", "amount", line: 13, "JSON pointer"),
    Broken(.badValue, "payments", "strongroom/v1", "strongroom/v2", line: 1, "strongroom/v1"),
    Broken(.badValue, "ledger", "callers: [operator]", "callers: []", line: 7, "nobody may call"),
    Broken(
      .unknownOperation, "payments", "operations: [createHold]", "operations: [createHolt]",
      line: 22, "'createHold'"),
    Broken(
      .unknownService, "gateway", "service: payments", "service: paiments", line: 6, "'payments'"),
    Broken(
      .unknownService, "ledger", "callers: [operator]", "callers: [operator, loans]", line: 7,
      "no charter"),
    Broken(
      .oneSidedEdge, "ledger", "callers: [payments]", "callers: [payments, gateway]", line: 6,
      "does not declare the call"),
    Broken(
      .oneSidedEdge, "operator", "[getAccount]", "[getAccount, createHold]", line: 5,
      "does not list it"),
    Broken(
      .contradiction, "payments", "data: [", "secrets: [mail-password]\ndata: [", line: 23,
      "add 'handOverSecrets' to the calls to the service that hands it out"),
    Broken(
      .contradiction, "payments", "data: [", "secrets: [sealing-keyring]\ndata: [", line: 23,
      "add 'getSealingKeyring' to the calls to the service that hands it out"),
    Broken(
      .contradiction, "payments", "data: [", "secrets: [root-key]\ndata: [", line: 23,
      "only the service that hands out sealing keys"),
    Broken(
      .contradiction, "payments", "[createHold]", "[createHold, issueEdgeCertificate]", line: 22,
      "add 'edge-certificate' to 'secrets'"),
    Broken(
      .contradiction, "payments", "[createHold]", "[createHold, handOverSecrets]", line: 22,
      "'secrets' names none"),
    Broken(.duplicatePort, "ledger", "port: 7104", "port: 7105", line: 4, "taken by 'ledger'"),
    Broken(.duplicate, "ledger", "id: getAccount", "id: createHold", line: 7, "stands twice"),
    Broken(.duplicate, "ledger", "port: 7104", "port: 7104\nport: 7109", line: 4, "stands twice"),
    Broken(
      .duplicateRoute, "payments", "method: GET, path: \"/v1/payments/{id}\"",
      "method: POST, path: /v1/payments", line: 19, "same route as 'createPayment'"),
    Broken(
      .unlistedDataClass, "payments", "class: payment-intent", "class: payment-intents", line: 23,
      "'payment-intent'"),
    Broken(
      .contradiction, "payments", "sensitivity: confidential", "sensitivity: public", line: 23,
      "confidential in"),
    Broken(.openDoor, "payments", "    scopes: [payments:create]\n", "", line: 6, "no scope"),
    Broken(
      .openDoor, "payments",
      "    scopes: [payments:create]\n    purpose: payment.create\n    context: {amount: /amount/minor_units}\n    forwards: [ledger]\n",
      "    authentication: none\n", line: 11, "without a token"),
    Broken(
      .contradiction, "payments", "timeout_ms: 10000",
      "timeout_ms: 10000\n    deprecated: {since: 2026-12-01, sunset: 2026-11-30}", line: 18,
      "ends before it is deprecated"),
    Broken(
      .badValue, "payments", "timeout_ms: 10000",
      "timeout_ms: 10000\n    deprecated: {since: 2026-02-30}", line: 18, "a day as"),
    Broken(
      .badValue, "payments", "timeout_ms: 10000",
      "timeout_ms: 10000\n    deprecated: {since: 2026-12-01, successor: '/v2/payments/{id}'}",
      line: 18, "has no '{id}'"),
    Broken(
      .contradiction, "ledger", "callers: [payments], purpose",
      "callers: [payments], deprecated: {since: 2026-12-01}, purpose", line: 6, "is not public"),
    Broken(
      .contradiction, "gateway", "role: door", "role: issuer", line: 10, "has the role 'door'"),
    Broken(
      .duplicate, "payments", "port: 7105", "port: 7105\nrole: door", line: 5, "held by 'gateway'"),
    Broken(.badValue, "ledger", "port: 7104", "port: 7104\nrole: dor", line: 5, "one of authority"),
    Broken(
      .missingField, "ledger", "port: 7104", "port: 7104\nstore: {}", line: 5, "'server' is missing"
    ),
    Broken(
      .badValue, "ledger", "port: 7104", "port: 7104\nstore: {server: alowed}", line: 5, "'allowed'"
    ),
    Broken(
      .contradiction, "ledger", "port: 7104", "port: 7104\nstore: {server: never, writers: many}",
      line: 5, "one writer"),
    Broken(
      .contradiction, "payments", "forwards: [ledger]", "forwards: [audit]", line: 14,
      "does not call"),
    Broken(
      .contradiction, "payments", "    purpose: payment.create\n", "", line: 12, "transaction token"
    ),
    Broken(.contradiction, "operator", "calls:", "port: 7200\ncalls:", line: 4, "listens nowhere"),
    Broken(
      .contradiction, "ledger", "port: 7104",
      "port: 7104\nsettings: [{name: a, unit: days, min: 1, max: 3, default: 4, summary: A.}]",
      line: 5, "the default 4 is not from 1 to 3"),
    Broken(
      .missingField, "ledger", "port: 7104", "port: 7104\nsettings: [{name: a, unit: days}]",
      line: 5, "'min' is missing"),
    Broken(
      .badValue, "ledger", "port: 7104",
      "port: 7104\nsettings: [{name: A, unit: days, min: 1, max: 3, default: 2, summary: A.}]",
      line: 5, "a setting's name"),
    Broken(.badYAML, "payments", "summary: Moves", "\tsummary: Moves", line: 3, "not YAML"),
  ])
  func `names each fault, its line and what to do`(broken: Broken) throws {
    let faults = Samples.faults(try Samples.files(broken.service, broken.old, broken.new))
    let found = faults.contains {
      $0.kind == broken.kind && $0.place.line == broken.line
        && $0.description.contains(broken.says)
    }
    #expect(found, "found instead: \(CharterFaults(faults))")
  }
}

extension `A set of charters` {
  @Test func `reports all faults at once, in the files' order`() throws {
    var files = try Samples.files("payments", "port: 7105", "prot: 7105")
    files[1] = CharterFile(
      name: "ledger.yaml",
      text: Samples.ledger.replacing("[operator]", with: "[operator, operator]"))
    let faults = Samples.faults(files)
    #expect(faults.map(\.kind) == [.duplicate, .missingField, .unknownField])
    #expect(faults == faults.sorted())
  }

  @Test func `refuses a cycle of requests, but not one closed by an outbox`() throws {
    func platform(_ delivery: String) -> [CharterFile] {
      let limits = "limits: {memory_mib: 64, open_files: 64, connections: 8}"
      func charter(_ name: String, _ port: Int, _ operation: String, from: String, _ calls: String)
        -> CharterFile
      {
        CharterFile(
          name: "\(name).yaml",
          text: """
            {apiVersion: strongroom/v1, service: \(name), summary: One., port: \(port), \(limits),
             operations: [{id: \(operation), method: POST, path: /v1/x, callers: [\(from)], idempotency: key}],
             calls: [\(calls)]}
            """)
      }
      return [
        charter(
          "authority", 7101, "seal", from: "audit",
          "{service: audit, operations: [append]\(delivery)}"),
        charter(
          "audit", 7106, "append", from: "authority", "{service: authority, operations: [seal]}"),
      ]
    }
    let faults = Samples.faults(platform(""))
    #expect(faults.map(\.kind) == [.cycle])
    #expect(faults.first?.message.hasSuffix("audit → authority → audit") == true)
    let set = try CharterSet.load(platform(", delivery: outbox"))
    #expect(set.startOrder == ["authority", "audit"])
  }

  @Test func `lets one service only keep personal data`() throws {
    let data = "data: [{class: customer-profile, sensitivity: personal}]\n"
    let files = try Samples.files("ledger", "limits:", data + "limits:").map {
      $0.name == "gateway.yaml" ? CharterFile(name: $0.name, text: $0.text + "\n" + data) : $0
    }
    let faults = Samples.faults(files)
    #expect(faults.count == 1 && faults.first?.message.contains("kept by 'gateway'") == true)
  }
}

@Suite struct `A charter's limits` {
  @Test(arguments: [(Charter.operationsMax, true), (Charter.operationsMax + 1, false)])
  func `hold the number of operations`(count: Int, isAccepted: Bool) {
    let operations = (0..<count).map {
      "  - {id: read\($0), method: GET, path: /v1/x\($0), callers: [operator]}"
    }
    check(operations, isAccepted)
  }

  @Test(arguments: [(0, true), (1, false)])
  func `hold the size of the file`(excess: Int, isAccepted: Bool) {
    let operation = "  - {id: read, method: GET, path: /v1/x, callers: [operator]}"
    let text = charter([operation])
    let filler = String(
      repeating: "#", count: Charter.fileBytesMax - text.utf8.count - 1 + excess)
    #expect(((try? Charter.parse(file: "x", text: text + "\n" + filler)) != nil) == isAccepted)
  }

  @Test(arguments: [
    ("body_bytes_max: 16777216", true), ("body_bytes_max: 16777217", false),
    ("body_bytes_max: 0", true), ("body_bytes_max: -1", false),
    ("timeout_ms: 120000", true), ("timeout_ms: 120001", false), ("timeout_ms: 0", false),
  ])
  func `hold each operation's own numbers`(field: String, isAccepted: Bool) {
    check(
      ["  - {id: read, method: GET, path: /v1/x, callers: [operator], \(field)}"], isAccepted)
  }

  private func charter(_ operations: [String]) -> String {
    """
    apiVersion: strongroom/v1
    service: books
    summary: One.
    port: 7109
    limits: {memory_mib: 64, open_files: 64, connections: 8}
    operations:

    """ + operations.joined(separator: "\n")
  }

  private func check(_ operations: [String], _ isAccepted: Bool) {
    #expect(((try? Charter.parse(file: "x", text: charter(operations))) != nil) == isAccepted)
  }
}
