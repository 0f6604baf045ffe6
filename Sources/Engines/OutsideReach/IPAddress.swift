/// An IP address. A text is one only in its canonical spelling, so that two readers cannot make two addresses of it: dotted decimals
/// without leading zeros, and RFC 5952 for IPv6, without a zone and without dotted decimals.
package enum IPAddress: Hashable, Sendable, CustomStringConvertible {
  case v4(UInt32)
  case v6(UInt128)

  /// Nil for any other spelling: short, octal, hexadecimal, whole numbers, upper case, zones, brackets.
  package init?(_ text: String) {
    guard let address = text.contains(":") ? Self.v6(text) : Self.v4(text),
      address.description == text
    else { return nil }
    self = address
  }

  /// Four bytes or sixteen, in network order; nil for another number of them.
  package init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16: self = .v6(bytes.reduce(0) { $0 << 8 | UInt128($1) })
    default: return nil
    }
  }

  private static func v4(_ text: String) -> IPAddress? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard let byte = UInt8(part) else { return nil }
      bits = bits << 8 | UInt32(byte)
    }
    return .v4(bits)
  }

  private static func v6(_ text: String) -> IPAddress? {
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    var groups: [[UInt16]] = []
    for half in halves {
      guard let read = Self.groups(half) else { return nil }
      groups.append(read)
    }
    let written = groups.reduce(0) { $0 + $1.count }
    guard halves.count == 2 ? written < 8 : written == 8 else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - written)
    let all = groups[0] + zeros + (groups.count == 2 ? groups[1] : [])
    return .v6(all.reduce(0) { $0 << 16 | UInt128($1) })
  }

  private static func groups(_ text: Substring) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    var groups: [UInt16] = []
    for part in text.split(separator: ":", omittingEmptySubsequences: false) {
      guard (1...4).contains(part.utf8.count), let group = UInt16(part, radix: 16) else {
        return nil
      }
      groups.append(group)
    }
    return groups
  }

  package var isV6: Bool { if case .v6 = self { true } else { false } }

  package var description: String {
    switch self {
    case .v4(let bits):
      return [24, 16, 8, 0].map { "\(bits >> $0 & 0xff)" }.joined(separator: ".")
    case .v6(let bits):
      let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> (112 - 16 * $0)) }
      return Self.text(groups)
    }
  }

  /// RFC 5952 §4: small letters, no leading zeros, the first of the longest runs of two zeros or more left out.
  private static func text(_ groups: [UInt16]) -> String {
    var (longest, run) = (0..<0, 0..<0)
    for (place, group) in groups.enumerated() {
      guard group == 0 else {
        run = 0..<0
        continue
      }
      run = run.isEmpty ? place..<place + 1 : run.lowerBound..<place + 1
      if run.count > longest.count { longest = run }
    }
    func hex(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard longest.count > 1 else { return hex(groups[...]) }
    return hex(groups[..<longest.lowerBound]) + "::" + hex(groups[longest.upperBound...])
  }
}

/// All addresses that begin with the same bits.
package struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
  /// Its first address; the bits behind the prefix are zero.
  package let base: IPAddress
  /// In bits: 0–32, or 0–128.
  package let prefix: Int

  static func v4(_ bytes: UInt8..., prefix: Int) -> AddressBlock {
    let bits = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32($1 < bytes.count ? bytes[$1] : 0) }
    return AddressBlock(base: .v4(bits), prefix: prefix)
  }

  static func v6(_ groups: UInt16..., prefix: Int) -> AddressBlock {
    let bits = (0..<8).reduce(UInt128(0)) {
      $0 << 16 | UInt128($1 < groups.count ? groups[$1] : 0)
    }
    return AddressBlock(base: .v6(bits), prefix: prefix)
  }

  package func contains(_ address: IPAddress) -> Bool {
    switch (base, address) {
    // A shift by all bits gives zero.
    case (.v4(let own), .v4(let other)): (own ^ other) >> UInt32(32 - prefix) == 0
    case (.v6(let own), .v6(let other)): (own ^ other) >> UInt128(128 - prefix) == 0
    case (.v4, .v6), (.v6, .v4): false
    }
  }

  /// Whether all of the other one lies in this one.
  package func contains(_ other: AddressBlock) -> Bool {
    prefix <= other.prefix && contains(other.base)
  }

  /// As RFC 4632 §3.1 writes it.
  package var description: String { "\(base)/\(prefix)" }
}
