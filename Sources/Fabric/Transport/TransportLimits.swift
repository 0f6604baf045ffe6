import Vocabulary

/// What one server or client of the mesh accepts before it refuses. Every number is a decision, none is "unlimited".
package struct TransportLimits: Sendable {
  /// All header names and values of one message together, in bytes.
  package var headBytesMax = 32 * 1_024
  package var headerFieldsMax = 100
  /// Largest request body any operation of this server takes; single operations can take less.
  package var bodyBytesMax = 64 * 1_024
  /// Largest answer a client reads.
  package var answerBytesMax = 16 * 1_024 * 1_024
  /// Connections whose peer is known, of all callers together.
  package var connectionsMax = 512
  /// Connections of one caller: a few times what its pool keeps, see `connectionsPerServiceMax`.
  package var connectionsPerCallerMax = 128
  /// Connections that nobody has proven anything on yet. The oldest of them gives way to a newcomer.
  package var handshakesMax = 128
  /// From accept or connect to the end of the TLS handshake.
  package var handshakeMax: Duration = .seconds(5)
  /// From a request's first byte to its last: a slow sender holds a connection no longer.
  package var requestReadMax: Duration = .seconds(10)
  /// Longest silence between two requests on one connection.
  package var idleMax: Duration = .seconds(60)
  /// A connection is not used for new requests after this age, so that a rotated certificate takes effect.
  package var connectionAgeMax: Duration = .seconds(600)
  /// Connections one client loop keeps to one service.
  package var connectionsPerServiceMax = 32
  /// Requests that may wait for a connection, per client loop and service. Full means refuse now.
  package var waitingMax = 1_024
  package var connectMax: Duration = .seconds(2)

  package init() {}
}
