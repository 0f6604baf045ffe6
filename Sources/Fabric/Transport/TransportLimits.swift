import HTTPLine

/// What one server or client of the mesh accepts before it refuses; all else is as `DoorLimits` and `LineLimits` have it.
package struct TransportLimits: Sendable {
  /// Largest request body any operation of this server takes; single operations can take less.
  package var bodyBytesMax = 64 * 1_024
  /// Connections whose peer is known, of all callers together.
  package var connectionsMax = 512
  /// Connections of one caller: a few times what its pool keeps, see `connectionsPerServiceMax`.
  package var connectionsPerCallerMax = 128
  /// Connections that nobody has proven anything on yet. The oldest of them gives way to a newcomer.
  package var handshakesMax = 128
  /// A connection is not used for new requests after this age, so that a rotated certificate takes effect.
  package var connectionAgeMax: Duration = .seconds(600)
  /// Connections one client loop keeps to one service.
  package var connectionsPerServiceMax = 32

  package init() {}

  var door: DoorLimits {
    var door = DoorLimits()
    door.connectionsMax = connectionsMax
    door.connectionsPerCallerMax = connectionsPerCallerMax
    door.handshakesMax = handshakesMax
    door.connectionAgeMax = connectionAgeMax
    return door
  }

  var line: LineLimits {
    var line = LineLimits()
    line.connectionsMax = connectionsPerServiceMax
    line.connectionAgeMax = connectionAgeMax
    return line
  }
}
