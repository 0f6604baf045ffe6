import HTTPLine
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Vocabulary

/// HTTP/1.1 over mutual TLS 1.3. There is no way to make one that speaks plain text or takes an anonymous peer.
package final class TransportServer: Sendable {
  package typealias Handler = @Sendable (WireRequest, VerifiedPeer) async -> WireResponse
  /// The body limit in bytes for a request, from its method and target, before a byte of the body is read.
  package typealias BodyLimit = @Sendable (_ method: String, _ target: String) -> Int

  private let door: OpenDoor
  package let port: Int

  private init(_ door: OpenDoor, port: Int) {
    self.door = door
    self.port = port
  }

  /// Binds and starts to accept. Port 0 takes a free one.
  /// - Throws: `PortTaken` when the port is in use, or the system's error.
  package static func listen(
    host: String, port: Int, credentials: MeshCredentials, limits: TransportLimits,
    group: any EventLoopGroup, bodyLimit: @escaping BodyLimit, handler: @escaping Handler
  ) async throws -> TransportServer {
    let door = Door(limits: limits.door) { channel in
      let slot = PeerSlot()
      return Reception(
        tls: NIOSSLServerHandler(
          context: credentials.serverContext,
          customVerificationCallback: credentials.verification(into: slot)),
        MeshAttendant(
          slot, clock: credentials.clock, bodyLimit: bodyLimit,
          tasks: LoopTasks(channel.eventLoop), handler: handler))
    }
    do {
      let open = try await door.open(at: .tcp(host: host, port: port), group: group)
      return TransportServer(open, port: open.port ?? port)
    } catch let error as IOError where error.errnoCode == EADDRINUSE {
      throw PortTaken(host: host, port: port)
    }
  }

  /// Stops accepting, lets requests in flight finish, closes idle connections at once and the rest at `within`.
  package func drain(within limit: Duration) async { await door.drain(within: limit) }

  /// Connections open just now.
  package var openConnections: Int { door.count }
}

/// Answers one service of the mesh. A class, as attendants are; it lives on one event loop.
private final class MeshAttendant: Attendant {
  /// Longest body, in bytes, of a request that is worked on on the event loop's thread. To read a longer one takes
  /// milliseconds, in which nobody else would be answered.
  static let loopBodyMax = 65_536

  private let slot: PeerSlot
  private let clock: Clock
  private let bodyLimit: TransportServer.BodyLimit
  private let tasks: LoopTasks
  private let handler: TransportServer.Handler
  private var peer: VerifiedPeer?

  init(
    _ slot: PeerSlot, clock: Clock, bodyLimit: @escaping TransportServer.BodyLimit,
    tasks: LoopTasks, handler: @escaping TransportServer.Handler
  ) {
    self.slot = slot
    self.clock = clock
    self.bodyLimit = bodyLimit
    self.tasks = tasks
    self.handler = handler
  }

  func identify(_ channel: any Channel) -> Visitor? {
    // A resumed session skips the verification callback; without a verified peer there is no connection.
    guard let peer = slot.peer else { return nil }
    self.peer = peer
    return Visitor(share: "\(peer.id)") { [clock] in clock.now() < peer.notAfter }
  }

  func look(at head: HTTPRequestHead) -> HeadVerdict {
    .read(bodyBytesMax: bodyLimit(head.method.rawValue, head.uri))
  }

  func answer(_ request: LineRequest, _ reply: Reply) {
    guard let peer else { return reply.drop() }
    let isLong = request.body.readableBytes > Self.loopBodyMax
    Task(executorPreference: isLong ? nil : tasks) { [handler] in
      reply.send(await handler(WireRequest(request), peer).sent)
    }
  }
}

/// The port is in use by another process.
package struct PortTaken: Error, CustomStringConvertible {
  package let host: String
  package let port: Int
  package var description: String { "port \(port) on \(host) is in use by another process" }
}
