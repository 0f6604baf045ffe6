import Gateway
import NIOCore
import NIOHPACK

/// What must hold of anything that a client of HTTP/2 sends.
enum StreamLaws {
  static func hold(for bytes: [UInt8]) {
    var block = ByteBuffer(bytes: bytes)
    var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    if let section = try? decoder.decodeHeaders(from: &block) { isOneRequest(section) }
    measuresTheSameInPieces(bytes)
  }

  /// What is let in, written as HTTP/1.1, is one request, and the same: nothing is smuggled from one version to the other.
  private static func isOneRequest(_ section: HPACKHeaders) {
    guard
      let head = try? StreamHead(section, endsStream: true, limits: EdgeLimits()).head,
      head.method != "CONNECT"
    else { return }
    let target = head.query.isEmpty ? head.path : "\(head.path)?\(head.query)"
    var text = "\(head.method) \(target) HTTP/1.1\r\n"
    for field in EdgeField.allCases {
      if let value = head[field] { text += "\(field.name): \(value)\r\n" }
    }
    var buffer = ByteBuffer(string: text + "\r\n")
    // Pieces of a cookie may be more than a line may hold.
    var limits = EdgeLimits()
    limits.headBytesMax *= 2
    var reader = RequestReader(limits: limits)
    guard let again = try? reader.head(from: &buffer) else {
      preconditionFailure("HTTP/1.1 refuses what HTTP/2 let in")
    }
    precondition(buffer.readableBytes == 0 && again.content == .length(0))
    precondition(again.method == head.method && again.path == head.path)
    precondition(again.query == head.query)
    for field in EdgeField.allCases {
      precondition(unpadded(again[field]) == unpadded(head[field]))
    }
  }

  /// A list whose last part is empty ends in a blank, which a line loses.
  private static func unpadded(_ value: String?) -> String? {
    value.map { $0.last == " " ? String($0.dropLast()) : $0 }
  }

  private static func measuresTheSameInPieces(_ bytes: [UInt8]) {
    let limits = EdgeLimits()
    var whole = FrameMeter(limits: limits)
    let fault = whole.read(ByteBuffer(bytes: bytes).readableBytesView)
    var cut = FrameMeter(limits: limits)
    for byte in bytes {
      if let found = cut.read(ByteBuffer(bytes: [byte]).readableBytesView) {
        return precondition(found == fault)
      }
    }
    precondition(fault == nil && whole.frames == cut.frames && whole.isWaiting == cut.isWaiting)
  }
}
