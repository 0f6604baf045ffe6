import Charters
import Foundation
import Gateway
import StrictJSON
import Testing
import Transport
import Vocabulary
import Yams

/// The one list of statuses, the OpenAPI documents, and what the door says.
@Suite struct `The answers that any request may get` {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../..").standardizedFileURL

  static func documents() throws -> [(name: String, text: String)] {
    let services = root.appendingPathComponent("Sources/Services")
    return try FileManager.default.contentsOfDirectory(atPath: services.path).sorted().map { name in
      let file = services.appendingPathComponent("\(name)/openapi.yaml")
      return ("\(name)/openapi.yaml", try String(contentsOf: file, encoding: .utf8))
    }
  }

  /// What stands at the top of each document; each operation takes it over with one line.
  static let shared =
    "x-every-request: &every-request\n"
    + DoorAnswer.all.map {
      "  '\($0.status)': {$ref: '#/components/responses/\($0.name)'}\n"
    }.joined()

  /// Operations of a document that do not tell all of them, by their status or by `default`.
  static func untold(_ text: String) throws -> [String] {
    let document = try #require(try Yams.load(yaml: text) as? [String: Any])
    var untold: [String] = []
    for (path, item) in try #require(document["paths"] as? [String: [String: Any]]) {
      for (method, operation) in item {
        guard let operation = operation as? [String: Any],
          let responses = operation["responses"] as? [String: Any], responses["default"] == nil
        else { continue }
        let missing = DoorAnswer.all.map { "\($0.status)" }.filter { responses[$0] == nil }
        if !missing.isEmpty { untold.append("\(method) \(path): \(missing)") }
      }
    }
    return untold.sorted()
  }

  @Test func `stand in every operation of every document`() throws {
    let documents = try Self.documents()
    #expect(documents.count >= 7)
    for (name, text) in documents {
      let untold = try Self.untold(text)
      #expect(untold.isEmpty, "\(name): add '<<: *every-request' to the responses of \(untold)")
      // A document that says `default` leaves the list to the door, which adds it to what it tells.
      guard text.contains("x-every-request") else { continue }
      #expect(text.contains(Self.shared), "\(name) begins its paths with:\n\(Self.shared)")
      let document = try #require(try Yams.load(yaml: text) as? [String: Any])
      let components = try #require(document["components"] as? [String: [String: Any]])
      for answer in DoorAnswer.all {
        let response = try #require(
          components["responses"]?[answer.name] as? [String: Any], "\(name)")
        #expect(response["description"] as? String == answer.meaning, "\(name)")
        let fields = (response["headers"] as? [String: Any])?.keys.sorted() ?? []
        #expect(fields == (answer.field.map { [$0.name] } ?? []), "\(name) \(answer.name)")
      }
    }
  }

  @Test func `have the kind that programs decide on, the same list in every document`() throws {
    let kinds = ProblemKind.allCases.map(\.rawValue)
    #expect(
      DoorAnswer.problem.value(at: "/properties/kind/enum")?.array?.compactMap(\.string) == kinds)
    for (name, text) in try Self.documents() {
      let document = try #require(try Yams.load(yaml: text) as? [String: Any])
      let components = try #require(document["components"] as? [String: [String: Any]])
      guard text.contains("x-every-request") else { continue }
      let problem = try #require(components["schemas"]?["Problem"] as? [String: Any], "\(name)")
      let kind = (problem["properties"] as? [String: [String: Any]])?["kind"]
      #expect(kind?["enum"] as? [String] == kinds, "\(name)")
      #expect((problem["required"] as? [String])?.contains("kind") == true, "\(name)")
    }
  }

  @Test func `are missed where an operation leaves them out`() throws {
    let text = """
      paths:
        /x: {get: {responses: {'200': {description: ok}, '400': {description: no}}}}
      """
    #expect(try Self.untold(text).count == 1)
  }

  @Test func `are all that the door says by itself, and each has its reason phrase`() throws {
    let known = Set(DoorAnswer.all.map(\.status))
    let faults: [RequestFault] = [
      .byte, .requestLine, .fieldLine, .target, .targetTooLong, .headTooLarge, .tooManyFields,
      .version, .host, .authorityMismatch, .repeated(.host), .contentLength, .twoLengths,
      .transferEncoding, .chunk, .unexpectedContent, .contentEncoding, .expectation, .bodyTooLarge,
      .headTimeout, .bodyTimeout,
    ]
    for fault in faults { #expect(known.contains(fault.problem.status), "\(fault)") }
    let failures: [TransportFailure?] = [
      .unreachable, .circuitOpen, .overloaded, .deadlineExceeded, .notTheService,
      .answerMalformed, .answerLost, nil,
    ]
    for failure in failures { #expect(known.contains(Upstream.problem(for: failure).status)) }
    for problem in [
      Problem.malformed(""), .notFound, .unauthenticated, .forbidden, .unavailable(),
      .deadlineExceeded, .defect,
    ] { #expect(known.contains(problem.status), "\(problem.slug)") }
  }
}

@Suite struct `The contracts at the door` {
  static func charters() throws -> CharterSet {
    let root = `The answers that any request may get`.root
    func file(_ path: String) throws -> CharterFile {
      CharterFile(
        name: path,
        text: try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
    }
    let services = try FileManager.default.contentsOfDirectory(
      atPath: root.appendingPathComponent("Sources/Services").path)
    return try CharterSet.load(
      try services.map { try file("Sources/Services/\($0)/charter.yaml") }
        + ["data-classes", "operator"].map { try file("Charters/\($0).yaml") })
  }

  @Test func `tell every public operation, and nothing of the internal ones`() throws {
    var told = 0
    // All of the gateway's own is public, though no charter says so.
    for charter in try Self.charters().charters where charter.service != "gateway" {
      let name = "\(charter.service)".capitalized
      let documents = try `The answers that any request may get`.documents()
      guard let text = documents.first(where: { $0.name == "\(name)/openapi.yaml" })?.text else {
        continue
      }
      let open = charter.operations.filter(\.isPublic)
      let contract = try PublicContract.of(charter, text: text)
      #expect((contract == nil) == open.isEmpty)
      guard let contract else { continue }
      var ids: Set<String> = []
      for item in try #require(contract["paths"]?.object).values {
        for operation in try #require(item.object).values {
          guard let id = operation["operationId"]?.string else { continue }
          ids.insert(id)
          for answer in DoorAnswer.all {
            #expect(operation["responses"]?["\(answer.status)"] != nil, "\(id) \(answer.status)")
          }
        }
      }
      #expect(ids == Set(open.map(\.id)))
      told += ids.count
      let bytes = contract.canonicalBytes
      #expect(try JSON.parse(bytes) == contract, "it can be read again")
      for operation in charter.operations where !operation.isPublic {
        #expect(!String(decoding: bytes, as: UTF8.self).contains("\"\(operation.id)\""))
      }
      #expect(contract["components"]?["schemas"]?["NewClient"] == nil)
    }
    #expect(told >= 19)
    let door = try #require(try Self.charters()["gateway"])
    let documents = try `The answers that any request may get`.documents()
    let own = try #require(documents.first { $0.name == "Gateway/openapi.yaml" })
    let contract = try #require(try PublicContract.of(door, text: own.text))
    #expect(contract["paths"]?.object?.count == 3)
  }

  @Test func `are refused where they leave a public operation out`() throws {
    let charter = try Charter.parse(file: "payments.yaml", text: SampleCharters.payments)
    for text in [
      "paths: {}", "a: [", "paths: {/v1/payments: {post: {operationId: createPayment}}}",
    ] {
      #expect(throws: PublicContract.Fault.self) { try PublicContract.of(charter, text: text) }
    }
    let whole = """
      paths:
        /v1/payments: {post: {operationId: createPayment, responses: {}}}
        /v1/payments/{id}: {get: {operationId: getPayment, responses: {}}}
      """
    let contract = try #require(try PublicContract.of(charter, text: whole))
    let not = contract.value(at: "/paths/~1v1~1payments/post/responses/405/$ref")?.string
    #expect(not == "#/components/responses/MethodNotAllowed")
    #expect(contract.value(at: "/components/responses/MethodNotAllowed/headers/Allow") != nil)
    #expect(contract.value(at: "/components/schemas/Problem") != nil)
  }

  @Test func `are served, kept by tag, named in a catalogue, and speak of this platform`()
    async throws
  {
    let contract: JSON = [
      "servers": [["url": "https://localhost:8443"]], "openapi": "3.1.0",
    ]
    let door = try await Door(contracts: ["payments": contract])
    let first = try await door.ask("GET /openapi/payments.json HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(first.status == 200)
    #expect(first.json?["servers"] == [["url": "https://bank.example"]])
    #expect(first.fields["content-type"] == "application/json")
    #expect(first.fields["cache-control"] == "public, max-age=300")
    let tag = try #require(first.fields["etag"])
    for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
      let again = try await door.ask(
        "GET /openapi/payments.json HTTP/1.1\r\nHost: h\r\nIf-None-Match: \(known)\r\n\r\n")
      #expect(again.status == 304 && again.content.isEmpty && again.fields["etag"] == tag)
    }
    let other = try await door.ask(
      "GET /openapi/payments.json HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"x\"\r\n\r\n")
    #expect(other.status == 200)
    let catalog = try await door.ask("GET /.well-known/api-catalog HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(catalog.fields["content-type"] == "application/linkset+json")
    #expect(catalog.content.contains("https://bank.example/openapi/payments.json"))
    let none = try await door.ask("GET /openapi/ledger.json HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(none.status == 404)
    let post = try await door.ask(
      "POST /openapi/payments.json HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    #expect(post.status == 405 && post.fields["allow"] == "GET, HEAD")
    await door.close()
  }
}
