import Drill
import Gateway
import NIOCore
import NIOHPACK
import Testing

/// A good head, for others to be made of.
let goodStreamHead = [
  (":method", "POST"), (":scheme", "https"), (":authority", "localhost:8443"),
  (":path", "/v1/payments?a=%20b"),
]

@Suite struct `A head of HTTP/2` {
  private func read(
    _ fields: [(String, String)], endsStream: Bool = true, limits: EdgeLimits = EdgeLimits()
  ) throws(RequestFault) -> RequestHead {
    try StreamHead(HPACKHeaders(fields), endsStream: endsStream, limits: limits).head
  }
  private func fault(_ fields: [(String, String)], endsStream: Bool = true) -> RequestFault? {
    do {
      _ = try read(fields, endsStream: endsStream)
      return nil
    } catch { return error }
  }
  private func with(_ more: (String, String)...) -> [(String, String)] { goodStreamHead + more }
  private func without(_ name: String) -> [(String, String)] {
    goodStreamHead.filter { $0.0 != name }
  }
  private func changed(_ name: String, _ value: String) -> [(String, String)] {
    goodStreamHead.map { $0.0 == name ? (name, value) : $0 }
  }

  @Test func `is read into what HTTP/1.1 is read into`() throws {
    let here = try read(
      with(
        ("content-type", "application/json"), ("accept", "a"), ("accept", "b"),
        ("content-length", "12"), ("te", "trailers"), ("x-city", "München")),
      endsStream: false)
    let there = try #require(
      try readHead(
        "POST /v1/payments?a=%20b HTTP/1.1\r\nHost: localhost:8443\r\n"
          + "Content-Type: application/json\r\nAccept: a\r\nAccept: b\r\nContent-Length: 12\r\n\r\n"
      ))
    #expect(here.method == there.method && here.path == there.path && here.query == there.query)
    #expect(here.content == there.content && here.keepsAlive)
    for field in EdgeField.allCases { #expect(here[field] == there[field], "\(field)") }
  }

  @Test func `may bring its cookies in pieces, which are one field`() throws {
    let crumbs = (0..<100).map { ("cookie", "c\($0)=1") }
    let head = try read(goodStreamHead + crumbs)
    #expect(head[.cookie] == crumbs.map(\.1).joined(separator: "; "))
  }

  @Test func `may name its authority in Host too, or there alone`() throws {
    #expect(try read(with(("host", "LOCALHOST:8443")))[.host] == "LOCALHOST:8443")
    #expect(try read(without(":authority") + [("host", "h")])[.host] == "h")
  }

  @Test func `is malformed where HTTP/2 says so`() {
    let table: [([(String, String)], RequestFault)] = [
      (without(":method"), .pseudoField), (without(":scheme"), .pseudoField),
      (without(":path"), .pseudoField), (changed(":path", ""), .pseudoField),
      (with((":method", "POST")), .pseudoField), (with((":path", "/")), .pseudoField),
      (with((":authority", "localhost:8443")), .pseudoField),
      (with(("accept", "a"), (":authority", "a")), .pseudoField),
      (without(":path") + [("accept", "a"), (":path", "/")], .pseudoField),
      (with((":status", "200")), .pseudoField), (with((":protocol", "websocket")), .pseudoField),
      (with((":", "x")), .pseudoField),
      ([(":method", "CONNECT"), (":scheme", "https"), (":authority", "a")], .pseudoField),
      ([(":method", "CONNECT")], .pseudoField),
      (with(("connection", "close")), .connectionField),
      (with(("proxy-connection", "a")), .connectionField),
      (with(("keep-alive", "a")), .connectionField),
      (with(("transfer-encoding", "chunked")), .connectionField),
      (with(("upgrade", "h2c")), .connectionField), (with(("te", "gzip")), .connectionField),
      (with(("te", "trailers, gzip")), .connectionField),
      (with(("Accept", "a")), .fieldSyntax), (with(("", "a")), .fieldSyntax),
      (with(("a b", "a")), .fieldSyntax), (with(("a:b", "a")), .fieldSyntax),
      (with(("accept\r\nhost", "a")), .fieldSyntax),
      (with(("accept", "a\r\nhost: b")), .fieldSyntax), (with(("accept", "a\nb")), .fieldSyntax),
      (with(("accept", "a\0")), .fieldSyntax), (with(("accept", " a")), .fieldSyntax),
      (with(("accept", "a\t")), .fieldSyntax), (with(("x", "a\u{7f}")), .fieldSyntax),
      (changed(":path", "/a\r\nb"), .fieldSyntax), (changed(":authority", "a\0"), .fieldSyntax),
      (with(("content-length", "3")), .contentMismatch),
    ]
    for (fields, expected) in table {
      #expect(fault(fields) == expected, "\(fields)")
      #expect(expected.resetsStream)
    }
  }

  @Test func `is refused where HTTP/1.1 is, for the same reason`() {
    let table: [([(String, String)], RequestFault)] = [
      (changed(":method", "G(T"), .requestLine), (changed(":method", ""), .requestLine),
      (changed(":method", String(repeating: "M", count: 33)), .requestLine),
      (changed(":scheme", "http"), .target), (changed(":path", "*"), .target),
      (changed(":path", "/a/../b"), .target), (changed(":path", "//b"), .target),
      (changed(":path", "/a%2fb"), .target), (changed(":path", "/a\\b"), .target),
      (changed(":path", "/a b"), .target), (changed(":path", "/ü"), .target),
      (changed(":path", "/a#b"), .target), (changed(":path", "/?a=%2"), .target),
      (changed(":path", "https://localhost:8443/a"), .target),
      (changed(":path", "/" + String(repeating: "a", count: 8_000)), .targetTooLong),
      (without(":authority"), .host), (changed(":authority", ""), .host),
      (changed(":authority", "a@b"), .host), (with(("host", "a")), .authorityMismatch),
      (with(("host", "localhost:8443"), ("host", "localhost:8443")), .repeated(.host)),
      (with(("user-agent", "ü")), .byte), (with(("content-encoding", "gzip")), .contentEncoding),
      (with(("expect", "magic")), .expectation), (with(("content-length", "+1")), .contentLength),
      (with(("content-length", "1, 1")), .contentLength),
      (with(("content-length", "0"), ("content-length", "0")), .repeated(.contentLength)),
      (with(("authorization", "a"), ("authorization", "b")), .repeated(.authorization)),
      (goodStreamHead + (0..<65).map { ("x-\($0)", "a") }, .tooManyFields),
      (with(("x", String(repeating: "y", count: 16_384))), .headTooLarge),
    ]
    for (fields, expected) in table {
      #expect(fault(fields) == expected, "\(fields)")
      #expect(!expected.resetsStream)
    }
  }

  @Test func `may be as large as its limits and not one more`() throws {
    let size = goodStreamHead.reduce(0) {
      $0 + $1.0.utf8.count + $1.1.utf8.count + StreamHead.fieldOverhead
    }
    let filler = 16_384 - size - 1 - StreamHead.fieldOverhead
    _ = try read(with(("x", String(repeating: "y", count: filler))))
    #expect(fault(with(("x", String(repeating: "y", count: filler + 1)))) == .headTooLarge)
    _ = try read(goodStreamHead + (0..<64).map { ("x-\($0)", "a") })
  }

  @Test func `tells how its content ends`() throws {
    #expect(try read(goodStreamHead).content == .length(0))
    #expect(try read(goodStreamHead, endsStream: false).content == .marked)
    let get = changed(":method", "GET")
    #expect(try !read(get, endsStream: false).hasUnexpectedContent)
    #expect(try read(get + [("content-length", "1")], endsStream: false).hasUnexpectedContent)
  }

  @Test func `may be CONNECT, which names no resource`() throws {
    let head = try read([(":method", "CONNECT"), (":authority", "h:443")])
    #expect(head.method == "CONNECT" && head.path.isEmpty)
  }
}

@Suite struct `What a connection of HTTP/2 sends` {
  private func read(
    _ bytes: [UInt8], in pieces: Int = .max, _ limits: EdgeLimits = EdgeLimits()
  ) -> ConnectionFault? {
    var meter = FrameMeter(limits: limits)
    var rest = StreamFrame.preface[...] + bytes
    while !rest.isEmpty {
      let part = ByteBuffer(bytes: rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
      if let fault = meter.read(part.readableBytesView) { return fault }
    }
    return nil
  }
  private func times(_ count: Int, _ frame: [UInt8]) -> [UInt8] {
    Array(repeating: frame, count: count).flatMap { $0 }
  }

  @Test(arguments: [1, 7, Int.max])
  func `is bounded, kind by kind, however it is cut`(pieces: Int) {
    // The preface's SETTINGS cost two of 512 points.
    let table: [([UInt8], Int, ConnectionFault)] = [
      (StreamFrame.reset(1), 127, .rapidReset), (StreamFrame.setting(4, 1), 255, .settings),
      (StreamFrame.frame(6, 0, 0, times(8, [0])), 255, .pings),
      (StreamFrame.frame(2, 0, 1, times(5, [0])), 510, .priorities),
      (StreamFrame.windowUpdate(0, 1), 510, .windowUpdates),
      (StreamFrame.data(1, "", endsStream: false), 510, .emptyData),
      (StreamFrame.data(1, "a", endsStream: false), 510, .emptyData),
      (StreamFrame.frame(99, 0, 0, [1, 2, 3]), 510, .otherFrames),
      (StreamFrame.frame(5, 0, 1, [1, 2, 3, 4]), 510, .otherFrames),
    ]
    for (frame, most, kind) in table {
      #expect(read(times(most, frame), in: pieces) == nil, "\(kind)")
      #expect(read(times(most + 1, frame), in: pieces) == kind, "\(kind)")
    }
    let head = StreamFrame.frame(1, 0, 1, [1]) + times(4, StreamFrame.frame(9, 0, 1, [1]))
    #expect(read(head, in: pieces) == nil)
    #expect(read(head + StreamFrame.frame(9, 4, 1, []), in: pieces) == .continuations)
    let good = StreamFrame.headers(1, goodStreamHead) + StreamFrame.data(1, "")
    #expect(read(times(2_000, good), in: pieces) == nil)
  }

  @Test func `costs nothing in the end where answers are taken`() {
    var meter = FrameMeter(limits: EdgeLimits())
    _ = meter.read(ByteBuffer(bytes: StreamFrame.preface).readableBytesView)
    let frames = ByteBuffer(bytes: times(8, StreamFrame.windowUpdate(0, 1)))
    for _ in 0..<1_000 {
      #expect(meter.read(frames.readableBytesView) == nil)
      meter.reward(answerBytes: 100)
    }
    // Never more than at the beginning.
    for _ in 0..<1_000 { meter.reward(answerBytes: 1 << 20) }
    #expect(meter.spend(513, .pings) == .pings)
  }

  @Test func `is waited for while a frame other than DATA has begun`() {
    let ping = StreamFrame.frame(6, 0, 0, times(8, [0]))
    for (bytes, isWaiting) in [
      ([UInt8](), false), (Array(ping.prefix(3)), true), (Array(ping.prefix(12)), true),
      (ping, false), (StreamFrame.frame(1, 0, 1, [1]), true),
      (Array(StreamFrame.data(1, "abc").prefix(10)), false),
    ] {
      var meter = FrameMeter(limits: EdgeLimits())
      _ = meter.read(ByteBuffer(bytes: StreamFrame.preface + bytes).readableBytesView)
      #expect(meter.isWaiting == isWaiting, "\(bytes)")
    }
  }
}
