import Foundation
import Glibc
import NIOPosix
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Vocabulary

/// A collector on loopback: a real socket that answers each request with 200 and keeps its body.
private final class Collector: Sendable {
  let port: UInt16
  private let handle: Int32
  private let received = Mutex<[[UInt8]]>([])

  init(status: String = "200 OK") throws {
    handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let handle = handle
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(handle, $0, size) == 0 && listen(handle, 8) == 0 && getsockname(handle, $0, &size) == 0
      }
    }
    try #require(isBound)
    port = UInt16(bigEndian: address.sin_port)
    let thread = Thread { [self] in serve(status) }
    thread.start()
  }
  deinit { close(handle) }
  func stop() { shutdown(handle, Int32(SHUT_RDWR)) }
  var requests: [[UInt8]] { received.withLock { $0 } }

  private func serve(_ status: String) {
    while true {
      let peer = accept(handle, nil, nil)
      guard peer >= 0 else { return }
      var request: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while !isComplete(request) {
        let count = read(peer, &buffer, buffer.count)
        guard count > 0 else { break }
        request += buffer[..<count]
      }
      received.withLock { $0.append(request) }
      let answer = Array("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n".utf8)
      _ = write(peer, answer, answer.count)
      close(peer)
    }
  }
  private func isComplete(_ request: [UInt8]) -> Bool {
    let text = String(decoding: request, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n"), let field = text.range(of: "content-length: ")
    else { return false }
    let length = text[field.upperBound...].prefix { $0.isNumber }
    return text[end.upperBound...].utf8.count >= Int(length) ?? 0
  }
}

@Suite struct `The span exporter` {
  private func span(_ seed: UInt64, isSampled: Bool = true) throws -> Span {
    let trace = try #require(CorrelationID("0af7651916cd43dd8448eb211c80319c"))
    let context = TraceContext(startingAt: trace, isSampled: isSampled, randomness: .seeded(seed))
    var span = Span(
      "createPayment", .server, context: context, parentSpanID: 0xb7ad_6b71_6920_3331,
      start: Instant(seconds: 1_795_262_400))
    span.end = span.start + .milliseconds(2)
    span.attributes = ["peer": .identifier("gateway"), "why": .text("mail a@example.org")]
    return span
  }

  @Test func `sends batches of OTLP in JSON`() throws {
    let collector = try Collector()
    defer { collector.stop() }
    let endpoint = try #require(CollectorEndpoint("http://127.0.0.1:\(collector.port)/base/"))
    let exporter = SpanExporter(
      service: "payments", version: "1", endpoint: endpoint,
      group: MultiThreadedEventLoopGroup.singleton)
    exporter.record(try span(1))
    exporter.record(try span(2))
    exporter.record(try span(3, isSampled: false))
    exporter.flush()
    #expect((exporter.sent.value, exporter.dropped.value, exporter.unsampled.value) == (2, 0, 1))
    let request = try #require(collector.requests.first)
    #expect(request.starts(with: "POST /base/v1/traces HTTP/1.1\r\n".utf8))
    let start = try #require(request.firstIndex(of: UInt8(ascii: "{")))
    let body = try JSON.parse(request[start...])
    let spans = try #require(body.value(at: "/resourceSpans/0/scopeSpans/0/spans")?.array)
    #expect(spans.count == 2)
    #expect(spans[0]["traceId"]?.string == "0af7651916cd43dd8448eb211c80319c")
    #expect(spans[0]["parentSpanId"]?.string == "b7ad6b7169203331")
    #expect(spans[0]["startTimeUnixNano"]?.string == "1795262400000000000")
    #expect(spans[0].value(at: "/attributes/1/value/stringValue")?.string == "mail [email]")
    let service = body.value(at: "/resourceSpans/0/resource/attributes/0/value/stringValue")
    #expect(service?.string == "payments")
  }

  @Test func `drops and counts when nobody takes them`() throws {
    let collector = try Collector(status: "503 Busy")
    defer { collector.stop() }
    for port in [Int(collector.port), 1] {
      let endpoint = try #require(CollectorEndpoint("http://127.0.0.1:\(port)"))
      let exporter = SpanExporter(
        service: "payments", version: "1", endpoint: endpoint,
        group: MultiThreadedEventLoopGroup.singleton)
      exporter.record(try span(1))
      exporter.flush()
      #expect((exporter.sent.value, exporter.dropped.value) == (0, 1))
    }
  }

  @Test func `speaks plain HTTP to this machine only`() {
    for url in [
      "http://127.0.0.1:4318", "http://localhost:4318/x", "http://[::1]:4318", "http://localhost",
    ] { #expect(CollectorEndpoint(url) != nil, "\(url)") }
    for url in [
      "https://localhost:4318", "http://example.org:4318", "http://127.0.0.1.evil.example:4318",
      "http://localhost.evil.example/", "http://127.0.0.1:0", "http://127.0.0.1:65536",
      "http://localhost:4318/a b", "http://user@localhost:4318", "",
    ] { #expect(CollectorEndpoint(url) == nil, "\(url)") }
  }
}
