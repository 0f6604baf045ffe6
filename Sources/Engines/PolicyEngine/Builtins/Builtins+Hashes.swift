import Crypto
import Vocabulary

extension Builtins {
  static let hashes: [Builtin] = [
    Builtin("crypto.md5", 1) { _, values in
      .string(hexText(Insecure.MD5.hash(data: Array(try Arguments(values).string(0).utf8))))
    },
    Builtin("crypto.sha1", 1) { _, values in
      .string(hexText(Insecure.SHA1.hash(data: Array(try Arguments(values).string(0).utf8))))
    },
    Builtin("crypto.sha256", 1) { _, values in
      .string(hexText(SHA256.hash(data: Array(try Arguments(values).string(0).utf8))))
    },
    hmac("crypto.hmac.md5", Insecure.MD5.self), hmac("crypto.hmac.sha1", Insecure.SHA1.self),
    hmac("crypto.hmac.sha256", SHA256.self), hmac("crypto.hmac.sha512", SHA512.self),
    Builtin("crypto.hmac.equal", 2) { _, values in
      let (first, second) = (try Arguments(values).string(0), try Arguments(values).string(1))
      let (left, right) = (Array(first.utf8), Array(second.utf8))
      // No early end: where two codes differ must not show in the time.
      let difference = zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
      return .bool(difference == 0 && left.count == right.count)
    },
  ]

  private static func hmac<Hash: HashFunction>(_ name: String, _: Hash.Type) -> Builtin {
    Builtin(name, 2) { _, values in
      let (message, key) = (try Arguments(values).string(0), try Arguments(values).string(1))
      let code = HMAC<Hash>.authenticationCode(
        for: Array(message.utf8), using: SymmetricKey(data: Array(key.utf8)))
      return .string(hexText(code))
    }
  }

  // MARK: Random

  static let random: [Builtin] = [
    Builtin("rand.intn", 2) { context, values in
      let (key, bound) = (try Arguments(values).string(0), try Arguments(values).int(1))
      guard bound != 0 else { return .integer(0) }
      let draw = draw("intn:\(bound):\(key)", context.seed)
      let number = draw.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return .integer(Int(number % UInt64(bound.magnitude)))
    },
    Builtin("uuid.rfc4122", 1) { context, values in
      var bytes = Array(draw("uuid:\(try Arguments(values).string(0))", context.seed).prefix(16))
      bytes[6] = bytes[6] & 0x0f | 0x40
      bytes[8] = bytes[8] & 0x3f | 0x80
      let hex = Array(hexText(bytes).utf8)
      let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map {
        String(decoding: hex[$0], as: UTF8.self)
      }
      return .string(parts.joined(separator: "-"))
    },
    Builtin("uuid.parse", 1) { _, values in
      let text = try Arguments(values).string(0)
      guard let identifier = UniqueIdentifier(text) else {
        throw BuiltinFailure.bare("invalid UUID")
      }
      return identifier.described
    },
  ]

  /// One seed and one key always give the same bytes, as a query must not see two draws.
  private static func draw(_ key: String, _ seed: UInt64) -> [UInt8] {
    let seedBytes = (0..<8).map { UInt8(truncatingIfNeeded: seed >> (8 * $0)) }
    return Array(SHA256.hash(data: seedBytes + Array(key.utf8)))
  }
}

/// A UUID in any of the spellings that Go's google/uuid reads (RFC 9562).
struct UniqueIdentifier {
  private let bytes: [UInt8]

  init?(_ text: String) {
    var rest = Substring(text)
    if rest.lowercased().hasPrefix("urn:uuid:") { rest = rest.dropFirst(9) }
    if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
    let groups = rest.split(separator: "-", omittingEmptySubsequences: false)
    guard groups.count == 1 || groups.map(\.utf8.count) == [8, 4, 4, 4, 12] else { return nil }
    let digits = groups.joined().utf8.compactMap(hexDigit)
    guard digits.count == 32, groups.joined().utf8.count == 32 else { return nil }
    bytes = stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private func integer(_ range: Range<Int>) -> Int64 {
    bytes[range].reduce(0) { $0 << 8 | Int64($1) }
  }

  /// What `uuid.parse` tells: version and variant, and of the versions 1 and 2 what they hold.
  var described: Value {
    let version = Int(bytes[6] >> 4)
    let variant =
      switch bytes[8] {
      case 0x80...0xbf: "RFC4122"
      case 0xc0...0xdf: "Microsoft"
      case 0xe0...: "Future"
      default: "Reserved"
      }
    var members: [(Value, Value)] = [
      (.string("variant"), .string(variant)), (.string("version"), .integer(version)),
    ]
    if version == 1 || version == 2 {
      // 100 ns since 1582-10-15. Version 2 has the local id where the low 32 bits were.
      let ticks = (integer(6..<8) & 0x0fff) << 48 | integer(4..<6) << 32 | integer(0..<4)
      let nanoseconds = (ticks - 122_192_928_000_000_000) * 100
      let node = bytes[10..<16].map { hexText([$0]) }.joined(separator: "-")
      let isLocal = bytes[10] & 2 != 0
      let isMulticast = bytes[10] & 1 != 0
      members += [
        (.string("time"), .number(Number(nanoseconds))), (.string("nodeid"), .string(node)),
        (
          .string("macvariables"),
          .string((isLocal ? "local" : "global") + (isMulticast ? ":multicast" : ":unicast"))
        ), (.string("clocksequence"), .number(Number(integer(8..<10) & 0x3fff))),
      ]
    }
    if version == 2 {
      let domains = ["Person", "Group", "Org"]
      let domain = Int(bytes[9])
      members += [
        (.string("id"), .number(Number(integer(0..<4)))),
        (.string("domain"), .string(domain < 3 ? domains[domain] : "Domain\(domain)")),
      ]
    }
    return .object(ObjectValue(members))
  }
}
