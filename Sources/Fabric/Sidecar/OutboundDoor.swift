import Foundation
import HTTPLine
import NIOCore
import NIOHTTP1
import Transport

/// Where the program calls others: HTTP/1.1 on a Unix socket that only the program and its sidecar
/// can reach, one request for each connection.
enum OutboundDoor {
  typealias Handler = @Sendable (WireRequest) async -> WireResponse

  private static var limits: DoorLimits {
    var limits = DoorLimits()
    limits.connectionsMax = 128
    limits.idleMax = .seconds(10)
    limits.keepsConnections = false
    return limits
  }

  /// - Parameter bodyMax: largest body that any of the callees takes, bytes.
  /// - Throws: the system's error where the socket cannot be made.
  static func open(
    _ path: String, bodyMax: Int, group: any EventLoopGroup, handler: @escaping Handler
  ) async throws -> OpenDoor {
    // The folder keeps everybody else out, and the program is of its group. By the mask, because a
    // change of mode afterwards could be led astray by a link: the folder is the program's.
    let before = umask(0o007)
    defer { umask(before) }
    return try await Door(limits: limits) { _ in
      Reception(ProgramAttendant(bodyMax: bodyMax, handler: handler))
    }.open(at: .unix(path), group: group)
  }
}

/// Answers the program. A class, as attendants are; it lives on one event loop.
private final class ProgramAttendant: Attendant {
  private let bodyMax: Int
  private let handler: OutboundDoor.Handler

  init(bodyMax: Int, handler: @escaping OutboundDoor.Handler) {
    self.bodyMax = bodyMax
    self.handler = handler
  }

  /// Whoever reaches the socket is the program.
  func identify(_ channel: any Channel) -> Visitor? { Visitor() }
  func look(at head: HTTPRequestHead) -> HeadVerdict { .read(bodyBytesMax: bodyMax) }
  func answer(_ request: LineRequest, _ reply: Reply) {
    let handler = handler
    Task { reply.send(await handler(WireRequest(request)).sent) }
  }
}
