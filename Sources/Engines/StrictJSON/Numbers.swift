/// The double nearest to a spelling that the grammar of RFC 8259 §6 has already accepted; infinite
/// when out of range.
func spelledDouble(_ spelling: ArraySlice<UInt8>) -> Double {
  Double(String(decoding: spelling, as: UTF8.self)) ?? .infinity
}

/// Writes a finite double as ECMAScript does (ECMA-262 Number::toString, required by RFC 8785
/// §3.2.2.3).
///
/// Swift's own description already has the shortest digits that read back the same; only the layout
/// differs.
func appendECMAScript(_ value: Double, to text: inout [UInt8]) {
  guard value != 0 else { return text.append(UInt8(ascii: "0")) }  // Minus zero too.
  if value < 0 { text.append(UInt8(ascii: "-")) }
  let (digits, point) = shortestDigits(value.magnitude)
  let count = digits.count
  let zero = UInt8(ascii: "0")
  switch point {
  case count...21 where count <= 21:
    text += digits
    text += repeatElement(zero, count: point - count)
  case 1...21:
    text += digits[..<point]
    text.append(UInt8(ascii: "."))
    text += digits[point...]
  case -5...0:
    text += "0.".utf8
    text += repeatElement(zero, count: -point)
    text += digits
  default:
    text.append(digits[0])
    if count > 1 {
      text.append(UInt8(ascii: "."))
      text += digits[1...]
    }
    let exponent = point - 1
    text += (exponent < 0 ? "e-" : "e+").utf8
    text += String(exponent.magnitude).utf8
  }
}

/// The significant digits without zeros at either end, and where the decimal point stands: value =
/// 0.digits × 10^point.
private func shortestDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
  var digits: [UInt8] = []
  var point = 0
  var seenPoint = false
  var exponent = 0
  var rest = value.description.utf8[...]
  while let byte = rest.popFirst() {
    switch byte {
    case 48...57:
      // A zero before the first digit that counts moves the point only when it stands after it.
      if digits.isEmpty, byte == 48 {
        if seenPoint { point -= 1 }
      } else {
        digits.append(byte)
        if !seenPoint { point += 1 }
      }
    case UInt8(ascii: "."): seenPoint = true
    default:
      exponent = Int(String(decoding: rest, as: UTF8.self)) ?? 0
      rest = rest[rest.endIndex...]
    }
  }
  while digits.last == 48 { digits.removeLast() }
  return (digits, point + exponent)
}
