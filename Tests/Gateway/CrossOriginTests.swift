import Chassis
import Gateway
import StrictJSON
import Testing
import Transport
import Vocabulary

@Suite struct `A script of another site` {
  private static let origin = "https://app.example"

  private func preflight(
    _ path: String, origin: String = origin, method: String = "POST"
  ) -> String {
    "OPTIONS \(path) HTTP/1.1\r\nHost: h\r\nOrigin: \(origin)\r\n"
      + "Access-Control-Request-Method: \(method)\r\n"
      + "Access-Control-Request-Headers: authorization\r\n\r\n"
  }

  @Test func `may ask identity's endpoints where its origin is registered, and nowhere else`()
    async throws
  {
    let door = try await Door(factor: 100)
    door.origins.replace(by: [Self.origin])
    let allowed = try await door.ask(preflight("/login"))
    #expect(allowed.status == 204)
    #expect(allowed.fields["access-control-allow-origin"] == Self.origin)
    #expect(allowed.fields["access-control-allow-methods"] == "POST")
    #expect(allowed.fields["access-control-allow-headers"] == "authorization, content-type")
    #expect(allowed.fields["access-control-allow-credentials"] == nil)
    #expect(allowed.fields["vary"] == "origin")
    let refusals: [(String, Int)] = [
      (preflight("/login", origin: "https://evil.example"), 403),
      (preflight("/login", origin: "null"), 403),
      // Not of the resource, no method of it, and no preflight.
      (preflight("/v1/payments"), 405), (preflight("/login", method: "PUT"), 405),
      (preflight("/nothing"), 404),
      ("OPTIONS /login HTTP/1.1\r\nHost: h\r\nOrigin: \(Self.origin)\r\n\r\n", 405),
    ]
    for (text, status) in refusals {
      let answer = try await door.ask(text)
      #expect(answer.status == status, "\(text)")
      #expect(answer.fields["access-control-allow-origin"] == nil, "\(text)")
    }
    #expect(door.seen.all.isEmpty)
    await door.close()
  }

  @Test func `reads answers and refusals of these endpoints, never with credentials`() async throws
  {
    let door = try await Door(factor: 100)
    door.origins.replace(by: [Self.origin])
    func ask(_ path: String, _ origin: String?, type: String = "application/json") async throws
      -> OutsideAnswer
    {
      let line = origin.map { "Origin: \($0)\r\n" } ?? ""
      return try await door.ask(
        "POST \(path) HTTP/1.1\r\nHost: h\r\n\(line)Content-Type: \(type)\r\n"
          + "Content-Length: 2\r\n\r\n{}")
    }
    for type in ["application/json", "text/plain"] {
      let answer = try await ask("/login", Self.origin, type: type)
      #expect(answer.status == (type == "text/plain" ? 415 : 200))
      #expect(answer.fields["access-control-allow-origin"] == Self.origin)
      #expect(answer.fields["access-control-expose-headers"]?.contains("retry-after") == true)
      #expect(answer.fields["access-control-allow-credentials"] == nil)
    }
    for origin in ["https://evil.example", nil] {
      let answer = try await ask("/login", origin)
      #expect(answer.fields["access-control-allow-origin"] == nil)
      #expect(answer.fields["vary"] == "origin")
    }
    let other = try await ask("/v1/payments", Self.origin)
    #expect(other.fields["access-control-allow-origin"] == nil && other.fields["vary"] == nil)
    await door.close()
  }
}

@Suite struct `The door and stock clients:` {
  @Test func `an expired token is told so, and only an authentic one`() async throws {
    let door = try await Door(factor: 100)
    let now = Clock.system.now().seconds
    let times: [String: JSON?] = ["iat": .integer(now - 600), "exp": .integer(now - 300)]
    let expired = try door.token(times)
    func ask(_ token: String) async throws -> OutsideAnswer {
      try await door.ask(
        "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n")
    }
    let answer = try await ask(expired)
    #expect(answer.status == 401 && answer.slug == "invalid-token")
    #expect(
      answer.fields["www-authenticate"]
        == "Bearer realm=\"strongroom\", error=\"invalid_token\", "
        + "error_description=\"The access token expired\"")
    for other in [
      String(expired.dropLast(4)) + "AAAA",
      try door.token(times.merging(["aud": "another"]) { $1 }),
    ] {
      let silent = try await ask(other)
      #expect(silent.status == 401)
      #expect(silent.fields["www-authenticate"]?.contains("error_description") == false)
    }
    await door.close()
  }

  @Test func `only identity's own cookies go in, however many others there are`() async throws {
    let door = try await Door(factor: 100)
    let own = "__Host-strongroom-session=abc"
    let cookies = "big=\(String(repeating: "x", count: 9_000)); \(own); other=1"
    let answer = try await door.ask(
      "POST /login HTTP/1.1\r\nHost: h\r\nCookie: \(cookies)\r\n"
        + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    #expect(answer.status == 200)
    #expect(door.seen.all.first?.request.headers["cookie"] == own)
    await door.close()
  }
}
