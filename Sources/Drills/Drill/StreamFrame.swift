/// Frames of HTTP/2 (RFC 9113 §4.1), made by hand so that they may be wrong.
package enum StreamFrame {
  /// What a client begins with: the magic and SETTINGS without any.
  package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])

  /// Any frame; its length is that of the payload.
  package static func frame(
    _ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]
  ) -> [UInt8] {
    let length = payload.count
    return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags]
      + number(stream) + payload
  }

  /// HEADERS that is whole.
  package static func headers(
    _ stream: UInt32, _ fields: [(String, String)], endsStream: Bool = true
  ) -> [UInt8] {
    frame(1, endsStream ? 5 : 4, stream, section(fields))
  }
  /// DATA; the text may be empty.
  package static func data(_ stream: UInt32, _ text: String, endsStream: Bool = true) -> [UInt8] {
    frame(0, endsStream ? 1 : 0, stream, Array(text.utf8))
  }
  /// RST_STREAM with CANCEL.
  package static func reset(_ stream: UInt32) -> [UInt8] { frame(3, 0, stream, number(8)) }
  /// WINDOW_UPDATE; stream 0 is the connection.
  package static func windowUpdate(_ stream: UInt32, _ by: UInt32) -> [UInt8] {
    frame(8, 0, stream, number(by))
  }
  /// One setting (RFC 9113 §6.5.2).
  package static func setting(_ id: UInt8, _ value: UInt32) -> [UInt8] {
    frame(4, 0, 0, [0, id] + number(value))
  }

  /// Literals without indexing (RFC 7541 §6.2.2).
  package static func section(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { name, value in [0] + string(name) + string(value) }
  }
  /// Without Huffman's code (RFC 7541 §5.2).
  package static func string(_ text: String) -> [UInt8] {
    length(text.utf8.count) + Array(text.utf8)
  }

  private static func length(_ count: Int) -> [UInt8] {
    guard count >= 127 else { return [UInt8(count)] }
    var (bytes, rest) = ([UInt8(127)], count - 127)
    while rest >= 128 {
      bytes.append(UInt8(rest % 128 + 128))
      rest /= 128
    }
    return bytes + [UInt8(rest)]
  }
  /// Four bytes, the highest first.
  private static func number(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(value >> $0 & 255) }
  }
}
