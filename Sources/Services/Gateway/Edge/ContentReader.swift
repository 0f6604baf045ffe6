package import NIOCore

/// Collects one request's content, up to its route's limit, and knows exactly where it ends.
package struct ContentReader: Sendable {
  private enum Phase: Sendable, Hashable {
    case counted(left: Int)
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case lastEnd
    case whole
  }

  /// Longest chunk-size line without its CRLF. Chunk extensions and trailers are refused: nobody we
  /// serve needs them, and every parser reads them differently.
  package static let chunkSizeDigitsMax = 8

  private var phase: Phase
  private let bytesMax: Int
  /// What was read so far; framing removed.
  package private(set) var content = ByteBuffer()

  /// Refuses a declared length over the limit before a byte of it is read.
  package init(_ framing: ContentFraming, bytesMax: Int) throws(RequestFault) {
    self.bytesMax = bytesMax
    switch framing {
    case .length(let count):
      guard count <= bytesMax else { throw .bodyTooLarge }
      phase = count == 0 ? .whole : .counted(left: count)
    case .chunked: phase = .chunkSize
    }
  }

  /// Whether the end was reached.
  package var isWhole: Bool { phase == .whole }

  /// Takes what belongs to this request out of the buffer and leaves the rest. True once the
  /// content is whole.
  package mutating func read(from buffer: inout ByteBuffer) throws(RequestFault) -> Bool {
    while true {
      switch phase {
      case .whole: return true
      case .counted(let left):
        guard let taken = take(left, from: &buffer) else { return false }
        phase = taken == left ? .whole : .counted(left: left - taken)
      case .chunkSize:
        guard let size = try chunkSize(from: &buffer) else { return false }
        guard size <= bytesMax - content.readableBytes else { throw .bodyTooLarge }
        phase = size == 0 ? .lastEnd : .chunk(left: size)
      case .chunk(let left):
        guard let taken = take(left, from: &buffer) else { return false }
        phase = taken == left ? .chunkEnd : .chunk(left: left - taken)
      case .chunkEnd:
        guard try lineEnd(from: &buffer) else { return false }
        phase = .chunkSize
      case .lastEnd:
        guard try lineEnd(from: &buffer) else { return false }
        phase = .whole
      }
    }
  }

  private mutating func take(_ left: Int, from buffer: inout ByteBuffer) -> Int? {
    guard buffer.readableBytes > 0,
      var part = buffer.readSlice(length: min(left, buffer.readableBytes))
    else { return nil }
    let count = part.readableBytes
    if content.readableBytes == 0, count == left {
      content = part
    } else {
      content.writeBuffer(&part)
    }
    return count
  }

  private func chunkSize(from buffer: inout ByteBuffer) throws(RequestFault) -> Int? {
    let view = buffer.readableBytesView.prefix(Self.chunkSizeDigitsMax + 2)
    var size = 0
    var digits = 0
    for (index, byte) in view.enumerated() {
      if byte == 0x0d {
        guard digits > 0 else { throw .chunk }
        guard view.count > index + 1 else { return nil }
        guard view[view.startIndex + index + 1] == 0x0a else { throw .chunk }
        buffer.moveReaderIndex(forwardBy: index + 2)
        return size
      }
      guard isHexDigit(byte), digits < Self.chunkSizeDigitsMax else { throw .chunk }
      size = size << 4 | Int(byte < 58 ? byte - 48 : lowercase(byte) - 87)
      digits += 1
    }
    return nil
  }

  private func lineEnd(from buffer: inout ByteBuffer) throws(RequestFault) -> Bool {
    guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else {
      return false
    }
    guard first == 0x0d else { throw .chunk }
    guard buffer.readableBytes >= 2 else { return false }
    guard buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) == 0x0a else {
      throw .chunk
    }
    buffer.moveReaderIndex(forwardBy: 2)
    return true
  }
}
