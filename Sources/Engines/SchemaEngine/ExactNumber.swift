/// A number as it is spelled, exactly: digits × 10^exponent. JSON's numbers are decimal, and so are their bounds and steps; a binary
/// double would say that 0.3 is no multiple of 0.1.
struct ExactNumber: Hashable, Sendable {
  private let isNegative: Bool
  /// From the first that is not zero to the last; none for zero.
  private let digits: [UInt8]
  private let exponent: Int

  /// Takes what the grammar of RFC 8259 §6 has already accepted.
  init(_ spelling: some Collection<UInt8>) {
    var digits: [UInt8] = []
    var (isNegative, exponent, isFraction) = (false, 0, false)
    var rest = spelling[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "-"): isNegative = true
      case UInt8(ascii: "."): isFraction = true
      case 48...57:
        if isFraction { exponent -= 1 }
        if !digits.isEmpty || byte != 48 { digits.append(byte - 48) }
      default:
        exponent +=
          Int(String(decoding: rest.filter { $0 != UInt8(ascii: "+") }, as: UTF8.self)) ?? 0
        rest = rest[rest.endIndex...]
      }
    }
    while digits.last == 0 {
      digits.removeLast()
      exponent += 1
    }
    self.isNegative = isNegative && !digits.isEmpty
    self.digits = digits
    self.exponent = digits.isEmpty ? 0 : exponent
  }

  init(_ value: Int64) { self.init(String(value).utf8) }

  var isZero: Bool { digits.isEmpty }
  var isPositive: Bool { !isNegative && !isZero }
  var isInteger: Bool { exponent >= 0 }

  static func < (left: ExactNumber, right: ExactNumber) -> Bool {
    guard left.isNegative == right.isNegative else { return left.isNegative }
    return left.isNegative ? isSmaller(right, left) : isSmaller(left, right)
  }

  private static func isSmaller(_ left: ExactNumber, _ right: ExactNumber) -> Bool {
    guard !left.isZero, !right.isZero else { return left.isZero && !right.isZero }
    let (a, b) = (left.digits.count + left.exponent, right.digits.count + right.exponent)
    return a == b ? left.digits.lexicographicallyPrecedes(right.digits) : a < b
  }

  /// Steps have 18 digits at most, so that a remainder is a machine word.
  static let stepDigitsMax = 18

  /// Whether it may be a step.
  var isStep: Bool { isPositive && digits.count <= Self.stepDigitsMax }

  /// Whether it is a whole number of steps.
  func isMultiple(of step: ExactNumber) -> Bool {
    guard !isZero else { return true }
    // Neither ends with a zero, so what lies below the step's last place is no whole number of steps.
    guard exponent >= step.exponent else { return false }
    let divisor = step.digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1) }
    func append(_ digit: UInt64, _ remainder: UInt64) -> UInt64 {
      let (high, low) = remainder.multipliedFullWidth(by: 10)
      let (sum, carries) = low.addingReportingOverflow(digit)
      return divisor.dividingFullWidth((high + (carries ? 1 : 0), sum)).remainder
    }
    var remainder = digits.reduce(UInt64(0)) { append(UInt64($1), $0) }
    for _ in 0..<exponent - step.exponent where remainder != 0 { remainder = append(0, remainder) }
    return remainder == 0
  }
}
