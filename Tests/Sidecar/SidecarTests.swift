import AuditAPI
import Charters
import Chassis
import Foundation
import Launcher
import NIOCore
import Sidecar
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

/// Programs that misbehave, beside the example, which is `greeter` to them.
private let probe = #"""
  import json, os, time
  import greeter

  RAW = {
      "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
      "unframed": b"HTTP/1.1 200 OK\r\n\r\nhello",
      "garbage": b"hello\r\n\r\n",
      "nothing": b"",
      "short": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc",
      "twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
      "large": b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5000000,
      "page": b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\nContent-Type: text/html\r\n\r\nTraceback",
      "cookie": b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 2\r\n\r\n{}",
  }

  class Handler(greeter.Handler):
      def answer(self):
          kind = self.path.partition("?")[2]
          if kind == "late":
              time.sleep(7)
          if kind in RAW:
              self.wfile.write(RAW[kind])
              self.close_connection = True
              return
          if kind.startswith("stray="):
              # A call outside any request: no handle, and a correlation of the program's choice.
              line = greeter.Line("customers", timeout=5)
              name = kind.partition("=")[2] or self.headers["Correlation-Id"]
              line.request("GET", "/v1/me", headers={"Correlation-Id": name})
              answer = line.getresponse()
              return self.send(200, {"used": answer.headers["Correlation-Id"]})
          if kind.startswith("call="):
              _, service, path, handle = kind.split("=")
              if handle:
                  self.headers.replace_header("Strongroom-Call", handle)
              status, answer = greeter.call(self, "GET", service, path)
              return self.send(200, {"status": status, "answer": answer})
          self.send(200, {name.lower(): value for name, value in self.headers.items()})

      do_GET = do_POST = answer

  greeter.Handler = Handler
  greeter.main()
  """#

@Suite(.serialized) struct `A program behind a sidecar` {
  @Test func `greets a person by asking another service with the person's own token`() async throws
  {
    let stand = try await Stand()
    #expect(await stand.sidecar.service.isReady == false)
    let python = try stand.program()
    defer { kill(python.processIdentifier, SIGKILL) }
    try #require(try await stand.becomesReady())
    let answer = try await stand.send("GET", "/v1/greeting", subject: Stand.grace)
    #expect(answer.status == 200)
    #expect(answer.json == .object(["greeting": .string("Good day, Grace!")]))
    let correlation = answer.headers["correlation-id"]
    let own = try await stand.records(stand.sidecar.context)
    #expect(own.map(\.operation) == ["getGreeting"] && own.first?.subject == Stand.grace)
    let called = try await stand.records(stand.people.context)
    #expect(called.map(\.caller) == ["greeter"] && called.first?.outcome == "allowed")
    #expect((own + called).allSatisfy { "\($0.correlation)" == correlation })
    await stand.close()
  }

  @Test func `makes one card however often it is asked`() async throws {
    let stand = try await Stand()
    let python = try stand.program()
    defer { kill(python.processIdentifier, SIGKILL) }
    try #require(try await stand.becomesReady())
    func card(_ text: String, key: String) async throws -> WireResponse {
      try await stand.send(
        "POST", "/v1/greeting-cards", body: #"{"text":"\#(text)"}"#, purpose: "greeting.create",
        headers: [Header.idempotencyKey: key])
    }
    let first = try await card("hello", key: "k1")
    let again = try await card("hello", key: "k1")
    #expect(first.status == 201 && again.status == 201 && first.json == again.json)
    #expect(again.headers[Header.idempotentReplayed] == "true")
    #expect(try await card("other", key: "k1").status == 409)
    #expect(try await card("", key: "k2").status == 422)
    let cards = stand.place.home.programFolder(of: "greeter") + "/cards"
    #expect(try FileManager.default.contentsOfDirectory(atPath: cards).count == 1)
    await stand.close()
  }

  @Test func `hears nothing that was not proven`() async throws {
    let stand = try await Stand()
    let python = try stand.program(probe)
    defer { kill(python.processIdentifier, SIGKILL) }
    try #require(try await stand.becomesReady())
    let answer = try await stand.send(
      "GET", "/v1/greeting?echo",
      headers: [
        "strongroom-caller": "operator", "strongroom-subject": "mallory", "cookie": "a=b",
        "x-forwarded-for": "1.2.3.4", "accept": "application/json",
      ])
    let heard = try #require(answer.json?.object)
    #expect(heard["strongroom-caller"] == .string("gateway"))
    #expect(heard["strongroom-subject"] == .string(Stand.ada))
    #expect(heard["strongroom-operation"] == .string("getGreeting"))
    let names = Set(heard.keys)
    #expect(
      names == [
        "host", "content-length", "connection", "accept", "strongroom-caller",
        "strongroom-operation", "strongroom-call", "strongroom-subject", "strongroom-client",
        "strongroom-scopes", "strongroom-purpose", "correlation-id", "traceparent",
        "request-timeout-ms",
      ])
    await stand.close()
  }

  @Test func `is believed only when its answer is one`() async throws {
    let stand = try await Stand()
    let python = try stand.program(probe)
    defer { kill(python.processIdentifier, SIGKILL) }
    try #require(try await stand.becomesReady())
    let table: [(String, Int, String?)] = [
      ("upgrade", 502, "program-answer"), ("unframed", 502, "program-answer"),
      ("garbage", 502, "program-answer"), ("nothing", 503, "outcome-unknown"),
      ("short", 502, "program-answer"), ("twice", 502, "program-answer"),
      ("large", 502, "program-answer"), ("page", 502, "program-failed"), ("cookie", 200, nil),
      ("late", 504, "deadline-exceeded"),
    ]
    for (kind, status, slug) in table {
      let answer = try await stand.send("GET", "/v1/greeting?\(kind)")
      #expect(answer.status == status && answer.slug == slug, "\(kind): \(answer.status)")
      #expect(answer.headers["set-cookie"] == nil)
    }
    await stand.close()
  }

  @Test func `is refused what its charter does not call, and the refusal is recorded`()
    async throws
  {
    let stand = try await Stand()
    let python = try stand.program(probe)
    defer { kill(python.processIdentifier, SIGKILL) }
    try #require(try await stand.becomesReady())
    let table: [(String, Int, String)] = [
      ("customers=/v1/customers/1=", 403, "customers.unknown"),
      ("audit=/v1/records=", 403, "audit.unknown"), ("ledger=/v1/accounts=", 403, "unknown"),
      ("127.0.0.1=/v1/me=", 403, "unknown"), ("customers=/v1/me=stolen", 403, ""),
      ("customers=/v1/me=", 200, ""),
    ]
    for (call, status, _) in table {
      let answer = try await stand.send("GET", "/v1/greeting?call=\(call)")
      #expect(answer.json?["status"]?.integer == Int64(status), "\(call) \(answer.status)")
    }
    let refused = try await stand.records(stand.sidecar.context).filter { $0.outcome == "refused" }
    #expect(refused.map(\.operation) == table.map(\.2).filter { !$0.isEmpty })
    #expect(refused.allSatisfy { $0.caller == "greeter" && $0.subject == Stand.ada })
    #expect(refused.allSatisfy { $0.reason == "edge-not-declared" })
    await stand.close()
  }

  @Test func `keeps its requests' correlation outside of them, and cannot choose another`()
    async throws
  {
    let stand = try await Stand()
    let python = try stand.program(probe)
    defer { kill(python.processIdentifier, SIGKILL) }
    try #require(try await stand.becomesReady())
    let own = try await stand.send("GET", "/v1/greeting?stray=")
    #expect(own.json?["used"]?.string == own.headers["correlation-id"])
    let chosen = String(repeating: "1", count: 32)
    let stray = try await stand.send("GET", "/v1/greeting?stray=\(chosen)")
    let used = try #require(stray.json?["used"]?.string)
    #expect(CorrelationID(used) != nil && used != chosen)
    let records =
      try await stand.records(stand.sidecar.context) + stand.records(stand.people.context)
    #expect(records.allSatisfy { "\($0.correlation)" != chosen })
    await stand.close()
  }

  @Test func `runs as 'charter new' writes it`() async throws {
    let stand = try await Stand()
    let others = try CharterSet.load(
      Stand.charters().filter { !$0.name.hasPrefix("greeter") })
    let skeleton = try ProgramSkeleton("greeter", among: others)
    let python = try stand.program(skeleton.files["service.py"] ?? "")
    defer { kill(python.processIdentifier, SIGKILL) }
    #expect(try await stand.becomesReady())
    // The example's operation is none of the skeleton's.
    #expect(try await stand.send("GET", "/v1/greeting").status == 404)
    await stand.close()
  }

  @Test func `that is gone makes its service say so, until it is back`() async throws {
    let stand = try await Stand()
    let first = try stand.program()
    try #require(try await stand.becomesReady())
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    #expect(await stand.sidecar.service.isReady == false)
    let answer = try await stand.send("GET", "/v1/greeting")
    #expect(answer.status == 503 && answer.slug == "unavailable")
    let second = try stand.program()
    defer { kill(second.processIdentifier, SIGKILL) }
    #expect(try await stand.becomesReady())
    #expect(try await stand.send("GET", "/v1/greeting").status == 200)
    await stand.close()
  }
}
