/// Every limit of the public listener, in one place. What is over a limit is refused at once and
/// the connection closed: nothing waits for room. A route may narrow or widen only the body,
/// through its charter.
package struct EdgeLimits: Sendable {
  /// Longest request head in bytes, from the first byte to the empty line (RFC 6585 §5 answers
  /// more).
  package var headBytesMax = 16_384
  /// Most field lines in one head.
  package var fieldsMax = 64
  /// Longest request target in bytes, as RFC 9110 §4.1 wants it at least (§15.5.15 answers more).
  package var targetBytesMax = 8_000
  /// A head must be whole this long after its first byte; after accepting, this includes the
  /// handshake.
  package var headWithin: Duration = .seconds(5)
  /// A body must be whole this long after its head.
  package var bodyWithin: Duration = .seconds(10)
  /// Longest silence between two requests. After it the connection is closed without a word.
  package var idleMax: Duration = .seconds(30)
  /// An answer must be taken by the client this long after it was written.
  package var answerWithin: Duration = .seconds(10)
  /// Most open connections of the listener; beyond, the address that holds most gives up its oldest.
  package var connectionsMax = 4_096
  /// Most connections beyond these that gave up their places and wait for their last answer; what gives way then is
  /// cut.
  package var connectionsLeavingMax = 512
  /// Most open connections from one address (IPv6: from one /64).
  package var connectionsPerAddressMax = 512
  /// After this many requests the answer says `connection: close`, so that load can move to another
  /// process.
  package var requestsPerConnectionMax = 100_000

  /// The limits of production.
  package init() {}
}
