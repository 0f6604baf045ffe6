import HTTPLine
import NIOCore

/// A trace collector on this machine: `http://127.0.0.1:4318`, `http://localhost:4318/…` or
/// `http://[::1]:4318`. Plain HTTP, so only over loopback; a collector elsewhere is reached through
/// an agent here that speaks TLS.
package struct CollectorEndpoint: Hashable, Sendable {
  package let port: UInt16
  /// The path that `/v1/traces` is appended to; empty or beginning with a slash.
  package let basePath: String
  private let isIPv6: Bool

  /// Nil for another scheme, a host that is not loopback, a port outside 1–65535, or spaces in the
  /// path.
  package init?(_ url: String) {
    guard url.utf8.count <= 256, url.hasPrefix("http://") else { return nil }
    let rest = url.dropFirst(7)
    let authority = rest.prefix { $0 != "/" }
    let hosts = [("127.0.0.1", false), ("localhost", false), ("[::1]", true)]
    guard let host = hosts.first(where: { authority.hasPrefix($0.0) }) else { return nil }
    let portText = authority.dropFirst(host.0.count)
    guard portText.isEmpty || portText.first == ":" else { return nil }
    guard let port = portText.isEmpty ? 4_318 : UInt16(portText.dropFirst()), port > 0 else {
      return nil
    }
    var path = String(rest.dropFirst(authority.count))
    guard path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    if path.hasSuffix("/") { path.removeLast() }
    self.port = port
    basePath = path
    isIPv6 = host.1
  }

  /// Where it listens: an address, so that nobody has to be asked for it.
  var address: LineAddress { .tcp(host: isIPv6 ? "::1" : "127.0.0.1", port: Int(port)) }
}

/// The way to a collector: HTTP/1.1, a connection for each batch.
struct CollectorLine: Sendable {
  /// Longest wait for the collector's answer.
  static let answerMax: Duration = .seconds(5)

  private let endpoint: CollectorEndpoint
  private let loop: any EventLoop
  private let line: NIOLoopBoundBox<DialledLine>

  private static var limits: LineLimits {
    var limits = LineLimits()
    limits.answerBytesMax = 64 * 1_024
    limits.keepsConnections = false
    // Its status is all that is looked at.
    limits.wantsLength = false
    return limits
  }

  init(to endpoint: CollectorEndpoint, group: any EventLoopGroup) {
    self.endpoint = endpoint
    let loop = group.next()
    self.loop = loop
    line = .makeBoxSendingValue(
      DialledLine(to: endpoint.address, limits: Self.limits, on: loop), eventLoop: loop)
  }

  /// Sends one JSON body by POST. Blocks: for the exporter's queue only.
  /// - Returns: the HTTP status; nil when the collector could not be reached or did not answer with one.
  func post(_ body: [UInt8], path: String) -> Int? {
    var request = LineRequest(
      "POST", endpoint.basePath + path, host: "localhost:\(endpoint.port)",
      body: ByteBuffer(bytes: body))
    request.add("content-type", "application/json")
    let (line, sent) = (line, request)
    return try? loop.flatSubmit { line.value.send(sent, within: Self.answerMax) }.wait().status
  }
}
