import Vocabulary

extension Builtins {
  static let encoding: [Builtin] = [
    Builtin("base64.encode", 1) { _, values in
      .string(Base64.encode(try Arguments(values).string(0).utf8, .standard, padded: true))
    },
    Builtin("base64.decode", 1) { _, values in
      .string(
        String(
          decoding: try Base64.decode(try Arguments(values).string(0), .standard), as: UTF8.self))
    },
    Builtin("base64.is_valid", 1) { _, values in
      .bool((try? Base64.decode(try Arguments(values).string(0), .standard)) != nil)
    },
    Builtin("base64url.encode", 1) { _, values in
      .string(Base64.encode(try Arguments(values).string(0).utf8, .url, padded: true))
    },
    Builtin("base64url.encode_no_pad", 1) { _, values in
      .string(Base64.encode(try Arguments(values).string(0).utf8, .url, padded: false))
    },
    Builtin("base64url.decode", 1) { _, values in
      .string(
        String(decoding: try Base64.decode(try Arguments(values).string(0), .url), as: UTF8.self))
    },
    Builtin("hex.encode", 1) { _, values in .string(hexText(try Arguments(values).string(0).utf8))
    },
    Builtin("hex.decode", 1) { _, values in
      let text = Array(try Arguments(values).string(0).utf8)
      guard text.count.isMultiple(of: 2) else {
        throw BuiltinFailure.bare("encoding/hex: odd length hex string")
      }
      var bytes: [UInt8] = []
      for index in stride(from: 0, to: text.count, by: 2) {
        guard let high = hexDigit(text[index]), let low = hexDigit(text[index + 1]) else {
          throw BuiltinFailure.bare("encoding/hex: invalid byte")
        }
        bytes.append(high << 4 | low)
      }
      return .string(String(decoding: bytes, as: UTF8.self))
    },
    Builtin("urlquery.encode", 1) { _, values in .string(escaped(try Arguments(values).string(0)))
    },
    Builtin("urlquery.decode", 1) { _, values in
      .string(try queryUnescaped(try Arguments(values).string(0)))
    },
    Builtin("urlquery.encode_object", 1) { _, values in
      let pairs = try Arguments(values).object(0).members.flatMap { member in
        guard case .string(let key) = member.key else {
          throw BuiltinFailure.operand(1, "string", member.key)
        }
        return try Builtins.strings(member.value).map { escaped(key) + "=" + escaped($0) }
      }
      return .string(pairs.joined(separator: "&"))
    },
    Builtin("urlquery.decode_object", 1) { _, values in
      var object: [String: [Value]] = [:]
      for pair in try Arguments(values).string(0).split(separator: "&") {
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let key = try queryUnescaped(String(parts[0]))
        let value = parts.count == 2 ? try queryUnescaped(String(parts[1])) : ""
        object[key, default: []].append(.string(value))
      }
      return .object(ObjectValue(object.map { (.string($0.key), .array($0.value)) }))
    },
    Builtin("json.marshal", 1) { _, values in .string(values[0].jsonText) },
    Builtin("json.marshal_with_options", 2) { context, values in
      .string(try IndentedJSON(options: try Arguments(values).object(1)).text(values[0], &context))
    },
    Builtin("json.unmarshal", 1) { _, values in
      let text = try Arguments(values).string(0)
      do throws(JSONTextError) {
        return try Value.parse(json: text.utf8)
      } catch {
        throw BuiltinFailure.bare(error.reason)
      }
    },
    Builtin("json.is_valid", 1) { _, values in
      guard case .string(let text) = values[0] else { return .bool(false) }
      return .bool((try? Value.parse(json: text.utf8)) != nil)
    },
    Builtin("yaml.unmarshal", 1) { context, values in
      try YAMLText.parse(try Arguments(values).string(0), &context)
    },
    Builtin("yaml.is_valid", 1) { context, values in
      guard case .string(let text) = values[0] else { return .bool(false) }
      do {
        _ = try YAMLText.parse(text, &context)
        return .bool(true)
      } catch is BuiltinFailure {
        return .bool(false)
      }
    },
    Builtin("yaml.marshal", 1) { context, values in
      .string(try YAMLText.text(values[0], &context))
    },
  ]

  private static func strings(_ value: Value) throws -> [String] {
    switch value {
    case .string(let text): return [text]
    case .array, .set: return try Arguments([value]).strings(0)
    default: throw BuiltinFailure.operand(1, "one of {string, array, set}", value)
    }
  }

  /// The form encoding of Go's `url.QueryEscape`.
  private static func escaped(_ text: String) -> String {
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "~"):
        result.append(byte)
      case 0x20: result.append(UInt8(ascii: "+"))
      default: result += "%\(hexText([byte]).uppercased())".utf8
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func queryUnescaped(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "+"): result.append(0x20)
      case UInt8(ascii: "%"):
        guard position + 2 < bytes.count, let high = hexDigit(bytes[position + 1]),
          let low = hexDigit(bytes[position + 2])
        else { throw BuiltinFailure.bare("invalid URL escape") }
        result.append(high << 4 | low)
        position += 2
      default: result.append(bytes[position])
      }
      position += 1
    }
    return String(decoding: result, as: UTF8.self)
  }
}

/// RFC 4648, with the strictness of Go's encoding/base64.
enum Base64 {
  enum Alphabet { case standard, url }

  static func encode(
    _ bytes: some Sequence<UInt8>, _ alphabet: Alphabet, padded: Bool
  ) -> String {
    let digits = Array(
      ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        + (alphabet == .standard ? "+/" : "-_")).utf8)
    var result: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        result.append(digits[Int(buffer >> UInt32(bits) & 63)])
      }
      buffer &= 0xff
    }
    if bits > 0 { result.append(digits[Int(buffer << UInt32(6 - bits) & 63)]) }
    while padded, !result.count.isMultiple(of: 4) { result.append(UInt8(ascii: "=")) }
    return String(decoding: result, as: UTF8.self)
  }

  /// Padding is required in the standard alphabet and may be missing in that for URLs; line breaks
  /// are skipped.
  static func decode(_ text: String, _ alphabet: Alphabet) throws -> [UInt8] {
    var result: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    var digits = 0
    var padding = 0
    for (index, byte) in text.utf8.enumerated() {
      func corrupt() -> BuiltinFailure {
        .bare("illegal base64 data at input byte \(index)")
      }
      if byte == 0x0a || byte == 0x0d { continue }
      if byte == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      guard padding == 0, let digit = value(byte, alphabet) else { throw corrupt() }
      digits += 1
      buffer = buffer << 6 | UInt32(digit)
      bits += 6
      if bits >= 8 {
        bits -= 8
        result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
      buffer &= 0xff
    }
    let isWhole = (digits + padding).isMultiple(of: 4) && padding <= 2
    let isUnpadded = alphabet == .url && padding == 0 && digits % 4 != 1
    guard isWhole || isUnpadded else {
      throw BuiltinFailure.bare("illegal base64 data at input byte \(text.utf8.count)")
    }
    return result
  }

  private static func value(_ byte: UInt8, _ alphabet: Alphabet) -> UInt8? {
    switch (byte, alphabet) {
    case (65...90, _): byte - 65
    case (97...122, _): byte - 71
    case (48...57, _): byte + 4
    case (UInt8(ascii: "+"), .standard), (UInt8(ascii: "-"), .url): 62
    case (UInt8(ascii: "/"), .standard), (UInt8(ascii: "_"), .url): 63
    default: nil
    }
  }
}

/// `json.marshal_with_options`: any of the options turns the line breaks on unless `pretty` is
/// false.
private struct IndentedJSON {
  var indent = "\t"
  var prefix = ""
  var isPretty: Bool

  init(options: ObjectValue) throws {
    isPretty = options.count > 0
    for member in options.members {
      switch (member.key, member.value) {
      case (.string("pretty"), .bool(let flag)): isPretty = flag
      case (.string("indent"), .string(let text)): indent = text
      case (.string("prefix"), .string(let text)): prefix = text
      default:
        throw BuiltinFailure.type("operand 2 object contained unknown or ill-typed key")
      }
    }
  }

  func text(_ value: Value, _ context: inout BuiltinContext) throws -> String {
    guard isPretty else { return value.jsonText }
    return prefix + (try write(value.jsonValue, 0, &context))
  }

  private func write(_ value: Value, _ depth: Int, _ context: inout BuiltinContext) throws
    -> String
  {
    let line = "\n" + prefix + String(repeating: indent, count: depth)
    try context.allocate(line.utf8.count)
    switch value {
    case .array(let elements) where !elements.isEmpty:
      let parts = try elements.map { try line + indent + write($0, depth + 1, &context) }
      return "[" + parts.joined(separator: ",") + line + "]"
    case .object(let object) where object.count > 0:
      let parts = try object.members.map {
        try line + indent + $0.key.jsonText + ": " + write($0.value, depth + 1, &context)
      }
      return "{" + parts.joined(separator: ",") + line + "}"
    default: return value.jsonText
    }
  }
}
