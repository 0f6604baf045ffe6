/// `coefficient × 10^exponent`, the quotient of two integers that are not negative.
///
/// One that is no integer is what OPA gives: the nearest number with a mantissa of 64 bits, half to
/// even, in the fewest decimal digits that tell it from its neighbours, and of those the nearest.
struct Quotient {
  private(set) var coefficient: BigInteger
  private(set) var exponent = 0

  init(_ dividend: BigInteger, over divisor: BigInteger) {
    let (whole, rest) = dividend.dividedTruncating(by: divisor)
    coefficient = whole
    guard !rest.isZero else { return }
    let binary = Binary(dividend, over: divisor)
    let (digits, point) = binary.decimals
    // 64 bits are told by 21 digits at most.
    for count in 1...21 {
      exponent = point - count
      coefficient = BigInteger(digits: digits.prefix(count), isNegative: false)
      let above = coefficient + BigInteger(1)
      let tellsDown = binary.isTold(by: coefficient, exponent)
      let tellsUp = binary.isTold(by: above, exponent)
      if tellsUp, !tellsDown || binary.isNearer(to: above, than: coefficient, exponent) {
        coefficient = above
      }
      if tellsDown || tellsUp { return }
    }
  }
}

/// `mantissa × 2^-shift`, the mantissa of 64 bits.
private struct Binary {
  private let mantissa: BigInteger
  private let shift: Int

  init(_ dividend: BigInteger, over divisor: BigInteger) {
    var shift = 64 - (dividend.bitCount - divisor.bitCount)
    func divide() -> (quotient: BigInteger, remainder: BigInteger, divisor: BigInteger) {
      let divisor = divisor.shiftedLeft(max(0, -shift))
      let (quotient, remainder) = dividend.shiftedLeft(max(0, shift))
        .dividedTruncating(by: divisor)
      return (quotient, remainder, divisor)
    }
    var found = divide()
    if found.quotient.bitCount > 64 {
      shift -= 1
      found = divide()
    }
    let twice = found.remainder + found.remainder
    let isOdd = found.quotient.limbs.first.map { $0 & 1 == 1 } ?? false
    let isUp = found.divisor < twice || (!(twice < found.divisor) && isOdd)
    mantissa = isUp ? found.quotient + BigInteger(1) : found.quotient
    self.shift = shift
  }

  /// The first 21 digits at least, and where the decimal point stands among them.
  var decimals: (digits: [UInt8], point: Int) {
    let scale = 22 - Int((Double(64 - shift) * 0.301_029_995_663_981_2).rounded(.up))
    let own = mantissa.shiftedLeft(max(0, -shift)) * BigInteger.powerOfTen(max(0, scale))
    let unit = BigInteger.powerOfTen(max(0, -scale)).shiftedLeft(max(0, shift))
    let digits = own.dividedTruncating(by: unit).quotient.digits
    return (digits, digits.count - scale)
  }

  /// Whether a decimal is nearer to this number than to its neighbours; right between them it is
  /// read as the even one.
  func isTold(by coefficient: BigInteger, _ exponent: Int) -> Bool {
    let distance = distance(to: coefficient, exponent)
    let half = unit(exponent)
    let isEven = mantissa.limbs.first.map { $0 & 1 == 0 } ?? true
    return distance < half || (isEven && !(half < distance))
  }

  /// Right between both it is the even one.
  func isNearer(to coefficient: BigInteger, than other: BigInteger, _ exponent: Int) -> Bool {
    let (own, others) = (distance(to: coefficient, exponent), distance(to: other, exponent))
    let isEven = coefficient.limbs.first.map { $0 & 1 == 0 } ?? true
    return own < others || (isEven && !(others < own))
  }

  /// Twice the distance, in the unit of which a half step of the mantissa is `unit`.
  private func distance(to coefficient: BigInteger, _ exponent: Int) -> BigInteger {
    let decimal = coefficient * BigInteger.powerOfTen(max(0, exponent))
    let own =
      (mantissa + mantissa).shiftedLeft(max(0, -shift))
      * BigInteger.powerOfTen(max(0, -exponent))
    return ((decimal + decimal).shiftedLeft(max(0, shift)) - own).magnitude
  }

  private func unit(_ exponent: Int) -> BigInteger {
    BigInteger(1).shiftedLeft(max(0, -shift)) * BigInteger.powerOfTen(max(0, -exponent))
  }
}
