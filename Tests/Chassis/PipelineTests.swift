import AuditAPI
import Chassis
import Crypto
import NIOCore
import Storage
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

enum IdempotencyClaimDigest {
  static func sha256(_ text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}

private let correlation = CorrelationID(bits: 0xfeed)!  // A constant other than zero.

private func slug(_ response: WireResponse) -> String? {
  guard case .object(let members)? = try? JSON.parse(Array(response.body.readableBytesView)) else {
    return nil
  }
  return members["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.count)) }
}

/// The audit records that wait in the service's outbox.
private func records(_ street: Street) async throws -> [AuditRecord] {
  try await street.process.context.outbox.batch(of: AuditOperations.topic).messages.map {
    try StrictJSON.decode(AuditRecord.self, from: $0.body)
  }
}

@Suite struct `A request on its way through the chassis` {
  @Test func `is answered where both charters declare it, and the decision is recorded`()
    async throws
  {
    let street = try await Street()
    let answer = try await street.send(#"{"name":"Ada"}"#, to: "/v1/greetings")
    #expect(answer.status == 200)
    #expect(answer.headers["correlation-id"].flatMap { CorrelationID($0) } != nil)
    let kept = try await records(street)
    #expect(kept.map(\.outcome) == ["allowed"] && kept.first?.caller == "visitor")
    await street.close()
  }

  @Test func `is refused where the caller did not declare it, and the refusal is recorded`()
    async throws
  {
    let street = try await Street()
    let answer = try await street.send(#"{"name":"Ada"}"#, to: "/v1/greetings", as: "stranger")
    #expect(answer.status == 403 && slug(answer) == "edge-not-declared")
    let kept = try await records(street)
    #expect(kept.map(\.outcome) == ["refused"] && kept.first?.reason == "edge-not-declared")
    await street.close()
  }

  @Test func `is refused with the kind of wrongness named`() async throws {
    let street = try await Street()
    let tooLarge = #"{"name":""# + String(repeating: "a", count: 200) + #""}"#
    let table: [(String, String, String, Int, String)] = [
      ("POST", "/v1/nowhere", "{}", 404, "not-found"),
      ("PUT", "/v1/greetings", "{}", 405, "method-not-allowed"),
      ("POST", "/v1/greetings", "{", 400, "malformed-request"),
      ("POST", "/v1/greetings", #"{"name":"a","name":"b"}"#, 400, "malformed-request"),
      ("POST", "/v1/greetings", #"{"name":"a","shoe":"b"}"#, 400, "malformed-request"),
      ("POST", "/v1/greetings", "{}", 400, "malformed-request"),
      ("POST", "/v1/greetings?a=1&a=2", #"{"name":"a"}"#, 400, "malformed-request"),
      ("POST", "/v1/greetings", tooLarge, 413, "content-too-large"),
      ("POST", "/v1/payments", #"{"name":"a"}"#, 401, "transaction-token-missing"),
      ("POST", "/v1/failures", "{}", 500, "internal-error"),
    ]
    for (method, target, body, status, name) in table {
      let answer = try await street.send(body, to: target, method: method)
      #expect(answer.status == status && slug(answer) == name, "\(method) \(target) \(body)")
    }
    await street.close()
  }

  @Test func `asks only the operator for nothing: health stands behind the same door`() async throws
  {
    let street = try await Street()
    let stranger = try await street.send("", to: "/metrics", method: "GET")
    #expect(stranger.status == 403)
    await street.close()
  }
}

@Suite struct `A transaction token` {
  private func pay(
    _ street: Street, _ token: String, body: String = #"{"name":"Ada"}"#,
    as caller: ServiceName = "gateway", key: String = "k1"
  ) async throws -> WireResponse {
    try await street.send(
      body, to: "/v1/payments", as: caller,
      headers: [
        Header.transactionToken: token, Header.idempotencyKey: key,
        Header.correlation: "\(correlation)",
      ])
  }

  @Test func `lets exactly the request through that it was issued for`() async throws {
    let street = try await Street()
    let token = try street.token(for: #"{"name":"Ada"}"#, correlation: correlation)
    let answer = try await pay(street, token)
    #expect(answer.status == 201)
    await street.close()
  }

  @Test func `is refused when it is another's, stale, widened or for something else`() async throws
  {
    let street = try await Street()
    let body = #"{"name":"Ada"}"#
    let now = street.clock.now()
    let good = try street.token(for: body, correlation: correlation)
    let flipped = String(good.dropLast(6)) + (good.hasSuffix("AAAAAA") ? "BBBBBB" : "AAAAAA")
    let other = CorrelationID(bits: 0xbeef)!  // A constant other than zero.
    let table: [(String, ServiceName, String)] = [
      (
        try street.token(for: body, signer: "greeter", correlation: correlation), "gateway",
        "transaction-token-untrusted"
      ),
      (flipped, "gateway", "transaction-token-signature"),
      (
        try street.token(for: body, issuedAt: now - .seconds(40), correlation: correlation),
        "gateway", "transaction-token-expired"
      ),
      (
        try street.token(for: body, issuedAt: now + .seconds(20), correlation: correlation),
        "gateway", "transaction-token-not-yet-valid"
      ),
      (good, "visitor", "transaction-token-presenter"),
      (
        try street.token(for: body, purpose: "profile.read", correlation: correlation), "gateway",
        "transaction-token-purpose"
      ),
      (
        try street.token(for: body, scopes: [], correlation: correlation), "gateway",
        "insufficient-scope"
      ),
      (
        try street.token(for: #"{"name":"Eve"}"#, correlation: correlation), "gateway",
        "transaction-token-other-request"
      ),
      (
        try street.token(for: body, target: "/v1/other", correlation: correlation), "gateway",
        "transaction-token-other-request"
      ),
      (
        try street.token(for: body, correlation: other), "gateway",
        "transaction-token-other-request"
      ),
      ("not.a.token", "gateway", "transaction-token-malformed"),
    ]
    for (token, caller, name) in table {
      let answer = try await pay(street, token, as: caller)
      #expect(slug(answer) == name && answer.status == 403)
    }
    let kept = try await records(street)
    #expect(kept.count == table.count && kept.allSatisfy { $0.outcome == "refused" })
    await street.close()
  }

  @Test func `and its key give the same answer fifty times over, and one payment`() async throws {
    let street = try await Street()
    let body = #"{"name":"Ada"}"#
    let answers = try await withThrowingTaskGroup(of: WireResponse.self) { group in
      for _ in 0..<50 {
        let token = try street.token(for: body, correlation: correlation)
        group.addTask { try await pay(street, token, body: body) }
      }
      return try await group.reduce(into: [WireResponse]()) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0.status == 201 && $0.body == answers[0].body })
    #expect(answers.filter { $0.headers[Header.idempotentReplayed] == "true" }.count == 49)
    await street.close()
  }

  @Test func `does not open a used key to another body: the refusal names the first`() async throws
  {
    let street = try await Street()
    let (one, two) = (#"{"name":"Ada"}"#, #"{"name":"Eve"}"#)
    let first = try await pay(street, street.token(for: one, correlation: correlation), body: one)
    let paid = try StrictJSON.decode(Greeter.Paid.self, from: Array(first.body.readableBytesView))
    let second = try await pay(street, street.token(for: two, correlation: correlation), body: two)
    #expect(second.status == 409 && slug(second) == "idempotency-key-reused")
    let members = try JSON.parse(Array(second.body.readableBytesView))
    #expect(members["first"]?.string == paid.id?.description)
    await street.close()
  }

  @Test func `with a key keeps a refusal of the domain, but not a passing trouble`() async throws {
    let street = try await Street()
    for (name, first, then) in [("nobody", 409, 409), ("later", 503, 201)] {
      let body = #"{"name":"\#(name)"}"#
      for status in [first, then] {
        let token = try street.token(for: body, correlation: correlation)
        let answer = try await pay(street, token, body: body, key: name)
        #expect(answer.status == status, "\(name)")
      }
    }
    await street.close()
  }

  @Test func `names a query item that its charter does not, before anything is done`() async throws
  {
    let street = try await Street()
    for (target, field) in [
      ("/v1/greetings?zebra=1&ant=2", "ant"), ("/v1/greetings?dry_run=true", "dry_run"),
      ("/v1/greetings?%6eame=x", "name"),
    ] {
      let answer = try await street.send(#"{"name":"Ada"}"#, to: target)
      #expect(answer.status == 400 && slug(answer) == "malformed-request", "\(target)")
      let members = try JSON.parse(Array(answer.body.readableBytesView))
      #expect(members["field"]?.string == field)
    }
    #expect(try await street.send(#"{"name":"Ada"}"#, to: "/v1/greetings?").status == 200)
    await street.close()
  }

  @Test func `is refused by a page where a browser asks and the operation has pages`() async throws
  {
    let street = try await Street()
    let browser: Headers = ["accept": "text/html,application/xhtml+xml,*/*;q=0.8"]
    let twice = "/v1/greetings?a=1&a=2"
    let page = try await street.send("{}", to: twice, headers: browser)
    #expect(page.status == 400 && page.headers["content-type"] == "text/html")
    #expect(String(buffer: page.body) == "<h1>malformed-request</h1>")
    // A program takes anything; an operation without pages has none.
    for (target, headers) in [
      (twice, ["accept": "*/*"] as Headers), ("/v1/failures?a=1&a=2", browser),
    ] {
      let answer = try await street.send("{}", to: target, headers: headers)
      #expect(answer.status == 400 && slug(answer) == "malformed-request")
    }
    await street.close()
  }

  @Test func `needs a key where the charter says so`() async throws {
    let street = try await Street()
    let body = #"{"name":"Ada"}"#
    for (key, name) in [
      (nil, "idempotency-key-required"), ("with space", "malformed-request"),
      (String(repeating: "k", count: 256), "malformed-request"),
    ] {
      var headers: Headers = [
        Header.transactionToken: try street.token(for: body, correlation: correlation),
        Header.correlation: "\(correlation)",
      ]
      if let key { headers.add(Header.idempotencyKey, key) }
      let answer = try await street.send(body, to: "/v1/payments", as: "gateway", headers: headers)
      #expect(answer.status == 400 && slug(answer) == name)
    }
    await street.close()
  }
}
