/// Which 32 bytes may stand for somebody's Ed25519 key. Pure, and here because every engine that takes such keys from
/// others must ask the same.
package enum Ed25519Encoding {
  /// Bytes of a public key (RFC 8032 §5.1.5).
  package static let byteCount = 32

  /// The y coordinates of the eight points whose order divides eight; with either sign of x. For such a key there are
  /// signatures that fit every message, or one in eight, and that nobody needs a secret to make.
  private static let smallOrder: Set<[UInt8]> = {
    let zero = [UInt8](repeating: 0, count: byteCount)
    let one = [1] + zero.dropLast()
    let minusOne = [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f]
    let eighth: [UInt8] = [
      0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
      0xf0,
      0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc,
      0x05,
    ]
    let otherEighth: [UInt8] = [
      0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
      0x0f,
      0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03,
      0x7a,
    ]
    return [zero, one, minusOne, eighth, otherEighth]
  }()

  /// Whether a public key may be believed: 32 bytes, in the one spelling that its point has (RFC 8032 §5.1.3: y below
  /// 2^255 - 19), and not a point of small order. Whether it lies on the curve is seen at the first signature.
  package static func isSound(_ key: some Collection<UInt8>) -> Bool {
    var y = Array(key)
    guard y.count == byteCount else { return false }
    y[31] &= 0x7f
    let isReduced = y[31] != 0x7f || y[0] < 0xed || y[1...30].contains { $0 != 0xff }
    return isReduced && !smallOrder.contains(y)
  }
}
