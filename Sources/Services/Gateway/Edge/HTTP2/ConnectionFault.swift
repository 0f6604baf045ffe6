/// Why a connection of HTTP/2 was closed: it kept no rule, or it kept the door busy without asking for anything. The
/// client is told by GOAWAY, audit by address and kind.
package enum ConnectionFault: String, CaseIterable, Sendable, Hashable {
  /// Streams are opened and reset (CVE-2023-44487).
  case rapidReset = "http2-rapid-reset"
  /// Streams on which one rule after the other is broken, so that the door resets them (CVE-2025-8671).
  case brokenStreams = "http2-broken-streams"
  /// A head in too many pieces (CVE-2024-27316 and its like).
  case continuations = "http2-continuations"
  case settings = "http2-settings"
  case pings = "http2-pings"
  case priorities = "http2-priorities"
  case windowUpdates = "http2-window-updates"
  /// DATA with nothing or next to nothing in it.
  case emptyData = "http2-empty-data"
  /// Frames of a kind that is not known, or that a client does not send.
  case otherFrames = "http2-other-frames"
  /// A head that is too large when it is unpacked, or cannot be unpacked (RFC 7541).
  case compression = "http2-compression"
  /// A frame, or a head in several, that does not become whole.
  case slowFrame = "http2-slow-frame"
  /// Answers that the client asked for and does not take.
  case unreadAnswers = "http2-unread-answers"
  /// Any other connection error of RFC 9113 §5.4.1.
  case brokenProtocol = "http2-protocol"
}
