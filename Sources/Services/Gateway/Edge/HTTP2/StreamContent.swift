import NIOCore

/// Collects the content of one stream up to its route's limit; END_STREAM ends it, and what was declared must be met
/// (RFC 9113 §8.1.1).
struct StreamContent {
  private let declared: Int?
  private let bytesMax: Int
  private let keeps: Bool
  private var count = 0
  /// What came so far.
  private(set) var bytes = ByteBuffer()

  /// Refuses a declared length over the limit before a byte of it is read.
  init(declared: Int?, bytesMax: Int) throws(RequestFault) {
    guard declared ?? 0 <= bytesMax else { throw .bodyTooLarge }
    self.declared = declared
    self.bytesMax = bytesMax
    keeps = true
  }

  /// Of a request that is answered already: what still comes is counted and dropped.
  init(dropping declared: Int?, after count: Int = 0) {
    self.declared = declared
    self.count = count
    bytesMax = 0
    keeps = false
  }

  /// What is dropped from here on, after an answer to what came.
  var dropping: StreamContent { StreamContent(dropping: declared, after: count) }

  /// The most that is held of it at once.
  var bytesHeldMax: Int { declared ?? bytesMax }
  /// Whether more must come before END_STREAM.
  var isExpectingMore: Bool { declared.map { count < $0 } ?? true }
  /// Whether the rest is more than a client may send without being asked for it.
  var isBeyondWindow: Bool {
    declared ?? 0 > StreamWindow.bytes || count >= StreamWindow.bytes
  }

  mutating func add(_ part: ByteBuffer) throws(RequestFault) {
    count += part.readableBytes
    if let declared, count > declared { throw .contentMismatch }
    guard keeps else { return }
    guard count <= bytesMax else { throw .bodyTooLarge }
    if bytes.readableBytes == 0 { bytes = part } else { bytes.writeImmutableBuffer(part) }
  }

  /// At END_STREAM.
  func checkEnd() throws(RequestFault) {
    if let declared, count != declared { throw .contentMismatch }
  }
}

/// How much may come before the door gives room for more (RFC 9113 §6.9.2): what the standard begins with, for a stream
/// and for a connection. All that came is counted as taken at once, so one stream that stalls holds no other.
enum StreamWindow {
  static let bytes = 65_535
  /// When less than this is left, the door fills it up.
  static let bytesLow = 32_768
}
