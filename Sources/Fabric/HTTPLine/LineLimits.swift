import NIOHTTP1

/// What a door takes before it refuses. Every number is a decision, none is "unlimited".
package struct DoorLimits: Sendable {
  /// All header names and values of one request together, in bytes.
  package var headBytesMax = 32 * 1_024
  package var headerFieldsMax = 100
  /// Connections whose peer is known, of all callers together.
  package var connectionsMax = 512
  /// Connections of one caller, where callers have shares.
  package var connectionsPerCallerMax = 128
  /// Connections that nobody has proven anything on yet. The oldest of them gives way to a newcomer.
  package var handshakesMax = 128
  /// From accept to the end of the TLS handshake.
  package var handshakeMax: Duration = .seconds(5)
  /// From a request's first byte to its last: a slow sender holds a connection no longer.
  package var requestReadMax: Duration = .seconds(10)
  /// Longest silence between two requests on one connection.
  package var idleMax: Duration = .seconds(60)
  /// Until the other end has taken an answer.
  package var answerWriteMax: Duration = .seconds(30)
  /// A connection takes no new requests after this age, so that a rotated certificate takes effect.
  package var connectionAgeMax: Duration = .seconds(600)
  /// Whether one connection may carry several requests.
  package var keepsConnections = true

  /// Parts of requests (head, body, end) that may be sent ahead. Who sends more loses the connection.
  package static let partsAheadMax = 64

  package init() {}
}

/// What whoever dials accepts before it gives up.
package struct LineLimits: Sendable {
  /// All header names and values of one answer together, in bytes.
  package var headBytesMax = 32 * 1_024
  package var headerFieldsMax = 100
  package var answerBytesMax = 16 * 1_024 * 1_024
  /// Until the other end accepts.
  package var connectMax: Duration = .seconds(2)
  /// From there to the end of the TLS handshake.
  package var handshakeMax: Duration = .seconds(5)
  /// Connections that stand or are being made.
  package var connectionsMax = 32
  /// Requests that may wait for a connection. Full means refuse now.
  package var waitingMax = 1_024
  /// A connection is not used again after this silence: shorter than a door's, so that they do not meet.
  package var idleMax: Duration = .seconds(50)
  /// A connection is not used for new requests after this age.
  package var connectionAgeMax: Duration = .seconds(600)
  /// Whether one connection may carry several requests.
  package var keepsConnections = true
  /// Whether an answer must say how long its body is: else a lost connection would look like its end.
  package var wantsLength = true

  package init() {}
}

extension NIOHTTPDecoderLimitConfiguration {
  init(headBytesMax: Int, headerFieldsMax: Int) {
    self.init()
    maxHeaderFieldSize = headBytesMax
    maxHeaderListSize = headBytesMax
    maxHeaderFieldCount = headerFieldsMax
  }
}
