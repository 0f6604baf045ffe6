import Charters
import Chassis
import Sidecar
import Testing
import Transport
import Vocabulary

private let correlation = CorrelationID(bits: 0xfeed)!  // A constant other than zero.

@Suite struct `What a program is told` {
  private func proven(
    person: ProgramRequest.Person? = nil, claim: (key: String, resource: String)? = nil
  ) -> ProgramRequest.Proven {
    ProgramRequest.Proven(
      caller: "gateway", operation: "greet", handle: "h", correlation: correlation,
      traceparent: "t", remaining: .milliseconds(1_500), person: person, claim: claim)
  }

  @Test func `is what was proven, whatever the request says`() {
    let person = ProgramRequest.Person(
      subject: "alice", client: "app", scopes: ["a", "b"], purpose: "greet")
    let spoofed: Headers = [
      "strongroom-caller": "operator", "Strongroom-Subject": "mallory",
      "strongroom-call": "stolen", "strongroom-anything": "x", "correlation-id": "other",
      "traceparent": "other", "request-timeout-ms": "600000", "idempotency-key": "other",
      "content-type": "application/json",
    ]
    let headers = ProgramRequest.headers(
      proven(person: person, claim: (key: "k", resource: "r")), given: spoofed)
    let expected: Headers = [
      "content-type": "application/json", "strongroom-caller": "gateway",
      "strongroom-operation": "greet", "strongroom-call": "h", "correlation-id": "\(correlation)",
      "traceparent": "t", "request-timeout-ms": "1500", "strongroom-subject": "alice",
      "strongroom-client": "app", "strongroom-scopes": "a b", "strongroom-purpose": "greet",
      "idempotency-key": "k", "strongroom-resource": "r", "connection": "close",
    ]
    #expect(headers == expected)
  }

  @Test func `names no person where no token does`() {
    let headers = ProgramRequest.headers(proven(), given: ["strongroom-subject": "mallory"])
    #expect(headers["strongroom-subject"] == nil && headers["strongroom-scopes"] == nil)
  }

  @Test(arguments: [
    "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "content-length", "host", "authorization", "cookie",
    "txn-token", "forwarded-for", "x-forwarded-for",
  ])
  func `holds nothing of the hop, and no credentials`(name: String) {
    let headers = ProgramRequest.headers(proven(), given: Headers([(name, "given")]))
    #expect(headers.values(name) == (name == "connection" ? ["close"] : []))
  }

  @Test(arguments: ["a\r\nstrongroom-caller: operator", "a\u{0}b", "Zo\u{eb}"])
  func `cannot be broken out of by a value`(subject: String) {
    let person = ProgramRequest.Person(subject: subject, client: "", scopes: [], purpose: "")
    let value = ProgramRequest.headers(proven(person: person), given: [:])["strongroom-subject"]
    let isPlain = value?.utf8.allSatisfy { (0x20...0x7e).contains($0) }
    #expect(isPlain == true && value != subject)
  }
}

@Suite struct `A program's answer` {
  @Test(arguments: [(199, false), (200, true), (599, true), (600, false), (101, false)])
  func `has a status that answers have`(status: Int, isAnswer: Bool) {
    do throws(ProgramFailure) {
      _ = try ProgramAnswer.judge(status: status, headers: [:], body: [])
      #expect(isAnswer)
    } catch {
      #expect(!isAnswer && error == .malformed && error.problem.status == 502)
    }
  }

  @Test func `crosses with the fields that are named, and no others`() throws {
    let answer = try ProgramAnswer.judge(
      status: 200,
      headers: [
        "content-type": "application/json", "set-cookie": "session=1", "connection": "x-own",
        "x-own": "1", "transfer-encoding": "chunked", "content-length": "2", "server": "Python",
        "access-control-allow-origin": "*", "correlation-id": "other", "location": "/v1/x",
        "idempotent-replayed": "true", "strict-transport-security": "max-age=0",
      ], body: [1, 2])
    #expect(answer.headers == ["content-type": "application/json", "location": "/v1/x"])
    #expect(answer.body == [1, 2])
  }

  @Test(arguments: ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", ""])
  func `leads nobody away`(target: String) throws {
    let answer = try ProgramAnswer.judge(status: 303, headers: ["location": target], body: [])
    #expect(answer.headers["location"] == nil)
  }

  @Test(arguments: [
    (500, "text/html", 502), (500, "application/json", 502), (503, "text/html", 503),
    (404, "text/html", 404), (422, "application/problem+json", 422),
    (409, "application/json; charset=utf-8", 409),
  ])
  func `tells of its failure no more than its domain does`(
    status: Int, type: String, told: Int
  ) throws {
    let secret = Array("Traceback: password".utf8)
    let answer = try ProgramAnswer.judge(
      status: status, headers: ["content-type": type], body: secret)
    #expect(answer.status == told)
    #expect((answer.body == secret) == (status < 500 && type.contains("json")))
  }
}

@Suite struct `A program's call` {
  @Test(arguments: [
    ("/v1/me?a=1", "customers", "customers", "/v1/me?a=1"),
    ("http://customers/v1/me", "other", "customers", "/v1/me"),
  ])
  func `names its service as target or host`(
    uri: String, host: String, service: String, target: String
  ) throws {
    let question = OutboundRules.Question(method: "GET", uri: uri, host: host)
    #expect(question?.host == service && question?.target == target)
  }

  @Test(arguments: ["customers/v1/me", "https://customers/v1/me", "http://customers", "*", ""])
  func `in any other form is none`(uri: String) {
    #expect(OutboundRules.Question(method: "GET", uri: uri, host: nil) == nil)
  }

  @Test(arguments: [
    ("GET", "customers", "/v1/me", nil), ("GET", "customers", "/v1/me?x=1", nil),
    ("POST", "customers", "/v1/me", "customers.unknown"),
    ("GET", "customers", "/v1/customers/1", "customers.unknown"),
    ("GET", "customers", "/v1/%6De", "customers.unknown"),
    ("GET", "customers", "/healthz", "customers.unknown"),
    ("POST", "audit", "/v1/records", "audit.appendRecords"),
    ("GET", "greeter", "/v1/greeting", "greeter.getGreeting"),
    ("GET", "customers:443", "/v1/me", "unknown"), ("GET", "example.org", "/", "unknown"),
    ("GET", "127.0.0.1", "/v1/me", "unknown"),
  ])
  func `is allowed where both charters declare it, and it is not the outbox's`(
    method: String, host: String, target: String, refused: String?
  ) throws {
    let charters = try CharterSet.load(Stand.charters())
    let question = try #require(
      OutboundRules.Question(method: method, uri: target, host: host))
    do throws(OutboundRules.Refusal) {
      let permit = try OutboundRules.decide(question, of: "greeter", charters: charters)
      #expect(refused == nil && permit.operation.id == "getMe" && permit.target == target)
    } catch {
      #expect(error.operation == refused && error.problem.slug == "edge-not-declared")
    }
  }
}

@Suite struct `The correlations a program was told` {
  @Test func `are remembered to the limit and not one more`() throws {
    var given = GivenCorrelations()
    let ids = try (1...GivenCorrelations.rememberedMax + 1).map {
      try #require(CorrelationID(bits: UInt128($0)))
    }
    for id in ids.dropLast() { given.note(id) }
    #expect(given.contains(ids[0]) && !given.contains(ids[ids.count - 1]))
    given.note(ids[ids.count - 1])
    #expect(!given.contains(ids[0]) && given.contains(ids[1]) && given.contains(ids[ids.count - 1]))
  }

  @Test func `stay as long as the last request that had them`() throws {
    var given = GivenCorrelations()
    let shared = try #require(CorrelationID(bits: 1))
    given.note(shared)
    given.note(shared)
    for number in 2...GivenCorrelations.rememberedMax {
      given.note(try #require(CorrelationID(bits: UInt128(number))))
    }
    #expect(given.contains(shared))
    given.note(try #require(CorrelationID(bits: 9_999_999)))
    #expect(!given.contains(shared))
  }
}
