package import NIOCore

/// Finds and parses request heads in a growing buffer. Strict on purpose (RFC 9112 with no
/// leniency): lines end in CRLF only, fields are never folded or trimmed into shape, and every byte
/// is looked at once.
package struct RequestReader: Sendable {
  private let limits: EdgeLimits
  /// Bytes of the current head that were already looked at.
  private var scanned = 0
  /// Empty lines that may still come before the next request line.
  private var emptyLinesLeft = Self.emptyLinesMax

  /// Most empty lines before one request line. A client that ends a form with one, or keeps a
  /// connection open with a few, is served; who sends nothing else is not.
  package static let emptyLinesMax = 8

  /// For one connection.
  package init(limits: EdgeLimits) { self.limits = limits }

  /// The next whole head, taken out of the buffer; nil while more bytes are needed. After a fault
  /// the connection is of no further use.
  package mutating func head(from buffer: inout ByteBuffer) throws(RequestFault) -> RequestHead? {
    guard skipEmptyLines(in: &buffer), let length = try headLength(in: buffer) else {
      return nil
    }
    let result: Result<RequestHead, RequestFault> = buffer.withUnsafeReadableBytes { bytes in
      let head = UnsafeRawBufferPointer(rebasing: bytes[0..<length])
      return Result { () throws(RequestFault) in try HeadParser(head, limits).parse() }
    }
    buffer.moveReaderIndex(forwardBy: length)
    scanned = 0
    emptyLinesLeft = Self.emptyLinesMax
    return try result.get()
  }

  /// RFC 9112 §2.2: empty lines before the request line are ignored, because clients send them
  /// after content. False while it is not known whether there is another one.
  private mutating func skipEmptyLines(in buffer: inout ByteBuffer) -> Bool {
    while emptyLinesLeft > 0 {
      let start = buffer.readerIndex
      guard let first = buffer.getInteger(at: start, as: UInt8.self) else { return false }
      guard first == 0x0d else { break }
      guard let second = buffer.getInteger(at: start + 1, as: UInt8.self) else { return false }
      // The scan of the head names what is wrong with anything else.
      guard second == 0x0a else { break }
      buffer.moveReaderIndex(forwardBy: 2)
      emptyLinesLeft -= 1
    }
    return true
  }

  /// The length of the head with its empty line; nil when it is not whole yet.
  private mutating func headLength(in buffer: ByteBuffer) throws(RequestFault) -> Int? {
    let from = scanned
    let longest = limits.headBytesMax
    let found: Result<Int?, RequestFault> = buffer.withUnsafeReadableBytes { bytes in
      var index = from
      let end = min(bytes.count, longest)
      while index < end {
        let byte = bytes[index]
        if byte == 0x0a {
          guard index > 0, bytes[index - 1] == 0x0d else { return .failure(.byte) }
          if index >= 3, bytes[index - 2] == 0x0a { return .success(index + 1) }
        } else if index > 0, bytes[index - 1] == 0x0d {
          return .failure(.byte)
        } else if byte < 0x20 ? (byte != 0x09 && byte != 0x0d) : byte == 0x7f {
          return .failure(.byte)
        }
        index += 1
      }
      return bytes.count >= longest ? .failure(.headTooLarge) : .success(nil)
    }
    guard let length = try found.get() else {
      scanned = min(buffer.readableBytes, longest)
      return nil
    }
    return length
  }
}
