import Deflate
import StrictJSON

/// An answer with its fields as it is sealed: packed, because a service says much the same in the same words each time, and
/// an answer is kept as long as what it tells of.
enum PackedAnswer {
  /// Most bytes of an answer that is packed; a longer one stays as it is, and is too long to be sealed.
  private static let bytesMax = 1 << 20
  /// No JSON begins so. What begins otherwise is a body alone.
  private static let mark: UInt8 = 1
  private static let newline = UInt8(ascii: "\n")

  /// Nil where it is kept as it is.
  /// - Parameter words: what such answers are likely to contain.
  static func bytes(of answer: StoredAnswer, words: [UInt8]) throws -> [UInt8]? {
    let whole = try StrictJSON.encode(answer.headers) + [newline] + answer.body
    guard whole.count <= bytesMax else { return nil }
    return Deflate.packed(whole, .bare(dictionary: words)).map { [mark] + $0 }
  }

  /// - Parameter bytes: as they were sealed.
  /// - Returns: nil for a body alone.
  static func answer(
    _ status: Int, in bytes: [UInt8], words: [UInt8]
  ) throws -> StoredAnswer? {
    guard bytes.first == mark else { return nil }
    let whole = try Deflate.unpacked(
      Array(bytes.dropFirst()), .bare(dictionary: words), bytesMax: bytesMax)
    guard let end = whole.firstIndex(of: newline) else {
      throw StoreError.unexpectedColumn("body")
    }
    return StoredAnswer(
      status: status, headers: try StrictJSON.decode([[String]].self, from: Array(whole[..<end])),
      body: Array(whole[(end + 1)...]))
  }
}
