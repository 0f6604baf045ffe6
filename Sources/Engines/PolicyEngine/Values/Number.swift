/// A number as OPA has it: exact in decimal, without a limit to 64 bits. `1`, `1.0` and `1e0` are
/// the same number.
package struct Number: Hashable, Sendable {
  private enum Storage: Hashable, Sendable {
    case small(Int64)
    /// `coefficient × 10^exponent`; the coefficient does not end in zero, and the whole is not an
    /// integer of 64 bits, so that equal numbers have one form only.
    indirect case big(BigInteger, exponent: Int)
  }
  private let storage: Storage

  /// Largest exponent of ten, either way, and most limbs (of 32 bits) of a coefficient. Beyond it
  /// arithmetic is refused: squaring a number over and over must not eat the memory.
  static let exponentMax = 20_000
  static let limbsMax = 4_096

  package init(_ value: Int64) { storage = .small(value) }
  init(_ value: Int) { storage = .small(Int64(value)) }
  init(_ value: BigInteger) { self.init(value, exponent: 0) }

  /// Callers check the limits.
  private init(_ coefficient: BigInteger, exponent: Int) {
    if exponent == 0, let small = coefficient.int64 {
      storage = .small(small)
      return
    }
    var limbs = coefficient.limbs
    var scale = exponent
    while !limbs.isEmpty, limbs[0] & 1 == 0 {
      var quotient = limbs
      guard BigInteger.divideSmall(&quotient, by: 10) == 0 else { break }
      limbs = quotient
      scale += 1
    }
    let trimmed = BigInteger(limbs: limbs, isNegative: coefficient.isNegative)
    if trimmed.isZero {
      storage = .small(0)
    } else if (0...19).contains(scale),
      let small = (trimmed * BigInteger.powerOfTen(scale)).int64
    {
      storage = .small(small)
    } else {
      storage = .big(trimmed, exponent: scale)
    }
  }

  /// The nearest decimal that reads back as this double; nil unless finite.
  package init?(_ value: Double) {
    guard value.isFinite else { return nil }
    self.init(spelled: "\(value)".utf8)
  }

  /// A JSON number (RFC 8259 §6): all digits count. Nil for another spelling or beyond a limit.
  package init?(spelled text: some Sequence<UInt8>) {
    var digits: [UInt8] = []
    var isNegative = false
    var fraction: Int?
    var exponent = 0
    var exponentSign = 0
    var hasExponentDigits = false
    var last: UInt8 = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "-") where last == 0: isNegative = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if exponentSign != 0 {
          exponent = min(exponent * 10 + Int(byte - 48), 1_000_000)
          hasExponentDigits = true
        } else {
          digits.append(byte)
          if let places = fraction { fraction = places + 1 }
        }
      case UInt8(ascii: ".") where fraction == nil && exponentSign == 0 && !digits.isEmpty:
        fraction = 0
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        guard exponentSign == 0, !digits.isEmpty, fraction != 0 else { return nil }
        exponentSign = 1
      case UInt8(ascii: "+") where last | 0x20 == UInt8(ascii: "e"): exponentSign = 1
      case UInt8(ascii: "-") where last | 0x20 == UInt8(ascii: "e"): exponentSign = -1
      default: return nil
      }
      last = byte
    }
    guard !digits.isEmpty, fraction != 0, exponentSign == 0 || hasExponentDigits else { return nil }
    let scale = exponent * exponentSign - (fraction ?? 0)
    guard abs(scale) <= Self.exponentMax, digits.count <= Self.exponentMax else { return nil }
    self.init(BigInteger(digits: digits, isNegative: isNegative), exponent: scale)
  }

  /// Nil for a fraction and beyond 64 bits.
  package var int64: Int64? { if case .small(let value) = storage { value } else { nil } }
  var int: Int? { int64.flatMap(Int.init(exactly:)) }

  /// Nil for a fraction.
  var integer: BigInteger? {
    switch storage {
    case .small(let value): BigInteger(value)
    case .big(let coefficient, let exponent):
      exponent < 0 ? nil : coefficient * BigInteger.powerOfTen(exponent)
    }
  }

  var isInteger: Bool {
    switch storage {
    case .small: true
    case .big(_, let exponent): exponent >= 0
    }
  }

  var isNegative: Bool {
    switch storage {
    case .small(let value): value < 0
    case .big(let coefficient, _): coefficient.isNegative
    }
  }

  /// Rounded to the nearest double; infinite beyond its range.
  package var double: Double {
    if case .small(let value) = storage { return Double(value) }
    return Double(description) ?? .nan
  }

  private var parts: (coefficient: BigInteger, exponent: Int) {
    switch storage {
    case .small(let value): (BigInteger(value), 0)
    case .big(let coefficient, let exponent): (coefficient, exponent)
    }
  }

  /// Both over the same power of ten.
  private static func aligned(_ left: Number, _ right: Number)
    -> (left: BigInteger, right: BigInteger, exponent: Int)
  {
    let (first, second) = (left.parts, right.parts)
    let exponent = min(first.exponent, second.exponent)
    return (
      first.coefficient * BigInteger.powerOfTen(first.exponent - exponent),
      second.coefficient * BigInteger.powerOfTen(second.exponent - exponent), exponent
    )
  }

  private static func checked(_ coefficient: BigInteger, _ exponent: Int) -> Number? {
    guard coefficient.limbs.count <= limbsMax, abs(exponent) <= exponentMax else { return nil }
    return Number(coefficient, exponent: exponent)
  }

  /// Nil beyond a limit; so are all operations here.
  func adding(_ other: Number) -> Number? {
    if case .small(let left) = storage, case .small(let right) = other.storage {
      let (sum, overflow) = left.addingReportingOverflow(right)
      if !overflow { return Number(sum) }
    }
    let (left, right, exponent) = Self.aligned(self, other)
    return Self.checked(left + right, exponent)
  }

  var negated: Number {
    let (coefficient, exponent) = parts
    return Number(-coefficient, exponent: exponent)
  }

  func subtracting(_ other: Number) -> Number? { adding(other.negated) }

  func multiplied(by other: Number) -> Number? {
    if case .small(let left) = storage, case .small(let right) = other.storage {
      let (product, overflow) = left.multipliedReportingOverflow(by: right)
      if !overflow { return Number(product) }
    }
    let (first, second) = (parts, other.parts)
    return Self.checked(
      first.coefficient * second.coefficient, first.exponent + second.exponent)
  }

  /// The divisor is not zero. A quotient that is no integer is rounded to what OPA can tell; see
  /// `Quotient`.
  func divided(by other: Number) -> Number? {
    if case .small(let left) = storage, case .small(let right) = other.storage, right != -1,
      left % right == 0
    {
      return Number(left / right)
    }
    let (first, second) = (parts, other.parts)
    let exponent = first.exponent - second.exponent
    let quotient = Quotient(
      first.coefficient.magnitude * BigInteger.powerOfTen(max(0, exponent)),
      over: second.coefficient.magnitude * BigInteger.powerOfTen(max(0, -exponent)))
    let isNegative = first.coefficient.isNegative != second.coefficient.isNegative
    return Self.checked(
      isNegative ? -quotient.coefficient : quotient.coefficient, quotient.exponent)
  }

  enum Rounding { case down, up, halfAwayFromZero }

  func rounded(_ rounding: Rounding) -> Number {
    guard case .big(let coefficient, let exponent) = storage, exponent < 0 else { return self }
    let scale = BigInteger.powerOfTen(-exponent)
    let (quotient, remainder) = coefficient.dividedTruncating(by: scale)
    let isNegative = coefficient.isNegative
    let isHalf = (remainder + remainder).magnitude >= scale
    switch rounding {
    case .down: return Number(isNegative ? quotient - BigInteger(1) : quotient)
    case .up: return Number(isNegative ? quotient : quotient + BigInteger(1))
    case .halfAwayFromZero:
      return Number(isHalf ? quotient + BigInteger(isNegative ? -1 : 1) : quotient)
    }
  }
}

extension Number: Comparable {
  package static func < (left: Number, right: Number) -> Bool {
    if case .small(let first) = left.storage, case .small(let second) = right.storage {
      return first < second
    }
    let (first, second, _) = aligned(left, right)
    return first < second
  }
}

extension Number: CustomStringConvertible {
  /// Integers with all their digits, fractions in plain notation while that is short.
  package var description: String {
    guard case .big(let coefficient, let exponent) = storage else { return "\(int64 ?? 0)" }
    let digits = String(decoding: coefficient.digits, as: UTF8.self)
    let sign = coefficient.isNegative ? "-" : ""
    let point = digits.utf8.count + exponent
    if exponent >= 0, point <= 400 {
      return sign + digits + String(repeating: "0", count: exponent)
    }
    if exponent < 0, (1...400).contains(point) {
      return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }
    if exponent < 0, (-6...0).contains(point) {
      return sign + "0." + String(repeating: "0", count: -point) + digits
    }
    let rest = digits.dropFirst()
    return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest)
      + (point > 0 ? "e+" : "e-") + "\(abs(point - 1))"
  }
}
