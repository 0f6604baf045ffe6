import Foundation
import HTTPLine
import NIOCore
import Testing

@Suite struct `A door` {
  @Test func `answers each request of a connection, in order`() async throws {
    let door = try await Doorbell().open()
    let text = try await door.exchange(
      "POST /late HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na"
        + "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nb")
    let answers = text.ranges(of: "HTTP/1.1 200 OK")
    #expect(answers.count == 2)
    #expect(text.contains("[a]") && text.hasSuffix("[b]"))
    await door.drain(within: .zero)
  }

  @Test func `answers one request only where it keeps no connections`() async throws {
    var limits = DoorLimits()
    limits.keepsConnections = false
    let bell = Doorbell()
    let door = try await bell.open(limits)
    let text = try await door.exchange(
      "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
    #expect(text.ranges(of: "HTTP/1.1 200 OK").count == 1 && text.contains("connection: close"))
    #expect(bell.requests == 1)
    await door.drain(within: .zero)
  }

  @Test func `answers what it read, although what follows is no HTTP`() async throws {
    let door = try await Doorbell().open()
    let text = try await door.exchange(
      "POST /late HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na", "\u{0}\u{0}\r\n\r\n")
    #expect(text.hasPrefix("HTTP/1.1 200 OK") && text.hasSuffix("[a]"))
    await door.drain(within: .zero)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", "400"), ("GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nhost: a, b\r\n\r\n", "400"), ("HELLO\r\n\r\n", "400"),
    ("GET / HTTP/1.0\r\n\r\n", "200"),
    ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n", "413"),
    (
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        + "3e9\r\n\(String(repeating: "x", count: 1_001))\r\n0\r\n\r\n", "413"
    ),
  ])
  func `refuses what breaks its rules, and closes`(_ request: String, _ status: String)
    async throws
  {
    let door = try await Doorbell().open()
    let text = try await door.exchange(request)
    #expect(text.dropFirst(9).hasPrefix(status), "\(text)")
    #expect(text.contains("connection: close"))
    await door.drain(within: .zero)
  }

  @Test func `frames an answer by what was asked, and by what it is`() async throws {
    let door = try await Doorbell().open()
    let head = try await door.exchange(
      "HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    #expect(head.contains("content-length: 2\r\n") && head.hasSuffix("\r\n\r\n"))
    let empty = try await door.exchange(
      "GET /204 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    #expect(empty.hasPrefix("HTTP/1.1 204") && !empty.contains("content-length"))
    await door.drain(within: .zero)
  }

  @Test func `says go on before a body`() async throws {
    let door = try await Doorbell().open()
    let text = try await door.exchange(
      "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n"
        + "content-length: 1\r\n\r\n", "a")
    #expect(text.hasPrefix("HTTP/1.1 100") && text.hasSuffix("[a]"))
    await door.drain(within: .zero)
  }

  @Test func `closes who sends a head slowly, whatever comes of it`() async throws {
    var limits = DoorLimits()
    limits.requestReadMax = .milliseconds(400)
    let door = try await Doorbell().open(limits)
    let clock = ContinuousClock()
    let start = clock.now
    #expect(try await door.exchange("GET / HT", "TP/1.1\r\n", "host: x\r\n").isEmpty)
    #expect(clock.now - start < .seconds(20))
    await door.drain(within: .zero)
  }

  @Test func `says that a connection goes when it is old enough`() async throws {
    var limits = DoorLimits()
    limits.connectionAgeMax = .zero
    let door = try await Doorbell().open(limits)
    let text = try await door.exchange("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    #expect(text.contains("connection: close"))
    await door.drain(within: .zero)
  }
}
