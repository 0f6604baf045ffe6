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

  // HTTP/2 alone (RFC 9113).

  /// Most streams of one connection at once: open ones, and ones that the client reset while their request is at work
  /// behind the door. A stream beyond is refused.
  package var streamsMax = 100
  /// Most bytes of content that streams of one connection may send at once, by what they declare, or else by what their
  /// route takes. A stream beyond is refused, unless it is the only one that sends.
  package var contentBytesAtOnceMax = 1 << 20
  /// Most bytes of answers that may wait for the client of one connection; while more wait, new streams are refused.
  package var answerBytesWaitingMax = 1 << 20
  /// What a connection may send that asks for nothing, in points: `FrameMeter` says what costs how many. Each answer that
  /// the client takes gives some back.
  package var framePointsMax = 512
  /// Most CONTINUATION frames of one head; its bytes are bounded besides.
  package var continuationsMax = 4
  /// The second measure, inside the HTTP/2 library: most resets, stream errors and control frames, each in 30 s.
  package var framesIn30SecondsMax = 200

  /// The limits of production.
  package init() {}

  /// Without those on frames that ask for nothing, for a test of the drill.
  static var withoutFrameLimits: EdgeLimits {
    var limits = EdgeLimits()
    limits.framePointsMax = 1_000_000
    limits.continuationsMax = 1_000_000
    limits.framesIn30SecondsMax = 100_000
    return limits
  }

  /// How often a connection looks at its deadlines: one slow tick instead of a timer for each request.
  var tickEvery: Duration { min(.seconds(1), headWithin / 4) }
}
