import Foundation
import HTTPLine
import NIOCore
import Testing

@Suite struct `A dialled line` {
  private static let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

  @Test func `keeps its connection for the next request`() async throws {
    let bell = Doorbell()
    let door = try await bell.open()
    let line = Dialler(door.address)
    for text in ["a", "", "b"] {
      #expect(String(buffer: try await line.send("POST", "/", text).body) == "[\(text)]")
    }
    #expect(bell.visitors == 1)
    try await line.close()
    await #expect(throws: LineFailure.unreachable) { try await line.send("GET", "/") }
    await door.drain(within: .zero)
  }

  @Test func `makes one for each request where it shall keep none`() async throws {
    var limits = LineLimits()
    limits.keepsConnections = false
    let bell = Doorbell()
    let path = FileManager.default.temporaryDirectory.appending(path: "line-\(UUID()).sock").path
    let door = try await bell.open(at: .unix(path))
    let line = Dialler(.unix(path), limits)
    for _ in 0..<3 { #expect(try await line.send("GET", "/").status == 200) }
    #expect(bell.visitors == 3)
    await door.drain(within: .zero)
    await #expect(throws: LineFailure.unreachable) { try await line.send("GET", "/") }
  }

  @Test func `makes one for each request where it takes longer to make than it may be old`()
    async throws
  {
    var limits = LineLimits()
    limits.connectionAgeMax = .zero
    let bell = Doorbell()
    let door = try await bell.open()
    let line = Dialler(door.address, limits)
    for _ in 0..<3 { #expect(try await line.send("GET", "/").status == 200) }
    #expect(bell.visitors == 3)
    await door.drain(within: .zero)
  }

  @Test func `carries many at once over few connections`() async throws {
    var limits = LineLimits()
    limits.connectionsMax = 3
    let bell = Doorbell()
    let door = try await bell.open()
    let line = Dialler(door.address, limits)
    let right = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        group.addTask {
          let answer = try? await line.send("POST", "/", "\(number)")
          return answer.map { String(buffer: $0.body) } == "[\(number)]"
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(right == 200)
    #expect(bell.visitors <= 3)
    await door.drain(within: .zero)
  }

  @Test func `sends once more what was lost on a kept connection, where that is harmless`()
    async throws
  {
    let parrot = try await Parrot(saying: Self.answer, answersMax: 1)
    let line = Dialler(parrot.address)
    for _ in 0..<3 {
      #expect(try await line.send("GET", "/", isRepeatable: true).status == 200)
    }
    #expect(parrot.connections == 3)
    await #expect(throws: LineFailure.answerLost) { try await line.send("GET", "/") }
    #expect(parrot.connections == 3)
    await parrot.close()
  }

  @Test(
    arguments: [
      ("HTTP/1.1 200 OK\r\n\r\nhello", LineFailure.answerMalformed),
      ("HTTP/1.1 204 No Content\r\n\r\n", nil),
      ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", nil),
      ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", nil),
      ("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc", .answerMalformed),
      (
        "HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n\(String(repeating: "x", count: 101))",
        .answerTooLarge
      ),
      ("SSH-2.0-x\r\n\r\n", .answerMalformed), ("", .answerLost),
    ] as [(String, LineFailure?)])
  func `believes only what is one answer`(_ text: String, _ failure: LineFailure?) async throws {
    var limits = LineLimits()
    limits.answerBytesMax = 100
    let parrot = try await Parrot(saying: text, closes: true)
    let line = Dialler(parrot.address, limits)
    if let failure {
      await #expect(throws: failure) { try await line.send("GET", "/") }
    } else {
      #expect(try await line.send("GET", "/").status / 100 == 2)
    }
    await parrot.close()
  }

  @Test func `takes the end of the connection for that of the answer where it may`() async throws {
    var limits = LineLimits()
    limits.wantsLength = false
    let parrot = try await Parrot(saying: "HTTP/1.0 200 OK\r\n\r\nhello", closes: true)
    let answer = try await Dialler(parrot.address, limits).send("GET", "/")
    #expect(String(buffer: answer.body) == "hello")
    await parrot.close()
  }

  @Test func `keeps nobody waiting longer than was said, and not more than may wait`()
    async throws
  {
    var limits = LineLimits()
    limits.connectionsMax = 1
    limits.waitingMax = 2
    let parrot = try await Parrot(saying: nil)
    let line = Dialler(parrot.address, limits)
    let failures = await withTaskGroup(of: LineFailure?.self) { group in
      for number in 0..<10 {
        group.addTask {
          do {
            _ = try await line.send("GET", "/", within: .milliseconds(300 + number))
            return nil
          } catch {
            return error as? LineFailure
          }
        }
      }
      return await group.reduce(into: [LineFailure?]()) { $0.append($1) }
    }
    #expect(failures.count { $0 == .overloaded } == 7)
    #expect(failures.count { $0 == .deadlineExceeded } == 3)
    await #expect(throws: LineFailure.deadlineExceeded) {
      try await line.send("GET", "/", within: .zero)
    }
    await parrot.close()
  }

  @Test func `fails all who wait when nobody listens`() async throws {
    var limits = LineLimits()
    limits.connectionsMax = 2
    let parrot = try await Parrot(saying: nil)
    await parrot.close()
    let line = Dialler(parrot.address, limits)
    let lost = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<20 {
        group.addTask { (try? await line.send("GET", "/")) == nil }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(lost == 20)
  }
}
