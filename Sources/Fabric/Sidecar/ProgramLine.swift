import HTTPLine
import NIOCore
import Transport
import Vocabulary

/// The way from the sidecar to its program: HTTP/1.1 over the program's Unix socket, one request for
/// each connection.
struct ProgramLine: Sendable {
  private let line: NIOLoopBoundBox<DialledLine>
  private let loop: any EventLoop
  private let clock: Clock

  private static var limits: LineLimits {
    var limits = LineLimits()
    limits.answerBytesMax = ProgramAnswer.bytesMax
    limits.connectMax = .seconds(1)
    // As many as there may be requests to the sidecar.
    limits.connectionsMax = TransportLimits().connectionsMax
    limits.keepsConnections = false
    return limits
  }

  init(socket: String, group: any EventLoopGroup, clock: Clock) {
    loop = group.next()
    line = .makeBoxSendingValue(
      DialledLine(to: .unix(socket), limits: Self.limits, on: loop), eventLoop: loop)
    self.clock = clock
  }

  /// The answer as it came, framed and within its size; what it means is `ProgramAnswer`'s.
  func send(
    _ request: WireRequest, by deadline: Deadline
  ) async throws(ProgramFailure) -> WireResponse {
    let remaining = deadline.remaining(at: clock.now())
    do {
      return WireResponse(
        try await loop.flatSubmit { [line] in
          line.value.send(request.sent(to: "program"), within: remaining)
        }.get())
    } catch {
      throw ProgramFailure(error as? LineFailure ?? .answerLost)
    }
  }
}

extension ProgramFailure {
  fileprivate init(_ failure: LineFailure) {
    switch failure {
    case .unreachable, .notProven, .overloaded: self = .absent
    case .answerLost: self = .lost
    case .deadlineExceeded: self = .late
    case .answerMalformed: self = .malformed
    case .answerTooLarge: self = .tooLarge
    }
  }
}
