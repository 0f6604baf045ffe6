import EgressAPI
import HTTPLine
package import NIOCore
import NIOSSL
import OutsideReach
import Synchronization
import Vocabulary

/// Dials an address that was checked, verifies the server for the name, and asks once. A connection is for one call: what one caller
/// sent is on no connection of another's, and no kept one outlives a change of the name's address.
package final class OutsideDialler: Sendable {
  // A class: what was read of the authorities is kept.
  private let group: any EventLoopGroup
  private let authorityFile: String?
  private let limits: LineLimits
  private let contexts = Mutex<[Bool: NIOSSLContext]>([:])

  /// - Parameters:
  ///   - authorityFile: PEM of authorities of one's own, for servers whose addresses a charter names; nil: the system's alone.
  ///   - answerBytesMax: larger answers are refused.
  package init(group: any EventLoopGroup, authorityFile: String?, answerBytesMax: Int) {
    self.group = group
    self.authorityFile = authorityFile
    var limits = LineLimits()
    limits.headBytesMax = 64 * 1_024
    limits.answerBytesMax = answerBytesMax
    limits.connectMax = .seconds(3)
    limits.connectionsMax = 1
    limits.waitingMax = 1
    limits.keepsConnections = false
    self.limits = limits
  }

  /// - Parameter isNamed: whether the charter names the address.
  /// - Throws: `LineFailure`, or what NIOSSL throws where authorities cannot be read.
  func ask(
    _ order: FetchOrder, at address: IPAddress, isNamed: Bool, within span: Duration
  ) async throws -> LineAnswer {
    let (context, loop, limits) = (try trust(isNamed: isNamed), group.next(), limits)
    // An address has no name to ask for; its certificate is verified for the address that was dialled.
    let name: String? = if case .name(let text) = order.url.host { text } else { nil }
    var request = LineRequest(
      order.method.rawValue, order.url.target, host: order.url.hostField,
      body: ByteBuffer(bytes: order.body))
    request.add("user-agent", "strongroom")
    request.add("accept-encoding", "identity")
    for field in order.fields { request.add(field.name, field.value) }
    let (sent, port) = (request, order.url.port)
    return try await loop.flatSubmit {
      let line = DialledLine(
        to: .tcp(host: address.description, port: port), limits: limits, on: loop
      ) { .init(try NIOSSLClientHandler(context: context, serverHostname: name)) }
      let kept = NIOLoopBound(line, eventLoop: loop)
      return line.send(sent, within: span).always { _ in kept.value.close() }
    }.get()
  }

  /// Read at the first call, for a platform that asks nobody outside needs none of it.
  private func trust(isNamed: Bool) throws -> NIOSSLContext {
    try contexts.withLock { known in
      if let made = known[isNamed] { return made }
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      // An authority of one's own must not vouch for servers of others.
      if isNamed, let authorityFile {
        configuration.additionalTrustRoots = [.file(authorityFile)]
      }
      let made = try NIOSSLContext(configuration: configuration)
      known[isNamed] = made
      return made
    }
  }
}
