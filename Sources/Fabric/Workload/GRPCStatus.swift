import NIOCore

/// How a gRPC call ended, where it did not end well (gRPC status codes 1–16). The message is a
/// constant for the peer; it never carries a secret or a customer's data.
package struct GRPCStatus: Error, Hashable, Sendable {
  package let code: Int
  package let message: String

  package init(code: Int, _ message: String) {
    self.code = code
    self.message = message
  }

  package static let cancelled = GRPCStatus(code: 1, "cancelled")
  package static func invalidArgument(_ message: String) -> GRPCStatus {
    GRPCStatus(code: 3, message)
  }
  package static let deadlineExceeded = GRPCStatus(code: 4, "no answer in time")
  package static func permissionDenied(_ message: String) -> GRPCStatus {
    GRPCStatus(code: 7, message)
  }
  package static func resourceExhausted(_ message: String) -> GRPCStatus {
    GRPCStatus(code: 8, message)
  }
  package static let unimplemented = GRPCStatus(code: 12, "no such method")
  package static let internalError = GRPCStatus(code: 13, "something is wrong on our side")
  package static func unavailable(_ message: String) -> GRPCStatus { GRPCStatus(code: 14, message) }

  static let permissionDeniedCode = 7

  /// `grpc-message` as gRPC over HTTP/2 demands it: percent-encoded outside visible ASCII.
  var encodedMessage: String {
    var text = ""
    for byte in message.utf8 {
      if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return text
  }
}

/// What a workload server or client accepts before it refuses.
package struct GRPCLimits: Sendable {
  /// Bytes of one message.
  package var messageBytesMax = 256 * 1_024
  /// Open connections of a server.
  package var connectionsMax = 256
  /// How many of them are kept for the operator (root) and the server's own user.
  package var connectionsKept = 64
  /// Open connections of any other user: one service has one user, and needs two.
  package var connectionsPerUserMax = 16
  /// Open connections of one process, whoever runs it: where all share a user, this is what holds.
  package var connectionsPerProcessMax = 4
  /// Calls at a time on one connection.
  package var streamsMax = 16
  /// Bytes of all header names and values of a call.
  package var headBytesMax = 16 * 1_024
  /// From accept to the client's preface and its first frame.
  package var prefaceMax: Duration = .seconds(5)
  /// Longest silence on a connection without calls. Then it is asked to go.
  package var idleMax: Duration = .seconds(60)
  /// From being asked to go to being closed.
  package var farewellMax: Duration = .seconds(5)
  /// From the first byte of a call to its last: a slow sender holds a stream no longer.
  package var requestReadMax: Duration = .seconds(10)
  /// Messages of one stream that wait for a slow reader; the oldest goes first.
  package var waitingMax = 16

  package init() {}
}

/// gRPC's framing (gRPC over HTTP/2, Length-Prefixed-Message): a flag, four bytes of length, the
/// message.
enum GRPCFrame {
  static let headerBytes = 5

  static func write(_ message: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt8(0))
    buffer.writeInteger(UInt32(message.count))
    buffer.writeBytes(message)
    return buffer
  }

  /// Takes one message from the front; nil when it is not whole yet.
  /// - Throws: `unimplemented` for compression, which was not offered; `resourceExhausted` beyond
  ///   the limit.
  static func read(_ buffer: inout ByteBuffer, bytesMax: Int) throws(GRPCStatus) -> [UInt8]? {
    let start = buffer.readerIndex
    guard let flag = buffer.getInteger(at: start, as: UInt8.self),
      let length = buffer.getInteger(at: start + 1, as: UInt32.self)
    else { return nil }
    guard flag == 0 else { throw .unimplemented }
    guard length <= UInt32(bytesMax) else { throw .resourceExhausted("the message is too long") }
    guard buffer.readableBytes >= headerBytes + Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: headerBytes)
    return buffer.readBytes(length: Int(length)) ?? []
  }
}
