import Vocabulary

/// `sprintf` with the verbs of Go's package fmt, as far as policies use them.
struct GoFormat {
  /// Widest field, and most digits after the point.
  static let widthMax = 1_000

  private let format: [Unicode.Scalar]
  private let arguments: [Value]
  private var position = 0
  private var nextArgument = 0
  /// Some verb named its argument by number; then none is left over.
  private var isReordered = false

  init(format: String, arguments: [Value]) {
    self.format = Array(format.unicodeScalars)
    self.arguments = arguments
  }

  private struct Field {
    var isLeft = false, hasPlus = false, hasSpace = false, hasZero = false, isSharp = false
    var width: Int?
    var precision: Int?
  }

  mutating func formatted(_ context: inout BuiltinContext) throws -> String {
    var text = ""
    while position < format.count {
      let scalar = format[position]
      position += 1
      guard scalar == "%" else {
        text.unicodeScalars.append(scalar)
        continue
      }
      let piece = verb()
      try context.allocate(piece.utf8.count)
      text += piece
    }
    if !isReordered, nextArgument < arguments.count {
      let extra = arguments[nextArgument...].map { "\(goType($0))=\(plain($0))" }
      text += "%!(EXTRA \(extra.joined(separator: ", ")))"
    }
    return text
  }

  private mutating func integer() -> Int? {
    var value: Int?
    while position < format.count, ("0"..."9").contains(format[position]) {
      value = min((value ?? 0) * 10 + Int(format[position].value - 48), Self.widthMax)
      position += 1
    }
    return value
  }

  private mutating func field() -> Field {
    var field = Field()
    flags: while position < format.count {
      switch format[position] {
      case "-": field.isLeft = true
      case "+": field.hasPlus = true
      case " ": field.hasSpace = true
      case "0": field.hasZero = true
      case "#": field.isSharp = true
      default: break flags
      }
      position += 1
    }
    index()
    field.width = integer() ?? star()
    if let width = field.width, width < 0 {
      field.isLeft = true
      field.width = -width
    }
    if position < format.count, format[position] == "." {
      position += 1
      index()
      field.precision = integer() ?? star().map { max($0, 0) } ?? 0
    }
    index()
    return field
  }

  /// `[2]`: which argument comes next, from 1.
  private mutating func index() {
    guard position < format.count, format[position] == "[",
      let end = format[position...].firstIndex(of: "]"),
      let number = Int(Builtins.text(format[position + 1..<end]))
    else { return }
    isReordered = true
    position = end + 1
    nextArgument = (1...max(arguments.count, 1)).contains(number) ? number - 1 : Self.badIndex
  }

  /// No policy has as many arguments.
  private static let badIndex = Int.max / 2

  private mutating func star() -> Int? {
    guard position < format.count, format[position] == "*" else { return nil }
    position += 1
    guard nextArgument < arguments.count, let width = Self.width(arguments[nextArgument]) else {
      return nil
    }
    nextArgument += 1
    return min(max(width, -Self.widthMax), Self.widthMax)
  }

  /// On its own, and not inlined: Swift 6.3.1 fails to compile it for release as part of `star`.
  @inline(never)
  private static func width(_ value: Value) -> Int? {
    if case .number(let number) = value { number.int } else { nil }
  }

  private mutating func verb() -> String {
    var field = field()
    guard position < format.count else { return "%!(NOVERB)" }
    let verb = format[position]
    position += 1
    if verb == "%" { return "%" }
    guard nextArgument < arguments.count else {
      return "%!\(verb)(\(nextArgument == Self.badIndex ? "BADINDEX" : "MISSING"))"
    }
    let value = arguments[nextArgument]
    nextArgument += 1
    guard let body = body(verb, value, &field) else {
      return "%!\(verb)(\(goType(value))=\(padded(plain(value), field)))"
    }
    return padded(body, field)
  }

  /// Nil where the verb does not suit the value.
  private func body(_ verb: Unicode.Scalar, _ value: Value, _ field: inout Field) -> String? {
    switch verb {
    case "v": return signed(plain(value), value, field)
    case "T": return goType(value)
    case "s":
      // OPA hands integers beyond 64 bits over as text.
      if case .number(let number) = value, number.int64 != nil || !number.isInteger { return nil }
      let text = plain(value)
      return field.precision.map { Builtins.text(text.unicodeScalars.prefix($0)) } ?? text
    case "q":
      guard case .number = value else {
        var writer = TextWriter()
        writer.writeQuoted(plain(value))
        return writer.text
      }
      return nil
    case "t":
      guard case .bool(let flag) = value else { return nil }
      return flag ? "true" : "false"
    case "d", "b", "o", "c", "U": return integerBody(verb, value, field)
    case "x", "X": return hexBody(verb, value, field)
    case "e", "E", "f", "F", "g", "G":
      guard case .number(let number) = value, !number.isInteger else {
        return nil
      }
      return signed(floatBody(verb, number.double, field.precision), value, field)
    default: return nil
    }
  }

  private func integerBody(_ verb: Unicode.Scalar, _ value: Value, _ field: Field) -> String? {
    guard case .number(let number) = value, let integer = number.integer else { return nil }
    switch verb {
    case "c":
      guard let code = number.int64, let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init)
      else { return "\u{fffd}" }
      return String(scalar)
    case "U":
      let hex = Builtins.text(integer, base: 16).uppercased()
      return "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
    default:
      let base = verb == "d" ? 10 : verb == "b" ? 2 : 8
      return signed(Builtins.text(integer, base: base), value, field)
    }
  }

  private func hexBody(_ verb: Unicode.Scalar, _ value: Value, _ field: Field) -> String? {
    let text: String
    if case .number(let number) = value {
      guard let integer = number.integer else { return nil }
      text = signed(
        (field.isSharp ? "0x" : "") + Builtins.text(integer, base: 16), value, field)
    } else {
      text = hexText(plain(value).utf8)
    }
    return verb == "X" ? text.uppercased() : text
  }

  private func signed(_ text: String, _ value: Value, _ field: Field) -> String {
    guard case .number(let number) = value, !number.isNegative else { return text }
    return (field.hasPlus ? "+" : field.hasSpace ? " " : "") + text
  }

  private func padded(_ body: String, _ field: Field) -> String {
    let missing = (field.width ?? 0) - body.unicodeScalars.count
    guard missing > 0 else { return body }
    if field.isLeft { return body + String(repeating: " ", count: missing) }
    guard field.hasZero else { return String(repeating: " ", count: missing) + body }
    let sign = body.hasPrefix("-") || body.hasPrefix("+") ? String(body.prefix(1)) : ""
    return sign + String(repeating: "0", count: missing) + body.dropFirst(sign.count)
  }

  private func plain(_ value: Value) -> String {
    if case .string(let text) = value { text } else { value.regoText }
  }

  private func goType(_ value: Value) -> String {
    guard case .number(let number) = value else { return "string" }
    if number.int64 != nil { return "int" }
    return number.isInteger ? "*big.Int" : "float64"
  }

  private func floatBody(_ verb: Unicode.Scalar, _ value: Double, _ precision: Int?) -> String {
    switch verb {
    case "f", "F": return fixed(value, precision ?? 6)
    case "e", "E":
      let text = exponential(value, precision ?? 6)
      return verb == "E" ? text.uppercased() : text
    default:
      let text = Number(value)?.description ?? "\(value)"
      return verb == "G" ? text.uppercased() : text
    }
  }

  /// Rounded half to even on the exact value of the double, as Go does.
  private func fixed(_ value: Double, _ places: Int) -> String {
    let negative = value.sign == .minus
    let significand = BigInteger(
      Int64(value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)))
    let exponent = Int(value.exponentBitPattern == 0 ? 1 : value.exponentBitPattern) - 1_075
    let scaled = significand * BigInteger.powerOfTen(places)
    var digits: BigInteger
    if exponent >= 0 {
      digits = scaled.shiftedLeft(exponent)
    } else {
      let divisor = BigInteger(1).shiftedLeft(-exponent)
      let (quotient, remainder) = scaled.dividedTruncating(by: divisor)
      digits = quotient
      let twice = remainder + remainder
      let isOdd = (quotient.limbs.first ?? 0) & 1 == 1
      if divisor < twice || (twice == divisor && isOdd) { digits = digits + BigInteger(1) }
    }
    var text = String(decoding: digits.digits, as: UTF8.self)
    if text.utf8.count <= places {
      text = String(repeating: "0", count: places + 1 - text.utf8.count) + text
    }
    let point = text.utf8.count - places
    let shown = places == 0 ? text : text.prefix(point) + "." + text.dropFirst(point)
    return (negative ? "-" : "") + shown
  }

  private func exponential(_ value: Double, _ places: Int) -> String {
    guard value != 0 else { return fixed(0, places) + "e+00" }
    var magnitude = value.magnitude
    var exponent = 0
    while magnitude >= 10 {
      magnitude /= 10
      exponent += 1
    }
    while magnitude < 1 {
      magnitude *= 10
      exponent -= 1
    }
    var text = fixed(magnitude, places)
    if text.hasPrefix("10") {
      text = fixed(1, places)
      exponent += 1
    }
    let sign = value < 0 ? "-" : ""
    return sign + text + (exponent < 0 ? "e-" : "e+") + (abs(exponent) < 10 ? "0" : "")
      + "\(abs(exponent))"
  }
}
