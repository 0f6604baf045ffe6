import Charters
import StrictJSON
import Testing
import Vocabulary

@Suite struct `An operation that is to go` {
  private static func charters() throws -> CharterSet {
    try SampleCharters.load {
      $0.replacing(
        "scopes: [payments:read]",
        with: "scopes: [payments:read]\n    "
          + "deprecated: {since: 2026-12-01, sunset: 2027-06-30, successor: \"/v2/payments/{id}\"}")
    }
  }

  @Test func `says so with each answer, good or bad, and the others say nothing`() async throws {
    let door = try await Door(charters: Self.charters())
    let token = try door.token()
    let read = "GET /v1/payments/7 HTTP/1.1\r\nHost: h\r\n"
    let good = try await door.ask(read + "Authorization: Bearer \(token)\r\n\r\n")
    let bad = try await door.ask(read + "\r\n")
    #expect(good.status == 200 && bad.status == 401)
    for answer in [good, bad] {
      // 2026-12-01 and 2027-06-30, both at midnight in UTC.
      #expect(answer.fields["deprecation"] == "@1796083200")
      #expect(answer.fields["sunset"] == "Wed, 30 Jun 2027 00:00:00 GMT")
      #expect(answer.fields["link"] == "</v2/payments/7>; rel=\"successor-version\"")
    }
    let other = try await door.ask(Door.payment(token))
    #expect(other.status == 200 && other.fields["deprecation"] == nil)
    await door.close()
  }

  @Test func `stands as deprecated in the published contract`() throws {
    let charter = try #require(try Self.charters()["payments"])
    let text = """
      paths:
        /v1/payments: {post: {operationId: createPayment, responses: {}}}
        /v1/payments/{id}: {get: {operationId: getPayment, responses: {}}}
      """
    let contract = try #require(try PublicContract.of(charter, text: text))
    #expect(contract.value(at: "/paths/~1v1~1payments~1{id}/get/deprecated") == .bool(true))
    #expect(contract.value(at: "/paths/~1v1~1payments/post/deprecated") == nil)
  }
}
