import AuditAPI
import Chassis
import Gateway
import NIOCore
import Testing
import Transport
import Vocabulary

@Suite struct `A tally of refusals` {
  @Test func `records the first of a kind whole, and counts the rest for each party and kind`() {
    var tally = RefusalTally()
    #expect(tally.note(.place("a"), "not-found", .stranger) == true)
    for _ in 0..<999 { #expect(tally.note(.place("a"), "not-found", .stranger) == false) }
    #expect(tally.note(.place("a"), "unauthenticated", .stranger) == true)
    #expect(tally.note(.place("b"), "not-found", .stranger) == true)
    for turn in 1...31 { #expect(tally.note(.place("b"), "token-expired", .shown) == (turn <= 30)) }
    #expect(
      tally.close() == [
        RefusalTally.Count(party: .place("a"), kind: "not-found", count: 999),
        RefusalTally.Count(party: .place("b"), kind: "token-expired", count: 1),
      ])
    #expect(tally.close() == [])
    #expect(tally.note(.place("a"), "not-found", .stranger) == true)
  }

  @Test func `remembers a bounded number of strangers, and counts all others together`() {
    var tally = RefusalTally()
    for turn in 0..<RefusalTally.strangersMax {
      #expect(tally.note(.place("\(turn)"), "not-found", .stranger) == true)
    }
    for _ in 0..<3 { #expect(tally.note(.place("late"), "not-found", .stranger) == false) }
    // Who is remembered stays so, and whoever has a good token is not crowded out.
    #expect(tally.note(.place("0"), "not-found", .stranger) == false)
    #expect(tally.note(.subject("ada", client: "app"), "insufficient-scope", .known) == true)
    #expect(
      tally.close() == [
        RefusalTally.Count(party: .place("0"), kind: "not-found", count: 1),
        RefusalTally.Count(party: nil, kind: "not-found", count: 3),
      ])
  }
}

@Suite struct `A stranger who is refused again and again` {
  private static let nothing = "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test func `makes one record and one count, not one for each request`() async throws {
    let door = try await Door(factor: 100)
    let caller = try await door.caller()
    for _ in 0..<300 { #expect(try await caller.ask(Self.nothing).status == 404) }
    let tokenless = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\n\r\n"
    for _ in 0..<100 { #expect(try await caller.ask(tokenless).status == 401) }
    caller.close()
    let other = try await door.caller(from: "127.0.0.2")
    #expect(try await other.ask(Self.nothing).status == 404)
    other.close()
    let whole = door.records.all
    #expect(whole.map(\.reason) == ["not-found", "unauthenticated", "not-found"])
    let counts = door.refusals.close()
    #expect(counts.map(\.reason) == ["not-found", "unauthenticated"])
    #expect(counts.map { $0.detail["count"] } == ["299", "99"])
    #expect(counts.allSatisfy { $0.detail["place"] == whole[0].detail["place"] })
    #expect(whole[2].detail["place"] != whole[0].detail["place"])
    #expect(!"\(whole + counts)".contains("127.0.0."), "no address stands in a record")
    await door.close()
  }

  @Test func `is told that there are too many long before its answers would be`() async throws {
    let door = try await Door()
    let caller = try await door.caller()
    var statuses: [Int: Int] = [:]
    for _ in 0..<600 { statuses[try await caller.ask(Self.nothing).status, default: 0] += 1 }
    #expect(statuses[404, default: 0] >= 4 * LimitBook.refusalsPerSecond)
    #expect(statuses[429, default: 0] > 0)
    // Good requests of the same address are answered.
    let token = try door.token()
    let good = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
    #expect(try await caller.ask(good).status == 200)
    caller.close()
    await door.close()
  }

  @Test func `or let in where everybody may ask, is counted after the first ones`() async throws {
    let door = try await Door(factor: 100)
    let caller = try await door.caller()
    let sent = "login=a"
    let post =
      "POST /login HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      + "Content-Length: \(sent.utf8.count)\r\n\r\n\(sent)"
    for _ in 0..<50 { #expect(try await caller.ask(post).status == 200) }
    caller.close()
    #expect(door.records.all.count == 30)
    let counts = door.refusals.close()
    #expect(counts.map(\.outcome) == ["allowed"] && counts.map(\.operation) == ["login"])
    #expect(counts.map { $0.detail["count"] } == ["20"])
    await door.close()
  }

  @Test func `by the head of its requests is counted too`() async throws {
    let door = try await Door()
    for _ in 0..<4 {
      #expect(try await door.ask("GET /%2e HTTP/1.1\r\nHost: h\r\n\r\n").status == 400)
    }
    let long = "GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\nHost: h\r\n\r\n"
    let tooLong = try await door.ask(long)
    await door.close()
    let counts = door.refusals.close()
    #expect(door.records.all.map(\.reason) == ["malformed-request", tooLong.slug])
    #expect(counts.map { $0.detail["count"] } == ["3"])
  }
}

@Suite(.serialized) struct `A service's answer at the door` {
  private func ask(
    _ headers: Headers, body: String = "{}", route: String = "/v1/payments/1"
  ) async throws -> OutsideAnswer {
    let door = try await Door(service: { _ in
      WireResponse(status: 200, headers: headers, body: ByteBuffer(string: body))
    })
    let token = try door.token()
    let answer = try await door.ask(
      "GET \(route) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n")
    await door.close()
    return answer
  }

  @Test(arguments: ["public, max-age=600", "s-maxage=600", "private", ""])
  func `to one person is nobody's to keep, whatever the service says`(_ said: String) async throws {
    let answer = try await ask(["content-type": "application/json", "cache-control": said])
    #expect(answer.status == 200)
    #expect(answer.fields["cache-control"] == "private, no-store")
  }

  @Test(arguments: ["text/html", "text/html; charset=utf-8", "image/svg+xml", "TEXT/HTML", ""])
  func `is of a media type that its charter declares, or does not leave`(
    _ type: String
  ) async throws {
    let answer = try await ask(
      type.isEmpty ? [:] : ["content-type": type], body: "<script>steal()</script>")
    #expect(answer.status == 502 && answer.slug == "bad-gateway")
    #expect(!answer.content.contains("steal"))
  }

  @Test(arguments: [
    "application/json", "application/problem+json", "application/json; charset=utf-8",
  ])
  func `of a declared type leaves, and is not sniffed`(_ type: String) async throws {
    let answer = try await ask(["content-type": type])
    #expect(answer.status == 200 && answer.content == "{}")
    #expect(answer.fields["x-content-type-options"] == "nosniff")
  }
}

@Suite struct `A door whose disk is full` {
  @Test func `takes no new work, keeps no record of that, and answers what reads`() async throws {
    let door = try await Door()
    #expect(door.disk.note(free: 1, total: 1 << 30) == .reserved)
    let token = try door.token()
    for _ in 0..<3 {
      // Answered by its head, so that its content closes the connection.
      let answer = try await door.ask(Door.payment(token))
      #expect(answer.status == 503 && answer.slug == "disk-full")
      #expect(answer.fields["retry-after"] == "60")
    }
    #expect(door.records.all.isEmpty && door.refusals.close().isEmpty)
    let read = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
    #expect(try await door.ask(read).status == 200)
    #expect(door.disk.note(free: 1 << 30, total: 1 << 30) == .ample)
    #expect(try await door.ask(Door.payment(token)).status == 200)
    await door.close()
  }
}
