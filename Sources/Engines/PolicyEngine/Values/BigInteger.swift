/// An integer of any size: sign and magnitude, in base 2^32, the lowest limb first.
struct BigInteger: Hashable, Sendable {
  /// Never set for zero.
  private(set) var isNegative: Bool
  /// Without leading zeros; empty for zero.
  private(set) var limbs: [UInt32]

  init(limbs: [UInt32], isNegative: Bool) {
    var trimmed = limbs
    while trimmed.last == 0 { trimmed.removeLast() }
    self.limbs = trimmed
    self.isNegative = isNegative && !trimmed.isEmpty
  }

  init(_ value: Int64) {
    let magnitude = value.magnitude
    self.init(
      limbs: [UInt32(truncatingIfNeeded: magnitude), UInt32(truncatingIfNeeded: magnitude >> 32)],
      isNegative: value < 0)
  }

  /// Decimal digits only; anything else is skipped by the caller.
  init(digits: some Sequence<UInt8>, isNegative: Bool) {
    var limbs: [UInt32] = []
    var chunk: UInt64 = 0
    var scale: UInt64 = 1
    for digit in digits {
      chunk = chunk * 10 + UInt64(digit - 48)
      scale *= 10
      if scale == 1_000_000_000 {
        Self.multiplyAdd(&limbs, by: scale, adding: chunk)
        chunk = 0
        scale = 1
      }
    }
    if scale > 1 { Self.multiplyAdd(&limbs, by: scale, adding: chunk) }
    self.init(limbs: limbs, isNegative: isNegative)
  }

  static let zero = BigInteger(limbs: [], isNegative: false)

  var isZero: Bool { limbs.isEmpty }
  var magnitude: BigInteger { BigInteger(limbs: limbs, isNegative: false) }

  /// Nil where it needs more than 64 bits.
  var int64: Int64? {
    guard limbs.count <= 2 else { return nil }
    let magnitude = limbs.reversed().reduce(UInt64(0)) { $0 << 32 | UInt64($1) }
    if isNegative {
      return magnitude <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
    }
    return Int64(exactly: magnitude)
  }

  /// Decimal digits of the magnitude, at least one.
  var digits: [UInt8] {
    if isZero { return [48] }
    var rest = limbs
    var reversed: [UInt8] = []
    while !rest.isEmpty {
      var remainder = Self.divideSmall(&rest, by: 1_000_000_000)
      for _ in 0..<9 {
        reversed.append(UInt8(remainder % 10) + 48)
        remainder /= 10
        if rest.isEmpty, remainder == 0 { break }
      }
    }
    return reversed.reversed()
  }

  static func multiplyAdd(_ limbs: inout [UInt32], by factor: UInt64, adding addend: UInt64) {
    var carry = addend
    for index in limbs.indices {
      let product = UInt64(limbs[index]) * factor + carry
      limbs[index] = UInt32(truncatingIfNeeded: product)
      carry = product >> 32
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  /// Divides in place and gives the remainder.
  static func divideSmall(_ limbs: inout [UInt32], by divisor: UInt32) -> UInt32 {
    var remainder: UInt64 = 0
    for index in limbs.indices.reversed() {
      let value = remainder << 32 | UInt64(limbs[index])
      limbs[index] = UInt32(value / UInt64(divisor))
      remainder = value % UInt64(divisor)
    }
    while limbs.last == 0 { limbs.removeLast() }
    return UInt32(remainder)
  }
}

extension BigInteger: Comparable {
  static func < (left: BigInteger, right: BigInteger) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative
      ? compareMagnitudes(right.limbs, left.limbs) < 0
      : compareMagnitudes(left.limbs, right.limbs) < 0
  }

  private static func compareMagnitudes(_ left: [UInt32], _ right: [UInt32]) -> Int {
    if left.count != right.count { return left.count < right.count ? -1 : 1 }
    for index in left.indices.reversed() where left[index] != right[index] {
      return left[index] < right[index] ? -1 : 1
    }
    return 0
  }

  static prefix func - (value: BigInteger) -> BigInteger {
    BigInteger(limbs: value.limbs, isNegative: !value.isNegative)
  }

  static func + (left: BigInteger, right: BigInteger) -> BigInteger {
    if left.isNegative == right.isNegative {
      return BigInteger(limbs: sum(left.limbs, right.limbs), isNegative: left.isNegative)
    }
    return compareMagnitudes(left.limbs, right.limbs) >= 0
      ? BigInteger(limbs: difference(left.limbs, right.limbs), isNegative: left.isNegative)
      : BigInteger(limbs: difference(right.limbs, left.limbs), isNegative: right.isNegative)
  }

  static func - (left: BigInteger, right: BigInteger) -> BigInteger { left + -right }

  static func * (left: BigInteger, right: BigInteger) -> BigInteger {
    if left.isZero || right.isZero { return zero }
    var product = [UInt32](repeating: 0, count: left.limbs.count + right.limbs.count)
    for (offset, limb) in left.limbs.enumerated() {
      var carry: UInt64 = 0
      for (position, other) in right.limbs.enumerated() {
        let value = UInt64(limb) * UInt64(other) + UInt64(product[offset + position]) + carry
        product[offset + position] = UInt32(truncatingIfNeeded: value)
        carry = value >> 32
      }
      product[offset + right.limbs.count] = UInt32(carry)
    }
    return BigInteger(limbs: product, isNegative: left.isNegative != right.isNegative)
  }

  private static func sum(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    var carry: UInt64 = 0
    for index in 0..<max(left.count, right.count) {
      let value =
        (index < left.count ? UInt64(left[index]) : 0)
        + (index < right.count ? UInt64(right[index]) : 0) + carry
      result.append(UInt32(truncatingIfNeeded: value))
      carry = value >> 32
    }
    if carry > 0 { result.append(UInt32(carry)) }
    return result
  }

  /// The left is not the smaller.
  private static func difference(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
    var result = left
    var borrow: Int64 = 0
    for index in left.indices {
      var value = Int64(left[index]) - borrow - (index < right.count ? Int64(right[index]) : 0)
      borrow = value < 0 ? 1 : 0
      if value < 0 { value += 1 << 32 }
      result[index] = UInt32(value)
    }
    return result
  }

  /// Truncated division, as in C and Go: the remainder has the sign of the dividend. The divisor
  /// is not zero.
  func dividedTruncating(by divisor: BigInteger) -> (quotient: BigInteger, remainder: BigInteger) {
    if divisor.limbs.count == 1 {
      var quotient = limbs
      let remainder = Self.divideSmall(&quotient, by: divisor.limbs[0])
      return (
        BigInteger(limbs: quotient, isNegative: isNegative != divisor.isNegative),
        BigInteger(limbs: [remainder], isNegative: isNegative)
      )
    }
    // Bit by bit: only for divisors beyond 32 bits, which policies hardly have.
    var quotient = [UInt32](repeating: 0, count: limbs.count)
    var rest: [UInt32] = []
    for bit in stride(from: limbs.count * 32 - 1, through: 0, by: -1) {
      let next = UInt64(limbs[bit / 32] >> UInt32(bit % 32) & 1)
      Self.multiplyAdd(&rest, by: 2, adding: next)
      if Self.compareMagnitudes(rest, divisor.limbs) >= 0 {
        rest = Self.difference(rest, divisor.limbs)
        while rest.last == 0 { rest.removeLast() }
        quotient[bit / 32] |= 1 << UInt32(bit % 32)
      }
    }
    return (
      BigInteger(limbs: quotient, isNegative: isNegative != divisor.isNegative),
      BigInteger(limbs: rest, isNegative: isNegative)
    )
  }

  static func powerOfTen(_ exponent: Int) -> BigInteger {
    var limbs: [UInt32] = [1]
    var rest = exponent
    while rest >= 9 {
      multiplyAdd(&limbs, by: 1_000_000_000, adding: 0)
      rest -= 9
    }
    var factor: UInt64 = 1
    for _ in 0..<rest { factor *= 10 }
    multiplyAdd(&limbs, by: factor, adding: 0)
    return BigInteger(limbs: limbs, isNegative: false)
  }
}

extension BigInteger {
  /// Applies a bitwise operation to the two's complement of both, as Go's `math/big` does.
  static func bitwise(
    _ left: BigInteger, _ right: BigInteger, _ operation: (UInt32, UInt32) -> UInt32
  ) -> BigInteger {
    let count = max(left.limbs.count, right.limbs.count) + 1
    let result = zip(left.complement(count), right.complement(count)).map(operation)
    guard result[count - 1] >> 31 == 1 else { return BigInteger(limbs: result, isNegative: false) }
    return BigInteger(limbs: negated(result), isNegative: true)
  }

  private func complement(_ count: Int) -> [UInt32] {
    let padded = limbs + [UInt32](repeating: 0, count: count - limbs.count)
    return isNegative ? Self.negated(padded) : padded
  }

  private static func negated(_ limbs: [UInt32]) -> [UInt32] {
    var carry: UInt64 = 1
    return limbs.map { limb in
      let value = UInt64(~limb) + carry
      carry = value >> 32
      return UInt32(truncatingIfNeeded: value)
    }
  }

  func shiftedLeft(_ count: Int) -> BigInteger {
    var shifted = [UInt32](repeating: 0, count: count / 32) + limbs
    Self.multiplyAdd(&shifted, by: 1 << UInt64(count % 32), adding: 0)
    return BigInteger(limbs: shifted, isNegative: isNegative)
  }

  /// Rounds towards minus infinity, as an arithmetic shift does.
  func shiftedRight(_ count: Int) -> BigInteger {
    let divisor = BigInteger(limbs: [1], isNegative: false).shiftedLeft(
      min(count, limbs.count * 32 + 1))
    let (quotient, remainder) = dividedTruncating(by: divisor)
    return isNegative && !remainder.isZero ? quotient - BigInteger(1) : quotient
  }
}
