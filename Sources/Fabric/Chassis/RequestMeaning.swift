import Crypto
import Storage
import StrictJSON

/// What a request says, apart from how it is spelled: order of members and of query items, white space, escapes, and,
/// in services of ours, a null for a member that is left out. Pure.
///
/// A body is compared byte for byte where there is no one reading of it: where it is not JSON, is longer than
/// `bodyBytesMax`, or has a number beyond 64 bits, of which readers keep different parts.
enum RequestMeaning {
  /// Longest body that is read, in bytes: bounds what one comparison costs.
  static let bodyBytesMax = 65_536
  /// Its arrays and objects inside each other, and its values: as every body that we decode, and what fits into 64 KiB.
  private static let limits = JSONLimits(bytesMax: bodyBytesMax, valuesMax: bodyBytesMax)

  /// - Parameter isNullAbsent: whether a member that is null says as much as one that is left out. So do our services read
  ///   optional members, and they refuse null for others.
  static func print(target: String, body: [UInt8], isNullAbsent: Bool) -> RequestPrint {
    let bytes = digest([Array(target.utf8) + [0], body])
    let meaning = meaning(of: body, isNullAbsent: isNullAbsent).map {
      digest([Array("strongroom/request/v2\u{0}\(sortedQuery(target))\u{0}".utf8), $0])
    }
    return RequestPrint(meaning: meaning ?? bytes, spelling: bytes)
  }

  /// The one spelling of what the body says (RFC 8785); nil where it has no one reading.
  private static func meaning(of body: [UInt8], isNullAbsent: Bool) -> [UInt8]? {
    guard !body.isEmpty else { return [] }
    guard body.count <= bodyBytesMax, let parsed = try? JSON.parse(body, limits: limits),
      parsed.object != nil || parsed.array != nil, parsed.isReadAlike
    else { return nil }
    return (isNullAbsent ? parsed.withoutNulls : parsed).canonicalBytes
  }

  private static func sortedQuery(_ target: String) -> String {
    guard let mark = target.firstIndex(of: "?") else { return target }
    let items = target[target.index(after: mark)...].split(
      separator: "&", omittingEmptySubsequences: false)
    return target[...mark] + items.sorted().joined(separator: "&")
  }

  private static func digest(_ parts: [[UInt8]]) -> [UInt8] {
    var hash = SHA256()
    for part in parts { hash.update(data: part) }
    return Array(hash.finalize())
  }
}

extension JSON {
  /// Whether all readers make the same of its numbers: an integer beyond 64 bits is exact to one and rounded to another.
  fileprivate var isReadAlike: Bool {
    switch self {
    case .null, .bool, .integer, .string: true
    case .number(let value): value.magnitude < 0x1p53
    case .array(let elements): elements.allSatisfy(\.isReadAlike)
    case .object(let members): members.values.allSatisfy(\.isReadAlike)
    }
  }

  /// Without members that are null. Elements of arrays stay: their places count.
  fileprivate var withoutNulls: JSON {
    switch self {
    case .null, .bool, .integer, .number, .string: self
    case .array(let elements): .array(elements.map(\.withoutNulls))
    case .object(let members):
      .object(members.filter { !$0.value.isNull }.mapValues(\.withoutNulls))
    }
  }
}
