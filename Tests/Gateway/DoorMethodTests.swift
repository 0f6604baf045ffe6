import Gateway
import NIOCore
import NIOPosix
import Testing
import Transport

@Suite struct `HEAD at the door` {
  @Test func `is answered as GET is, without the content and with its length`() async throws {
    let door = try await Door(factor: 100)
    let token = try door.token()
    for target in ["/v1/payments/1", "/healthz"] {
      let rest = " \(target) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
      let caller = try await door.caller()
      let get = try await caller.ask("GET" + rest)
      try await caller.write("HEAD" + rest)
      let head = try await caller.next(hasContent: false)
      #expect(head.status == 200 && head.content.isEmpty)
      #expect(head.fields["content-length"] == get.fields["content-length"])
      #expect(head.fields["content-type"] == get.fields["content-type"])
      // Nothing of a content came that would be read as the next answer.
      #expect(try await caller.ask("GET" + rest).status == 200)
      caller.close()
    }
    let methods = door.seen.all.map(\.request.method)
    #expect(methods == ["GET", "GET", "GET"], "behind the door nobody hears of HEAD")
    #expect(door.seen.all.allSatisfy { $0.token != nil }, "the transaction token is that of a GET")
    await door.close()
  }

  @Test func `is not allowed where GET is not`() async throws {
    let door = try await Door()
    let caller = try await door.caller()
    try await caller.write("HEAD /v1/payments HTTP/1.1\r\nHost: h\r\n\r\n")
    let answer = try await caller.next(hasContent: false)
    caller.close()
    #expect(answer.status == 405 && answer.fields["allow"] == "POST")
    await door.close()
  }
}

@Suite struct `A method that nobody here knows` {
  @Test(arguments: ["TRACE", "BREW", "get", "PROPFIND", "M-SEARCH", "X!"])
  func `gets one answer, with content and without, on paths that are and are not`(
    method: String
  ) async throws {
    let door = try await Door(factor: 100)
    for (path, allow) in [
      ("/v1/payments", "POST"), ("/v1/payments/1", "GET, HEAD"), ("/healthz", "GET, HEAD"),
      ("/nothing", "GET, HEAD, POST, OPTIONS"),
    ] {
      for rest in [
        "\r\n", "Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ] {
        let answer = try await door.ask("\(method) \(path) HTTP/1.1\r\nHost: h\r\n\(rest)")
        #expect(answer.status == 405 && answer.slug == "method-not-allowed", "\(path) \(rest)")
        #expect(answer.fields["allow"] == allow, "\(path)")
      }
    }
    #expect(door.seen.all.isEmpty)
    await door.close()
  }

  @Test func `is CONNECT too, in the form that is its own`() async throws {
    let door = try await Door()
    for target in ["h:443", "h", "/v1/payments"] {
      let answer = try await door.ask("CONNECT \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(answer.status == 405, "\(target)")
    }
    await door.close()
  }

  @Test func `ends the connection where its content was not read`() async throws {
    let door = try await Door()
    let caller = try await door.caller()
    try await caller.write(
      "BREW /v1/payments HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    #expect(try await caller.next().status == 405)
    #expect(await caller.untilClosed(), "nothing after it is read as a request")
    await door.close()
  }
}

@Suite struct `Content where a method gives it no meaning` {
  @Test func `is refused after what is wrong otherwise, and nothing behind it is read`()
    async throws
  {
    let door = try await Door(factor: 100)
    let token = try door.token()
    let tail =
      "Content-Type: application/json\r\nContent-Length: 40\r\n\r\nGET /healthz HTTP/1.1\r\nHost: hhhhhhhhhhhh\r\n\r\n"
    for (start, status) in [
      ("GET /v1/payments/1", 400), ("HEAD /v1/payments/1", 400), ("DELETE /v1/payments", 405),
      ("GET /v1/payments", 405), ("GET /nothing", 404), ("PUT /nothing", 405),
      ("GET /healthz", 200),
    ] {
      let caller = try await door.caller()
      try await caller.write(
        "\(start) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\(tail)")
      let answer = try await caller.next(hasContent: !start.hasPrefix("HEAD") || status == 400)
      #expect(answer.status == status, "\(start)")
      #expect(answer.fields["connection"] == "close", "\(start)")
      #expect(await caller.untilClosed(), "\(start)")
    }
    #expect(door.seen.all.isEmpty)
    await door.close()
  }
}

@Suite struct `What proxies and old clients add` {
  @Test func `to a head in other scripts is opaque, and does not go in`() async throws {
    let door = try await Door()
    let token = try door.token()
    let answer = try await door.ask(
      Door.payment(token, more: "X-City: Zürich\r\nCF-IPCity: 東京\r\n"))
    #expect(answer.status == 200)
    let request = try #require(door.seen.all.first?.request)
    #expect(request.headers.fields.allSatisfy { $0.value.utf8.allSatisfy { $0 < 0x80 } })
    let used = try await door.ask(Door.payment(token, more: "User-Agent: Zürich\r\n"))
    #expect(used.status == 400)
    await door.close()
  }

  @Test func `to a media type goes in in one way of writing`() async throws {
    let door = try await Door()
    let token = try door.token()
    let ways = ["application/json;", "application/json; charset=utf8", "Application/JSON"]
    for (number, written) in ways.enumerated() {
      let request = Door.payment(token, key: "k\(number)")
        .replacing("application/json", with: written)
      #expect(try await door.ask(request).status == 200, "\(written)")
    }
    #expect(door.seen.all.allSatisfy { $0.request.headers["content-type"] == "application/json" })
    await door.close()
  }

  @Test func `after a form does not bring an answer that nobody asked for`() async throws {
    var limits = EdgeLimits()
    limits.headWithin = .seconds(2)
    let door = try await Door(limits: limits)
    let caller = try await door.caller()
    #expect(try await caller.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n\r\n").status == 200)
    try await Task.sleep(for: .seconds(3))
    #expect(!caller.isClosed)
    #expect(try await caller.ask("\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    caller.close()
    await door.close()
  }
}

@Suite struct `A client of another protocol` {
  /// The bytes that come back for a first message.
  private func answer(to hello: [UInt8], inPieces: Bool = false) async throws -> [UInt8] {
    let door = try await Door()
    let channel = try await ClientBootstrap(group: door.group).connect(
      host: "127.0.0.1", port: door.listener.port
    ) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
    let bytes = try await channel.executeThenClose { inbound, outbound in
      let pieces = inPieces ? hello.map { [$0] } : [hello]
      for piece in pieces { try await outbound.write(ByteBuffer(bytes: piece)) }
      var bytes: [UInt8] = []
      for try await part in inbound {
        bytes += part.readableBytesView
        if bytes.count >= 7 { break }
      }
      return bytes
    }
    await door.close()
    return bytes
  }

  /// A ClientHello that offers these protocols and nothing else that matters.
  private static func hello(_ protocols: [String]) -> [UInt8] {
    func vector(_ lengthBytes: Int, _ content: [UInt8]) -> [UInt8] {
      (0..<lengthBytes).reversed().map { UInt8(content.count >> (8 * $0) & 0xff) } + content
    }
    let names = protocols.flatMap { vector(1, Array($0.utf8)) }
    let extensions: [UInt8] =
      [0, 43] + vector(2, vector(1, [3, 4]))
      + (protocols.isEmpty ? [] : [0, 16] + vector(2, vector(2, names)))
    let body: [UInt8] =
      [3, 3] + [UInt8](repeating: 7, count: 32) + vector(1, [])
      + vector(2, [0x13, 0x01]) + vector(1, [0]) + vector(2, extensions)
    return [22, 3, 1] + vector(2, [1] + vector(3, body))
  }

  @Test(arguments: [["h2"], ["h2", "http/1.0"], ["http/1"]])
  func `is told no_application_protocol`(protocols: [String]) async throws {
    #expect(try await answer(to: Self.hello(protocols)) == [21, 3, 3, 0, 2, 2, 120])
    #expect(
      try await answer(to: Self.hello(protocols), inPieces: true) == [21, 3, 3, 0, 2, 2, 120])
  }

  @Test(arguments: [["h2", "http/1.1"], ["http/1.1"], []])
  func `or of ours among others, or of none, is judged by TLS`(protocols: [String]) async throws {
    // The hello lacks a key share: what TLS says to it is another alert, or asks for one.
    #expect(try await answer(to: Self.hello(protocols)).suffix(1) != [120])
  }
}
