/// A block of addresses that is nobody's on the public internet, or leads somewhere else than it says. What is listed here is dialled
/// for no name that is looked up.
///
/// The IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890, RFC 8190) as of 2026, with what stands beside them: multicast
/// (RFC 5771, RFC 4291), addresses that hold another one (mapped, compatible, NAT64, 6to4, Teredo), the metadata services of clouds, and
/// all of IPv6 that is not global unicast (RFC 4291 §2.4). Blocks that the registries call globally reachable (anycast of AS112 and AMT)
/// are refused too: no bank's partner lives there.
package struct SpecialPurpose: Hashable, Sendable {
  package let block: AddressBlock
  /// For people: `loopback`.
  package let name: String
  package let source: String
  /// Whether a charter may name an address in it exactly. Nobody may be sent to what is never one server of one's own: link-local,
  /// multicast, metadata services, addresses that hold another one.
  package let mayBeNamed: Bool

  private init(_ block: AddressBlock, _ name: String, _ source: String, mayBeNamed: Bool = false) {
    self.block = block
    self.name = name
    self.source = source
    self.mayBeNamed = mayBeNamed
  }

  /// The first entry that holds the address; nil for a public one.
  package static func of(_ address: IPAddress) -> SpecialPurpose? {
    if let found = all.first(where: { $0.block.contains(address) }) { return found }
    return !address.isV6 || globalUnicast.contains(address) ? nil : unassigned
  }

  /// All that IANA gives out for hosts (RFC 4291 §2.4).
  package static let globalUnicast = AddressBlock.v6(0x2000, prefix: 3)
  private static let unassigned = SpecialPurpose(
    .v6(prefix: 0), "not global unicast", "RFC 4291 §2.4")

  /// Narrow blocks stand before wider ones that hold them and may be named.
  package static let all: [SpecialPurpose] = metadata + v4 + v6

  private static let metadata = [
    SpecialPurpose(.v4(169, 254, 169, 254, prefix: 32), "metadata service", "AWS, Azure, Google"),
    SpecialPurpose(.v4(100, 100, 100, 200, prefix: 32), "metadata service", "Alibaba Cloud"),
    SpecialPurpose(.v4(192, 0, 0, 192, prefix: 32), "metadata service", "Oracle Cloud"),
    SpecialPurpose(.v4(168, 63, 129, 16, prefix: 32), "metadata service", "Azure WireServer"),
    SpecialPurpose(
      .v6(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254, prefix: 128), "metadata service", "AWS"),
    SpecialPurpose(
      .v6(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254, prefix: 128), "metadata service", "Google"),
  ]

  private static let v4 = [
    SpecialPurpose(.v4(0, prefix: 8), "this network", "RFC 791 §3.2"),
    SpecialPurpose(.v4(10, prefix: 8), "private use", "RFC 1918", mayBeNamed: true),
    SpecialPurpose(
      .v4(100, 64, prefix: 10), "carrier-grade NAT", "RFC 6598", mayBeNamed: true),
    SpecialPurpose(.v4(127, prefix: 8), "loopback", "RFC 1122 §3.2.1.3", mayBeNamed: true),
    SpecialPurpose(.v4(169, 254, prefix: 16), "link-local", "RFC 3927"),
    SpecialPurpose(.v4(172, 16, prefix: 12), "private use", "RFC 1918", mayBeNamed: true),
    SpecialPurpose(.v4(192, 0, 0, prefix: 24), "IETF protocol assignments", "RFC 6890 §2.1"),
    SpecialPurpose(.v4(192, 0, 2, prefix: 24), "documentation", "RFC 5737"),
    SpecialPurpose(.v4(192, 31, 196, prefix: 24), "AS112", "RFC 7535"),
    SpecialPurpose(.v4(192, 52, 193, prefix: 24), "AMT", "RFC 7450"),
    SpecialPurpose(.v4(192, 88, 99, prefix: 24), "6to4 relays", "RFC 7526"),
    SpecialPurpose(.v4(192, 168, prefix: 16), "private use", "RFC 1918", mayBeNamed: true),
    SpecialPurpose(.v4(192, 175, 48, prefix: 24), "AS112", "RFC 7534"),
    SpecialPurpose(.v4(198, 18, prefix: 15), "benchmarking", "RFC 2544", mayBeNamed: true),
    SpecialPurpose(.v4(198, 51, 100, prefix: 24), "documentation", "RFC 5737"),
    SpecialPurpose(.v4(203, 0, 113, prefix: 24), "documentation", "RFC 5737"),
    SpecialPurpose(.v4(224, prefix: 4), "multicast", "RFC 5771"),
    SpecialPurpose(.v4(255, 255, 255, 255, prefix: 32), "limited broadcast", "RFC 8190"),
    SpecialPurpose(.v4(240, prefix: 4), "reserved", "RFC 1112 §4"),
  ]

  private static let v6 = [
    SpecialPurpose(
      .v6(0, 0, 0, 0, 0, 0, 0, 1, prefix: 128), "loopback", "RFC 4291", mayBeNamed: true),
    SpecialPurpose(.v6(0, prefix: 128), "unspecified", "RFC 4291"),
    SpecialPurpose(.v6(0, 0, 0, 0, 0, 0xffff, prefix: 96), "IPv4-mapped", "RFC 4291"),
    SpecialPurpose(.v6(0, prefix: 96), "IPv4-compatible", "RFC 4291 §2.5.5.1"),
    SpecialPurpose(.v6(0, 0, 0, 0, 0xffff, prefix: 96), "IPv4-translated", "RFC 2765"),
    SpecialPurpose(.v6(0x64, 0xff9b, prefix: 96), "NAT64", "RFC 6052"),
    SpecialPurpose(.v6(0x64, 0xff9b, 1, prefix: 48), "NAT64 of a network", "RFC 8215"),
    SpecialPurpose(.v6(0x100, prefix: 64), "discard only", "RFC 6666"),
    SpecialPurpose(.v6(0x100, 0, 0, 1, prefix: 64), "dummy", "RFC 9780"),
    SpecialPurpose(.v6(0x2001, 0, prefix: 32), "Teredo", "RFC 4380"),
    SpecialPurpose(.v6(0x2001, prefix: 23), "IETF protocol assignments", "RFC 2928"),
    SpecialPurpose(.v6(0x2001, 0xdb8, prefix: 32), "documentation", "RFC 3849"),
    SpecialPurpose(.v6(0x2002, prefix: 16), "6to4", "RFC 3056"),
    SpecialPurpose(.v6(0x2620, 0x4f, 0x8000, prefix: 48), "AS112", "RFC 7534"),
    SpecialPurpose(.v6(0x3fff, prefix: 20), "documentation", "RFC 9637"),
    SpecialPurpose(.v6(0x5f00, prefix: 16), "segment routing", "RFC 9602"),
    SpecialPurpose(.v6(0xfc00, prefix: 7), "unique local", "RFC 4193", mayBeNamed: true),
    SpecialPurpose(.v6(0xfe80, prefix: 10), "link-local", "RFC 4291"),
    SpecialPurpose(.v6(0xfec0, prefix: 10), "site-local", "RFC 3879"),
    SpecialPurpose(.v6(0xff00, prefix: 8), "multicast", "RFC 4291"),
  ]
}
