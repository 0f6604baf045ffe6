import Charters
import Chassis
import Gateway
import NIOCore
import StrictJSON
import Telemetry
import Testing
import Transport
import Vocabulary

/// The charters of this repository, and the contracts that the launcher lays down beside them.
struct ShippedContracts {
  /// Read and compiled once for all tests.
  static let shared = Result { try ShippedContracts() }

  let charters: CharterSet
  let contracts: [ServiceName: JSON]
  let book: ContractBook

  private init() throws {
    charters = try `The contracts at the door`.charters()
    var contracts: [ServiceName: JSON] = [:]
    for (name, text) in try `The answers that any request may get`.documents() {
      let service = try #require(ServiceName(name.prefix { $0 != "/" }.lowercased()))
      guard let charter = charters[service] else { continue }
      contracts[service] = try PublicContract.of(charter, text: text)
    }
    self.contracts = contracts
    book = try ContractBook(contracts, routes: EdgeRoutes(charters, factor: 1))
  }

  /// A door of the whole platform.
  static func door(
    inspectedBy shown: ShownTexts? = nil,
    service: (@Sendable (WireRequest) async -> WireResponse)? = nil
  ) async throws -> Door {
    let shipped = try shared.get()
    return try await Door(
      charters: shipped.charters, holds: shipped.book, inspectedBy: shown, service: service)
  }

  private func operation(of route: EdgeRoute) -> JSON? {
    guard !route.isIdentity else { return nil }
    let items = (contracts[route.service]?["paths"]?.object ?? [:]).values
    return items.flatMap { ($0.object ?? [:]).values }.first {
      $0["operationId"]?.string == route.operation.id
    }
  }

  /// An example of a content that an operation takes; nil where it takes none.
  func content(of route: EdgeRoute) -> JSON? {
    let media = operation(of: route)?["requestBody"]?["content"]?["application/json"]
    return media?["example"] ?? media?["examples"]?.object?.values.first?["value"]
  }

  /// A query with what an operation cannot do without; all of them are ids.
  func query(of route: EdgeRoute) -> String {
    let items = (operation(of: route)?["parameters"]?.array ?? []).filter {
      $0["in"]?.string == "query" && $0["required"]?.bool == true
    }.compactMap { $0["name"]?.string }
    return items.isEmpty ? "" : "?" + items.map { "\($0)=\(Self.id)" }.joined(separator: "&")
  }

  static let id = "0193501d-7b00-7a3c-9d2e-0000000000a1"
}

/// One request that every check lets pass, and what can be wrong with it.
private struct Asking {
  var method: String
  var target: String
  var token: String?
  var type: String?
  var key: String?
  var content: String

  init(_ route: EdgeRoute, _ shipped: ShippedContracts, _ door: Door, subject: String) throws {
    let operation = route.operation
    method = operation.method.rawValue
    target =
      operation.path.description.replacing(/\{[a-z_.]+\}/, with: ShippedContracts.id)
      + shipped.query(of: route)
    if operation.authentication == .token {
      let scopes = operation.scopes.map(\.description).sorted().joined(separator: " ")
      token = try door.token(["sub": .string(subject), "scope": .string(scopes)])
    }
    key = operation.idempotency == .key ? "k-1" : nil
    let example = shipped.content(of: route)
    content = example.map { String(decoding: $0.canonicalBytes, as: UTF8.self) } ?? ""
    type = example == nil ? nil : "application/json"
    if route.isIdentity, operation.method == .post {
      (content, type) = ("a=b", "application/x-www-form-urlencoded")
    }
  }

  var text: String {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: localhost"]
    if let token { lines.append("Authorization: Bearer \(token)") }
    if let type { lines.append("Content-Type: \(type)") }
    if let key { lines.append("Idempotency-Key: \(key)") }
    if method != "GET" { lines.append("Content-Length: \(content.utf8.count)") }
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + content
  }

  /// Makes it one that a check refuses. False where the check asks nothing of this operation.
  mutating func offend(_ check: HeadCheck, _ route: EdgeRoute, _ door: Door, _ source: String)
    throws
    -> Bool
  {
    let operation = route.operation
    var report = LimitReport()
    switch check {
    // The same for all: they are tried once, below.
    case .ownDocument, .preflight: return false
    case .addressRate:
      while report.isAllowed { door.book.arrive(from: source, at: door.later, &report) }
    case .route: method = "TRACE"
    case .openRate:
      guard operation.authentication == .none else { return false }
      while report.isAllowed {
        door.book.open(route.index, route.limits, from: source, at: door.later, &report)
      }
    case .tokenShown:
      guard token != nil else { return false }
      token = nil
    case .room:
      guard operation.whenFull == .refuse else { return false }
      _ = door.disk.note(free: 1, total: 1 << 30)
    case .mediaType:
      guard operation.method == .post else { return false }
      (content, type) = ("x", "text/plain")
    case .idempotencyKey:
      guard key != nil else { return false }
      key = nil
    case .parameters:
      guard !route.isIdentity else { return false }
      target += (target.contains("?") ? "&" : "?") + "not_known=1"
    }
    return true
  }

  mutating func offend(
    _ check: ContentCheck, _ route: EdgeRoute, _ door: Door, subject: String
  ) throws -> Bool {
    var report = LimitReport()
    switch check {
    case .scopes:
      guard token != nil, !route.operation.scopes.isEmpty else { return false }
      token = try door.token(["sub": .string(subject), "scope": "other:scope"])
    case .rates:
      guard token != nil else { return false }
      while report.isAllowed {
        door.book.admit(
          route.index, route.limits, client: OutsideIssuer.client, user: subject, at: door.later,
          &report)
      }
    case .json:
      guard type == "application/json" else { return false }
      content = #"{"a":1,"a":2}"#
    case .contract:
      guard type == "application/json" else { return false }
      content = #"{"not_known":1}"#
    case .firewall:
      guard key != nil else { return false }
      key = ShownTexts.marked
    }
    return true
  }
}

@Suite struct `Each check of the door, on each public operation` {
  @Test func `refuses with a problem that it names, and no service hears of it`() async throws {
    let shipped = try ShippedContracts.shared.get()
    let door = try await ShippedContracts.door(inspectedBy: ShownTexts()) { _ in
      WireResponse(status: 204)
    }
    var refused: [String: Int] = [:]
    for route in door.routes.all {
      let source = "127.0.1.\(route.index + 1)"
      let subject = "0193501d-7b00-7a3c-9d2e-\(String(100_000_000_000 + route.index))"
      let asking = try Asking(route, shipped, door, subject: subject)
      // What passes first shows that it is the offence that is refused.
      let passed = try await door.ask(asking.text, from: source)
      #expect(passed.status == 204, "\(route.operation.id): \(passed.content)")
      let heard = door.seen.all.count
      for check in ContentCheck.allCases.reversed() {
        var offence = asking
        guard try offence.offend(check, route, door, subject: subject) else { continue }
        let answer = try await door.ask(offence.text, from: source)
        #expect(
          check.refusals.contains(answer.slug ?? ""),
          "\(route.operation.id) \(check): \(answer.status) \(answer.content)")
        refused[check.rawValue, default: 0] += 1
      }
      for check in HeadCheck.allCases.reversed() {
        var offence = asking
        guard try offence.offend(check, route, door, source) else { continue }
        let answer = try await door.ask(offence.text, from: source)
        _ = door.disk.note(free: 1 << 30, total: 1 << 30)
        #expect(
          check.refusals.contains(answer.slug ?? ""),
          "\(route.operation.id) \(check): \(answer.status) \(answer.content)")
        refused[check.rawValue, default: 0] += 1
      }
      #expect(door.seen.all.count == heard, "\(route.operation.id)")
    }
    let tried = HeadCheck.allCases.map(\.rawValue) + ContentCheck.allCases.map(\.rawValue)
    #expect(Set(tried).subtracting(refused.keys) == ["ownDocument", "preflight"])
    await door.close()
  }
}

@Suite struct `A request that the contract does not name` {
  private static let ids = [
    "0193501d-7b00-7a3c-9d2e-0000000000a1", "0193501d-7b00-7a3c-9d2e-0000000000b2",
  ]

  private static func payment(_ changes: [String: JSON?]) -> String {
    var members: [String: JSON] = [
      "amount": ["minor_units": 1250, "currency": "EUR"], "debtor": .string(ids[0]),
      "creditor": .string(ids[1]),
    ]
    for (name, value) in changes { members[name] = value }
    return String(decoding: JSON.object(members).canonicalBytes, as: UTF8.self)
  }

  @Test(
    arguments: [
      (payment(["amount": nil]), nil, "'amount' is missing"),
      (
        payment(["amount": ["minor_units": 0, "currency": "EUR"]]), "/amount/minor_units", "below 1"
      ),
      (
        payment(["amount": ["minor_units": .number(1.5), "currency": "EUR"]]),
        "/amount/minor_units", "whole"
      ),
      (
        payment(["amount": ["minor_units": 1, "currency": "EURO"]]), "/amount/currency",
        "not one of"
      ),
      (payment(["debtor": "x"]), "/debtor", "is not of the form"),
      (payment(["reference": "a\u{202e}b"]), "/reference", "is not of the form"),
      (payment(["memo": "x"]), "/memo", "not known"),
      ("[]", nil, "must be an object, and is an array"),
      ("", nil, "content is needed"),
    ] as [(String, String?, String)])
  func `is told where and why`(body: String, field: String?, why: String) async throws {
    let door = try await ShippedContracts.door()
    let answer = try await door.ask(Door.payment(try door.token(), body: body))
    #expect(answer.status == 400 && answer.slug == "malformed-request", "\(answer.content)")
    #expect(answer.json?["field"]?.string == field, "\(answer.content)")
    #expect(answer.json?["detail"]?.string?.contains(why) == true, "\(answer.content)")
    #expect(door.seen.all.isEmpty)
    await door.close()
  }

  @Test func `leaves its key to a request that is better`() async throws {
    let door = try await ShippedContracts.door()
    let token = try door.token()
    #expect(try await door.ask(Door.payment(token, body: "{}")).status == 400)
    #expect(try await door.ask(Door.payment(token, body: Self.payment([:]))).status == 200)
    // Byte for byte what was judged is what the service gets.
    let sent = Self.payment(["reference": "Rent \u{e9}"])
    _ = try await door.ask(Door.payment(token, key: "k2", body: sent))
    #expect(door.seen.all.last.map { String(buffer: $0.request.body) } == sent)
    await door.close()
  }

  @Test(arguments: [
    ("/v1/payments/x", "id"), ("/v1/payments?limit=0", "limit"), ("/v1/payments?limit=x", "limit"),
    ("/v1/payments?limit=1&limit=2", "limit"), ("/v1/payments?colour=red", "colour"),
  ])
  func `names the parameter`(target: String, field: String) async throws {
    let door = try await ShippedContracts.door()
    let answer = try await door.ask(
      "GET \(target) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(try door.token())\r\n\r\n")
    #expect(answer.status == 400 && answer.json?["field"]?.string == field, "\(answer.content)")
    #expect(door.seen.all.isEmpty)
    await door.close()
  }

  @Test func `ends the start where a contract has a fault, or leaves an operation out`() throws {
    let shipped = try ShippedContracts.shared.get()
    let routes = EdgeRoutes(shipped.charters, factor: 1)
    var contracts = shipped.contracts
    contracts["payments"] = ["openapi": "3.1.0", "paths": [:]]
    #expect(throws: StartFailure.self) { try ContractBook(contracts, routes: routes) }
    contracts["payments"] = ["openapi": "2.0", "paths": [:]]
    #expect(throws: StartFailure.self) { try ContractBook(contracts, routes: routes) }
  }
}

@Suite struct `An answer that the contract does not name` {
  @Test func `reaches its caller, and is counted`() async throws {
    let door = try await ShippedContracts.door()
    let ask =
      "GET /v1/payments HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(try door.token())\r\n\r\n"
    for _ in 0..<3 { #expect(try await door.ask(ask).content == #"{"done":true}"#) }
    let counted = door.metrics.exposition().split(separator: "\n").first {
      $0.hasPrefix("strongroom_edge_answers_off_contract_total")
        && $0.contains("operation=\"listPayments\"")
    }
    #expect(counted?.hasSuffix(" 3") == true, "\(counted ?? "none")")
    await door.close()
  }
}
