import Chassis
import NIOCore
import Storage
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

private let correlation = CorrelationID(bits: 0xfeed)!  // A constant other than zero.

@Suite struct `A key of one client of a person` {
  private let ada = #"{"name":"Ada"}"#
  private let eve = #"{"name":"Eve"}"#

  private func pay(
    _ street: Street, _ body: String, by client: String, key: String = "k1"
  ) async throws -> WireResponse {
    try await street.send(
      body, to: "/v1/payments", as: "gateway",
      headers: [
        Header.transactionToken: try street.token(
          for: body, client: client, correlation: correlation),
        Header.idempotencyKey: key, Header.correlation: "\(correlation)",
      ])
  }

  private func paid(_ answer: WireResponse) throws -> Greeter.Paid {
    try StrictJSON.decode(Greeter.Paid.self, from: Array(answer.body.readableBytesView))
  }

  @Test func `is nobody else's: another client makes a payment of its own with it`() async throws {
    let street = try await Street()
    let first = try await pay(street, ada, by: "app")
    let second = try await pay(street, ada, by: "other")
    #expect(first.status == 201 && second.status == 201)
    #expect(second.headers[Header.idempotentReplayed] == nil)
    #expect(try paid(first).id != paid(second).id)
    // Nor does the other one learn that it was used, by sending something else.
    #expect(try await pay(street, eve, by: "third").status == 201)
    let again = try await pay(street, ada, by: "app")
    #expect(again.headers[Header.idempotentReplayed] == "true" && again.body == first.body)
    await street.close()
  }

  /// As the key was kept before clients had keys of their own.
  private func keep(
    _ street: Street, _ body: String, key: String, isAnswered: Bool
  ) async throws {
    let fingerprint = IdempotencyClaimDigest.sha256("/v1/payments\u{0}" + body)
    let begun = try await street.process.context.idempotency.begin(
      scope: "pay \(Street.person)", key: #require(IdempotencyKey(key)),
      // Kept by its bytes alone, as then.
      print: RequestPrint(meaning: fingerprint, spelling: fingerprint), at: street.clock.now())
    guard case .fresh(let claim) = begun else { throw Problem.defect }
    if isAnswered {
      try await street.process.context.idempotency.finish(
        claim, answer: StoredAnswer(status: 201, headers: [], body: Array(#"{"old":1}"#.utf8)))
    } else {
      try await street.process.context.idempotency.abandon(claim)
    }
  }

  @Test func `from before there were such still answers, to the first who repeats it exactly`()
    async throws
  {
    let street = try await Street()
    try await keep(street, ada, key: "k1", isAnswered: true)
    // Who does not know what was sent learns nothing: to him the key is fresh.
    let stranger = try await pay(street, eve, by: "stranger")
    #expect(stranger.status == 201 && stranger.headers[Header.idempotentReplayed] == nil)
    for _ in 0..<2 {
      let heir = try await pay(street, ada, by: "app")
      #expect(heir.headers[Header.idempotentReplayed] == "true")
      #expect(String(buffer: heir.body) == #"{"old":1}"#)
    }
    // The heir's it is, like any other key of his.
    #expect(try await pay(street, eve, by: "app").status == 409)
    let late = try await pay(street, ada, by: "other")
    #expect(late.status == 201 && late.headers[Header.idempotentReplayed] == nil)
    await street.close()
  }

  @Test func `is the request's meaning: another spelling of it is answered as the first`()
    async throws
  {
    let street = try await Street()
    let first = try await pay(street, #"{"name":"Ada","note":"hi"}"#, by: "app")
    #expect(first.status == 201)
    for body in [
      #"{"note":"hi","name":"Ada"}"#, "{ \"name\" : \"Ada\",\r\n\t\"note\":\"hi\" }",
      #"{"name":"\u0041da","note":"h\u0069"}"#,
    ] {
      let again = try await pay(street, body, by: "app")
      #expect(again.headers[Header.idempotentReplayed] == "true", "\(body)")
      #expect(again.body == first.body)
    }
    for body in [#"{"name":"Ada","note":"Hi"}"#, ada, #"{"name":"Ada","note":null}"#] {
      #expect(try await pay(street, body, by: "app").status == 409, "\(body)")
    }
    // Null says as much as nothing.
    #expect(try await pay(street, ada, by: "app", key: "k2").status == 201)
    let null = try await pay(street, #"{"note":null,"name":"Ada"}"#, by: "app", key: "k2")
    #expect(null.status == 201 && null.headers[Header.idempotentReplayed] == "true")
    await street.close()
  }

  @Test func `is not used up by a request that was refused as malformed`() async throws {
    let street = try await Street()
    for body in [
      "", "{", "[]", #"{"name":1}"#, #"{"name":"Ada","name":"Ada"}"#, #"{"name":"mistaken"}"#,
    ] {
      #expect(try await pay(street, body, by: "app").status == 400, "\(body)")
    }
    let paid = try await pay(street, ada, by: "app")
    #expect(paid.status == 201 && paid.headers[Header.idempotentReplayed] == nil)
    await street.close()
  }

  @Test func `names what was made first only where something was made`() async throws {
    let street = try await Street()
    #expect(try await pay(street, #"{"name":"nobody"}"#, by: "app").status == 409)
    let refused = try await pay(street, ada, by: "app")
    #expect(refused.status == 409)
    let members = try JSON.parse(Array(refused.body.readableBytesView))
    #expect(members["type"]?.string?.hasSuffix("idempotency-key-reused") == true)
    #expect(members["first"] == nil && members["first_at"] != nil)
    await street.close()
  }

  @Test func `that an older build let a malformed request use up is free`() async throws {
    let street = try await Street()
    let keys = street.process.context.idempotency
    let scope = "pay \(Street.person.utf8.count):\(Street.person) app"
    let begun = try await keys.begin(
      scope: scope, key: #require(IdempotencyKey("k1")),
      print: RequestPrint(meaning: [1], spelling: [1]), at: street.clock.now())
    guard case .fresh(let claim) = begun else { throw Problem.defect }
    try await keys.finish(claim, answer: StoredAnswer(status: 400, headers: [], body: []))
    let paid = try await pay(street, ada, by: "app")
    #expect(paid.status == 201 && paid.headers[Header.idempotentReplayed] == nil)
    await street.close()
  }

  @Test func `from before there were such is carried to its end under the id that it had`()
    async throws
  {
    let street = try await Street()
    try await keep(street, ada, key: "k2", isAnswered: false)
    let heir = try await paid(pay(street, ada, by: "app", key: "k2"))
    let other = try await paid(pay(street, ada, by: "other", key: "k2"))
    let fresh = try await paid(pay(street, ada, by: "app", key: "k3"))
    // Length and text of scheme, person, operation and key.
    let text = "22:strongroom/resource/v136:\(Street.person)3:pay2:k2"
    #expect(heir.id == PaymentID(digest: IdempotencyClaimDigest.sha256(text)))
    #expect(Set([heir.id, other.id, fresh.id]).count == 3)
    await street.close()
  }
}
