// Fixed-width little-endian fields, written and read in order. Rows of the book are copied as they
// lie in memory, which is the same on the little-endian machines we run on.

#if _endian(big)
  #error("rows are copied as they lie in memory: little-endian")
#endif

/// Bytes in the making.
struct OctetWriter {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int) { bytes.reserveCapacity(capacity) }

  mutating func append(_ part: [UInt8]) { bytes += part }
  mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
  mutating func append<Row: BitwiseCopyable>(rows: [Row]) {
    rows.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}

/// Bytes that somebody else may have changed.
struct OctetReader {
  /// There are fewer bytes than the fields need.
  struct TooShort: Error {}

  private let bytes: ArraySlice<UInt8>
  private var index: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    index = bytes.startIndex
  }

  var rest: Int { bytes.endIndex - index }

  mutating func part(_ count: Int) throws(TooShort) -> ArraySlice<UInt8> {
    guard count >= 0, rest >= count else { throw TooShort() }
    defer { index += count }
    return bytes[index..<index + count]
  }
  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type
  ) throws(TooShort) -> Number {
    let part = try part(MemoryLayout<Number>.size)
    return Number(littleEndian: part.withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
  }
  /// - Parameter stride: `MemoryLayout<Row>.stride`, all of it fields.
  mutating func rows<Row: BitwiseCopyable>(
    _ type: Row.Type, count: Int
  ) throws(TooShort) -> [Row] {
    let (size, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Row>.stride)
    guard !overflow else { throw TooShort() }
    let part = try part(size)
    return [Row](unsafeUninitializedCapacity: count) { buffer, filled in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: part)
      filled = count
    }
  }
}
