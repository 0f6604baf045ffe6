import OutsideReach
import Testing

@Suite struct `An address` {
  @Test(arguments: [
    "0.0.0.0", "1.2.3.4", "255.255.255.255", "::", "::1", "1::", "2001:db8::1", "::ffff:102:304",
    "2001:db8:0:1:1:1:1:1", "1:0:0:2::3", "1::2:0:0:3", "fe80::1", "1:2:3:4:5:6:7:8",
  ])
  func `is read in its canonical spelling, and written so`(text: String) throws {
    #expect(try #require(IPAddress(text)).description == text)
  }

  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "256.1.1.1", "1.2.3.4 ", "+1.2.3.4",
    "0x7f.0.0.1", "0177.0.0.1", "2130706433", "0x7f000001", "127.1", "1.2.3.4/32", "１.2.3.4",
    ":", ":::", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "1:2:3:4:5:6:7::8", "::01",
    "::A", "2001:DB8::1", "::1%eth0", "[::1]", "::ffff:1.2.3.4", "0:0:0:0:0:0:0:1", "1:0::3",
    "1::2::3", "::12345", "::-1", "2001:db8::1:0:0:0:1", "1:2:3:4:5:6:0:0",
  ])
  func `is nothing in another spelling`(text: String) { #expect(IPAddress(text) == nil) }

  @Test func `comes from four bytes or sixteen`() {
    #expect(IPAddress(bytes: [127, 0, 0, 1])?.description == "127.0.0.1")
    #expect(
      IPAddress(bytes: [UInt8](repeating: 0, count: 15) + [1])?.description == "::1")
    for count in [0, 3, 5, 15, 17] {
      #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
    }
  }
}

/// The registries of IANA, row by row: the first and the last address of a block, and what is one beyond.
@Suite struct `A special-purpose address` {
  static let blocks: [(first: String, last: String, name: String)] = [
    ("0.0.0.0", "0.255.255.255", "this network"), ("10.0.0.0", "10.255.255.255", "private use"),
    ("100.64.0.0", "100.127.255.255", "carrier-grade NAT"),
    ("127.0.0.0", "127.255.255.255", "loopback"), ("169.254.0.0", "169.254.255.255", "link-local"),
    ("172.16.0.0", "172.31.255.255", "private use"),
    ("192.0.0.0", "192.0.0.255", "IETF protocol assignments"),
    ("192.0.2.0", "192.0.2.255", "documentation"), ("192.31.196.0", "192.31.196.255", "AS112"),
    ("192.52.193.0", "192.52.193.255", "AMT"), ("192.88.99.0", "192.88.99.255", "6to4 relays"),
    ("192.168.0.0", "192.168.255.255", "private use"),
    ("192.175.48.0", "192.175.48.255", "AS112"), ("198.18.0.0", "198.19.255.255", "benchmarking"),
    ("198.51.100.0", "198.51.100.255", "documentation"),
    ("203.0.113.0", "203.0.113.255", "documentation"),
    ("224.0.0.0", "239.255.255.255", "multicast"), ("240.0.0.0", "255.255.255.254", "reserved"),
    ("255.255.255.255", "255.255.255.255", "limited broadcast"),
    ("169.254.169.254", "169.254.169.254", "metadata service"),
    ("168.63.129.16", "168.63.129.16", "metadata service"),
    ("100.100.100.200", "100.100.100.200", "metadata service"),
    ("192.0.0.192", "192.0.0.192", "metadata service"),
    ("::", "::", "unspecified"), ("::1", "::1", "loopback"),
    ("::2", "::ffff:ffff", "IPv4-compatible"),
    ("::ffff:0:0", "::ffff:ffff:ffff", "IPv4-mapped"),
    ("::ffff:0:0:0", "::ffff:0:ffff:ffff", "IPv4-translated"),
    ("64:ff9b::", "64:ff9b::ffff:ffff", "NAT64"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64 of a network"),
    ("100::", "100::ffff:ffff:ffff:ffff", "discard only"),
    ("100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", "dummy"),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"),
    ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "IETF protocol assignments"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "AS112"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    ("fd00:ec2::254", "fd00:ec2::254", "metadata service"),
    ("fd20:ce::254", "fd20:ce::254", "metadata service"),
    ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"),
    ("200::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global unicast"),
  ]

  @Test(arguments: blocks)
  func `is known at both ends of its block`(first: String, last: String, name: String) throws {
    for text in [first, last] {
      #expect(try SpecialPurpose.of(#require(IPAddress(text), "\(text)"))?.name == name, "\(text)")
    }
  }

  @Test(arguments: [
    "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
    "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
    "168.63.129.15", "168.63.129.17",
    "2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "2620:4f:7fff::",
    "2620:4f:8001::", "3ffe:ffff::", "3fff:1000::", "2a00:1450::1",
  ])
  func `is no public one`(text: String) throws {
    #expect(try SpecialPurpose.of(#require(IPAddress(text))) == nil)
  }

  @Test func `can be named by a charter only where it may be a server of one's own`() throws {
    let mayBe = ["10.1.2.3", "172.20.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd12::1"]
    let never = [
      "0.0.0.0", "169.254.169.254", "169.254.1.1", "224.0.0.1", "255.255.255.255",
      "100.100.100.200",
      "::", "fd00:ec2::254", "fe80::1", "ff02::1", "::ffff:a00:1", "64:ff9b::a00:1", "2002:a00:1::",
      "2001:0:a00:1::",
    ]
    for text in mayBe + never {
      let address = try #require(IPAddress(text))
      let special = try #require(SpecialPurpose.of(address))
      #expect(special.mayBeNamed == mayBe.contains(text), "\(text)")
    }
  }

  @Test func `among others spoils them all`() throws {
    let (good, other) = (try #require(IPAddress("1.2.3.4")), try #require(IPAddress("2a00::1")))
    #expect(try Dialling.addresses(among: [good, other]) == [good, other])
    #expect(throws: Dialling.Refusal.noAddress) { try Dialling.addresses(among: []) }
    for text in ["127.0.0.1", "::ffff:7f00:1", "169.254.169.254"] {
      let bad = try #require(IPAddress(text))
      #expect(throws: Dialling.Refusal.self) { try Dialling.addresses(among: [good, bad, other]) }
    }
    let many = (1...9).map { IPAddress.v4(0x0102_0300 + $0) }
    #expect(try Dialling.addresses(among: many).count == Dialling.addressesMax)
  }
}
