import CZlib

/// Bytes packed by zlib: the deflate format (RFC 1951), bare or as one gzip member (RFC 1952).
package enum Deflate {
  package enum Frame: Sendable {
    /// With header, length and checksum, as everybody's tools read it.
    case gzip
    /// The bare stream.
    /// - Parameter dictionary: what such bytes are likely to contain, the likeliest last, at most 32 KiB of which are
    ///   looked at. Whoever unpacks needs the same.
    case bare(dictionary: [UInt8])

    /// What zlib calls window bits: the largest window, and in which frame.
    fileprivate var windowBits: Int32 {
      switch self {
      case .gzip: 15 + 16
      case .bare: -15
      }
    }

    fileprivate var dictionary: [UInt8] {
      switch self {
      case .gzip: []
      case .bare(let dictionary): dictionary
      }
    }
  }

  /// Why bytes were not unpacked.
  package enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
    case noMemory, tooLong(bytesMax: Int), damaged, surplus

    package var description: String {
      switch self {
      case .noMemory: "no memory to unpack"
      case .tooLong(let bytesMax): "it unfolds to more than \(bytesMax) bytes"
      case .damaged: "not packed so, cut short, or its checksum does not fit"
      case .surplus: "there is something after the end"
      }
    }
  }

  /// CRC-32 as gzip has it (RFC 1952 §8).
  package static func checksum(of bytes: [UInt8]) -> UInt32 {
    UInt32(crc32_z(0, bytes, bytes.count))
  }

  /// zlib's scale from 1 to 9: beyond it little gets smaller by a hundredth.
  private static let level: Int32 = 6
  /// What is unpacked at a time, in bytes.
  private static let portion = 1 << 16

  /// Nil when there is no memory.
  package static func packed(_ bytes: [UInt8], _ frame: Frame) -> [UInt8]? {
    withStream { stream in
      guard
        deflateInit2_(
          stream, level, Z_DEFLATED, frame.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
          Int32(MemoryLayout<z_stream>.size)) == Z_OK
      else { return nil }
      defer { deflateEnd(stream) }
      let dictionary = frame.dictionary
      guard
        dictionary.isEmpty
          || deflateSetDictionary(stream, dictionary, uInt(dictionary.count)) == Z_OK
      else { return nil }
      let room = Int(deflateBound(stream, UInt(bytes.count)))
      return feeding(stream, bytes) {
        let (packed, code) = step(stream, room: room) { deflate($0, Z_FINISH) }
        return code == Z_STREAM_END ? packed : nil
      }
    }
  }

  /// What exactly these bytes were packed from.
  /// - Parameter bytesMax: most bytes that they may unfold to: without it a kilobyte makes a gigabyte.
  package static func unpacked(
    _ packed: [UInt8], _ frame: Frame, bytesMax: Int
  ) throws(Fault) -> [UInt8] {
    let result = withStream { stream -> Result<[UInt8], Fault> in
      guard
        inflateInit2_(
          stream, frame.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
      else { return .failure(.noMemory) }
      defer { inflateEnd(stream) }
      let dictionary = frame.dictionary
      guard
        dictionary.isEmpty
          || inflateSetDictionary(stream, dictionary, uInt(dictionary.count)) == Z_OK
      else { return .failure(.noMemory) }
      return feeding(stream, packed) { inflated(stream, bytesMax: bytesMax) }
    }
    return try result.get()
  }

  private static func inflated(
    _ stream: UnsafeMutablePointer<z_stream>, bytesMax: Int
  ) -> Result<[UInt8], Fault> {
    var bytes: [UInt8] = []
    while true {
      // One more than is allowed shows that there is more.
      let room = min(portion, bytesMax + 1 - bytes.count)
      let (part, code) = step(stream, room: room) { inflate($0, Z_NO_FLUSH) }
      bytes += part
      guard bytes.count <= bytesMax else { return .failure(.tooLong(bytesMax: bytesMax)) }
      if code == Z_STREAM_END {
        return stream.pointee.avail_in == 0 ? .success(bytes) : .failure(.surplus)
      }
      guard code == Z_OK, !part.isEmpty || stream.pointee.avail_in > 0 else {
        return .failure(.damaged)
      }
    }
  }

  /// At one address from its beginning to its end: zlib's own state points back to it.
  private static func withStream<Outcome>(
    _ body: (UnsafeMutablePointer<z_stream>) -> Outcome
  ) -> Outcome {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    return body(stream)
  }

  private static func feeding<Outcome>(
    _ stream: UnsafeMutablePointer<z_stream>, _ input: [UInt8], _ body: () -> Outcome
  ) -> Outcome {
    // zlib only reads it, but says so in its types since 1.3 alone.
    var input = input
    return input.withUnsafeMutableBufferPointer { source in
      stream.pointee.next_in = source.baseAddress
      stream.pointee.avail_in = uInt(source.count)
      return body()
    }
  }

  private static func step(
    _ stream: UnsafeMutablePointer<z_stream>, room: Int,
    _ run: (UnsafeMutablePointer<z_stream>) -> Int32
  ) -> (bytes: [UInt8], code: Int32) {
    var code = Z_OK
    let bytes = [UInt8](unsafeUninitializedCapacity: room) { target, count in
      stream.pointee.next_out = target.baseAddress
      stream.pointee.avail_out = uInt(room)
      code = run(stream)
      count = room - Int(stream.pointee.avail_out)
    }
    return (bytes, code)
  }
}
