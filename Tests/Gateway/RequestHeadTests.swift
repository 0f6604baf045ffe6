import Gateway
import NIOCore
import Testing

func readHead(_ text: String, limits: EdgeLimits = EdgeLimits()) throws(RequestFault)
  -> RequestHead?
{
  var reader = RequestReader(limits: limits)
  var buffer = ByteBuffer(string: text)
  return try reader.head(from: &buffer)
}

private func fault(_ text: String, limits: EdgeLimits = EdgeLimits()) -> RequestFault? {
  do {
    _ = try readHead(text, limits: limits)
    return nil
  } catch {
    return error
  }
}

@Suite struct `A request head` {
  @Test func `is read as it stands`() throws {
    let head = try #require(
      try readHead(
        "POST /v1/payments?a=%20b HTTP/1.1\r\nHost: localhost:8443\r\nX-Other: 1\r\n"
          + "Content-Type:application/json \r\ncontent-length: 12\r\nAccept: a\r\naccept: b\r\n\r\n"
      ))
    #expect(head.method == "POST")
    #expect(head.path == "/v1/payments")
    #expect(head.query == "a=%20b")
    #expect(head.content == .length(12))
    #expect(head.keepsAlive)
    #expect(head[.contentType] == "application/json")
    #expect(head[.accept] == "a, b")
    #expect(head[.cookie] == nil)
  }

  @Test func `is read byte by byte like in one piece`() throws {
    let text =
      "\r\nGET /v1/accounts HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Close\r\n\r\nrest"
    var reader = RequestReader(limits: EdgeLimits())
    var buffer = ByteBuffer()
    var head: RequestHead?
    for byte in text.utf8 {
      buffer.writeInteger(byte)
      if head == nil { head = try reader.head(from: &buffer) }
    }
    #expect(try #require(head).path == "/v1/accounts")
    #expect(head?.keepsAlive == false)
    #expect(String(buffer: buffer) == "rest")
  }

  static let refused: [(String, RequestFault)] = [
    ("GET / HTTP/1.1\nHost: h\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: b\u{0}\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: b\u{7f}\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: ü\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: ü\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunkedü\r\n\r\n", .byte),
    ("GET / HTTP/1.1\r\nHost: h\r\nÜber: a\r\n\r\n", .fieldLine),
    ("GET /ü HTTP/1.1\r\nHost: h\r\n\r\n", .byte),
    ("GÉT / HTTP/1.1\r\nHost: h\r\n\r\n", .byte),
    ("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", .requestLine),
    ("\(String(repeating: "M", count: 33)) / HTTP/1.1\r\nHost: h\r\n\r\n", .requestLine),
    ("CONNECT /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("\(String(repeating: "\r\n", count: 9))GET / HTTP/1.1\r\nHost: h\r\n\r\n", .requestLine),
    ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", .requestLine),
    ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", .requestLine),
    ("GET /\r\nHost: h\r\n\r\n", .requestLine),
    ("GET / HTTP/1.0\r\nHost: h\r\n\r\n", .version),
    ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", .version),
    ("GET / HTTP/1.1\r\n\r\n", .host),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .host),
    ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", .host),
    ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .host),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeated(.host)),
    ("GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityMismatch),
    ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET /./b HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET //b HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET /?a=%2 HTTP/1.1\r\nHost: a\r\n\r\n", .target),
    ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .fieldLine),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .fieldLine),
    ("GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", .fieldLine),
    ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", .fieldLine),
    (post("Content-Length: 1\r\nContent-Length: 1"), .repeated(.contentLength)),
    (post("Content-Length: 1, 1"), .contentLength),
    (post("Content-Length: +1"), .contentLength),
    (post("Content-Length: -1"), .contentLength),
    (post("Content-Length:"), .contentLength),
    (post("Content-Length: 0x1"), .contentLength),
    (post("Content-Length: 1234567890123"), .contentLength),
    (post("Content-Length: 1\r\nTransfer-Encoding: chunked"), .twoLengths),
    (post("Transfer-Encoding: gzip, chunked"), .transferEncoding),
    (post("Transfer-Encoding: identity"), .transferEncoding),
    (post("Transfer-Encoding:"), .transferEncoding),
    (
      post("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked"),
      .repeated(.transferEncoding)
    ),
    (post("Content-Encoding: gzip"), .contentEncoding),
    (post("Expect: magic"), .expectation),
    (post("Authorization: a\r\nAuthorization: b"), .repeated(.authorization)),
    (post("Idempotency-Key: a\r\nIdempotency-Key: b"), .repeated(.idempotencyKey)),
    (post("Cookie: a\r\nCookie: b"), .repeated(.cookie)),
  ]
  private static func post(_ fields: String) -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n"
  }

  @Test(arguments: refused)
  func `is refused for a named reason`(text: String, expected: RequestFault) {
    #expect(fault(text) == expected)
  }

  @Test func `may name its own authority in absolute-form`() throws {
    let head = try readHead(
      "GET https://LOCALHOST:8443/a?b HTTP/1.1\r\nHost: localhost:8443\r\n\r\n")
    #expect(head?.path == "/a")
    #expect(head?.query == "b")
  }

  @Test func `may hold any visible byte in a field that nobody reads`() throws {
    let head = try #require(
      try readHead("GET / HTTP/1.1\r\nHost: h\r\nX-City: München\r\nAccept: a\r\n\r\n"))
    #expect(head[.accept] == "a")
  }

  @Test(arguments: ["GET", "HEAD", "DELETE", "OPTIONS"])
  func `tells of content that its method gives no meaning`(method: String) throws {
    for (fields, isUnexpected) in [
      ("Content-Length: 5\r\n", true), ("Transfer-Encoding: chunked\r\n", true),
      ("Content-Length: 0\r\n", false), ("", false),
    ] {
      let head = try readHead("\(method) / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
      #expect(head?.hasUnexpectedContent == isUnexpected, "\(fields)")
    }
    #expect(try readHead(Self.post("Content-Length: 5"))?.hasUnexpectedContent == false)
  }

  @Test func `may have some empty lines before it`() throws {
    for count in 0...RequestReader.emptyLinesMax {
      let text = String(repeating: "\r\n", count: count) + "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
      #expect(try #require(try readHead(text)).path == "/a", "\(count)")
    }
  }

  @Test func `may be as large as its limits and not one more`() throws {
    let line = "GET /"
    let rest = " HTTP/1.1\r\nHost: h\r\n"
    let target = String(repeating: "a", count: 7_999)
    #expect(fault(line + target + rest + "\r\n") == nil)
    #expect(fault(line + target + "a" + rest + "\r\n") == .targetTooLong)

    let fields = String(repeating: "A: b\r\n", count: 63)
    #expect(fault(line + rest + fields + "\r\n") == nil)
    #expect(fault(line + rest + fields + "A: b\r\n\r\n") == .tooManyFields)

    let filler = 16_384 - (line + rest).utf8.count - "A: \r\n\r\n".utf8.count
    let whole = line + rest + "A: " + String(repeating: "b", count: filler) + "\r\n\r\n"
    #expect(whole.utf8.count == 16_384)
    #expect(fault(whole) == nil)
    #expect(
      fault(line + rest + "A: " + String(repeating: "b", count: filler + 1) + "\r\n\r\n")
        == .headTooLarge)
    #expect(fault(String(repeating: "A", count: 16_384)) == .headTooLarge)
  }

  @Test(arguments: [
    ("application/json", MediaType.json), ("Application/JSON; charset=UTF-8", .json),
    ("application/json;charset=\"utf-8\"", .json), ("application/json; charset=utf-16", .other),
    ("application/json; a=b; charset=utf-8", .other), ("text/json", .other), ("", .other),
    ("application/json;", .json), ("application/json; ;", .json),
    ("application/json; charset=utf8", .json), ("application/json; charset=UTF8;", .json),
    ("application/x-www-form-urlencoded; charset=\"UTF-8\"", .form),
    ("application/json; charset=utf-8; charset=utf-8", .other),
    ("application/json; charset = utf-8", .other), ("application/ json", .other),
    ("application/json, text/html", .other), (";", .other),
    ("application/x-www-form-urlencoded", .form), ("multipart/form-data; boundary=x", .other),
  ])
  func `names a media type that is known or not`(value: String, expected: MediaType) {
    #expect(MediaType(value) == expected)
  }
}

@Suite struct `The content of a request` {
  private func read(
    _ framing: ContentFraming, _ text: String, max: Int = 64
  ) throws(RequestFault) -> (content: String?, rest: String) {
    var reader = try ContentReader(framing, bytesMax: max)
    var buffer = ByteBuffer(string: text)
    let isWhole = try reader.read(from: &buffer)
    return (isWhole ? String(buffer: reader.content) : nil, String(buffer: buffer))
  }

  @Test func `ends where its length says`() throws {
    let result = try read(.length(3), "abcGET")
    #expect(result.content == "abc")
    #expect(result.rest == "GET")
    #expect(try read(.length(4), "abc").content == nil)
  }

  @Test func `may be as long as its route allows and not one more`() throws {
    let full = String(repeating: "a", count: 64)
    #expect(try read(.length(64), full).content == full)
    #expect(throws: RequestFault.bodyTooLarge) { try read(.length(65), "") }
    #expect(try read(.chunked, "40\r\n\(full)\r\n0\r\n\r\n").content == full)
    #expect(throws: RequestFault.bodyTooLarge) { try read(.chunked, "41\r\n") }
    #expect(throws: RequestFault.bodyTooLarge) { try read(.chunked, "40\r\n\(full)\r\n1\r\n") }
  }

  @Test func `is put together from chunks that arrive byte by byte`() throws {
    var reader = try ContentReader(.chunked, bytesMax: 64)
    var buffer = ByteBuffer()
    var isWhole = false
    for byte in "5\r\nhello\r\n06\r\n world\r\n000\r\n\r\nX".utf8 {
      buffer.writeInteger(byte)
      if !isWhole { isWhole = try reader.read(from: &buffer) }
    }
    #expect(isWhole)
    #expect(String(buffer: reader.content) == "hello world")
    #expect(String(buffer: buffer) == "X")
  }

  @Test(arguments: [
    "5;a=b\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "\r\n", "g\r\n", "-1\r\n", "+1\r\n",
    "0x1\r\n", "5\n", "5\r\r", "1\r\nab\r\n", "1\r\na\n", "0\r\nTrailer: x\r\n\r\n",
    "123456789\r\n",
  ])
  func `is refused when a chunk is not exact`(text: String) {
    #expect(throws: RequestFault.chunk) { try read(.chunked, text, max: 1 << 30) }
  }
}
