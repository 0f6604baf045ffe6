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
  /// Bits of the magnitude, without leading zeros.
  var bitCount: Int { limbs.count * 32 - (limbs.last?.leadingZeroBitCount ?? 0) }
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
    guard Self.compareMagnitudes(limbs, divisor.limbs) >= 0 else { return (BigInteger(0), self) }
    let (quotient, remainder) = Self.divideLong(limbs, by: divisor.limbs)
    return (
      BigInteger(limbs: quotient, isNegative: isNegative != divisor.isNegative),
      BigInteger(limbs: remainder, isNegative: isNegative)
    )
  }

  /// Long division in base 2^32 (Knuth, The Art of Computer Programming, 4.3.1, algorithm D). The
  /// divisor has two limbs at least, the dividend is not smaller.
  private static func divideLong(_ dividend: [UInt32], by divisor: [UInt32])
    -> (quotient: [UInt32], remainder: [UInt32])
  {
    // The divisor's first bit is set, so that a digit is guessed at most two too large.
    let shift = UInt64(divisor[divisor.count - 1].leadingZeroBitCount)
    var rest = dividend
    multiplyAdd(&rest, by: 1 << shift, adding: 0)
    if rest.count == dividend.count { rest.append(0) }
    var low = divisor
    multiplyAdd(&low, by: 1 << shift, adding: 0)
    let count = low.count
    let (first, second) = (UInt64(low[count - 1]), UInt64(low[count - 2]))
    var quotient = [UInt32](repeating: 0, count: rest.count - count)
    for place in stride(from: quotient.count - 1, through: 0, by: -1) {
      let top = UInt64(rest[place + count]) << 32 | UInt64(rest[place + count - 1])
      var (guess, left) = top.quotientAndRemainder(dividingBy: first)
      while guess >> 32 != 0 || guess * second > (left << 32 | UInt64(rest[place + count - 2])) {
        guess -= 1
        left += first
        if left >> 32 != 0 { break }
      }
      if subtract(low, times: guess, from: &rest, at: place) {
        guess -= 1
        var carry: UInt64 = 0
        for index in 0..<count {
          carry += UInt64(rest[place + index]) + UInt64(low[index])
          rest[place + index] = UInt32(truncatingIfNeeded: carry)
          carry >>= 32
        }
        rest[place + count] = UInt32(truncatingIfNeeded: UInt64(rest[place + count]) + carry)
      }
      quotient[place] = UInt32(guess)
    }
    var remainder = Array(rest.prefix(count))
    for index in 0..<count where shift > 0 {
      let above = index + 1 < count ? remainder[index + 1] << UInt32(32 - shift) : 0
      remainder[index] = remainder[index] >> UInt32(shift) | above
    }
    return (quotient, remainder)
  }

  /// Whether more was taken away than was there.
  private static func subtract(
    _ limbs: [UInt32], times factor: UInt64, from rest: inout [UInt32], at place: Int
  ) -> Bool {
    var (carry, borrow): (UInt64, Int64) = (0, 0)
    for (index, limb) in limbs.enumerated() {
      carry += UInt64(limb) * factor
      let difference = Int64(rest[place + index]) - Int64(carry & 0xffff_ffff) + borrow
      rest[place + index] = UInt32(truncatingIfNeeded: difference)
      borrow = difference >> 32
      carry >>= 32
    }
    let difference = Int64(rest[place + limbs.count]) - Int64(carry) + borrow
    rest[place + limbs.count] = UInt32(truncatingIfNeeded: difference)
    return difference < 0
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
