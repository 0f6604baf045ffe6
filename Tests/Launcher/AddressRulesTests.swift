import Foundation
import Launcher
import OutsideReach
import Testing
import Vocabulary

@Suite struct `Address rules` {
  let rules = AddressRules(
    gatewayPort: 8_443, bind: "127.0.0.1",
    ways: [
      AddressRules.Way(Unit("ledger"), user: 1_900_007_104, callees: [7_106], agents: [4_318]),
      AddressRules.Way(
        Unit("card-desk"), user: 1_900_007_110, callees: [7_106, 7_104], outside: [443]),
    ], owner: nil)

  /// IANA's registries, as the way out itself has them.
  private static let notPublic = {
    func refusal(_ blocks: [AddressBlock]) -> String {
      "daddr { \(blocks.map(\.description).sorted().joined(separator: ", ")) } meta l4proto tcp counter reject with tcp reset"
    }
    let all = SpecialPurpose.all.map(\.block).filter { block in
      !SpecialPurpose.all.contains { $0.block != block && $0.block.contains(block) }
    }
    let v6 = all.filter { SpecialPurpose.globalUnicast.contains($0) }
    return """
      ip \(refusal(all.filter { !$0.base.isV6 }))
          ip6 \(refusal(v6))
          ip6 daddr != 2000::/3 meta l4proto tcp counter reject with tcp reset
      """
  }()

  @Test func `name each service's callees, the collector and outside ports, and refuse the rest`() {
    #expect(
      rules.text() == """
        table inet strongroom_8443
        delete table inet strongroom_8443
        table inet strongroom_8443 {
          chain of_ledger {
            ct state established,related accept
            ip daddr 127.0.0.1 tcp dport { 7106 } accept
            ip daddr 127.0.0.1 tcp dport { 4318 } accept
            ip6 daddr ::1 tcp dport { 4318 } accept
            meta l4proto tcp counter reject with tcp reset
            counter reject with icmpx admin-prohibited
          }
          chain of_card_desk {
            ct state established,related accept
            ip daddr 127.0.0.1 tcp dport { 7104, 7106 } accept
            meta l4proto { tcp, udp } th dport 53 accept
            \(Self.notPublic)
            tcp dport { 443 } accept
            meta l4proto tcp counter reject with tcp reset
            counter reject with icmpx admin-prohibited
          }
          chain output {
            type filter hook output priority filter; policy accept;
            meta skuid vmap { 1900007104 : jump of_ledger, 1900007110 : jump of_card_desk }
          }
        }

        """)
  }

  @Test func `let the ledger go to its database's servers, each at its address and port`() {
    let way = AddressRules.Way(
      Unit("ledger"), user: 1_900_007_104, callees: [],
      ends: [.init(address: "10.0.0.5", port: 5_432), .init(address: "fd00::5", port: 5_433)])
    let text = AddressRules(gatewayPort: 1, bind: "127.0.0.1", ways: [way]).text()
    #expect(text.contains("ip daddr 10.0.0.5 tcp dport { 5432 } accept"))
    #expect(text.contains("ip6 daddr fd00::5 tcp dport { 5433 } accept"))
  }

  @Test func `replace the table of a run before, under whatever port it ran`() {
    let text = rules.text(earlierPort: 9_443)
    #expect(text.hasPrefix("table inet strongroom_8443\ndelete table inet strongroom_8443\n"))
    #expect(text.contains("table inet strongroom_9443\ndelete table inet strongroom_9443\n"))
    #expect(!text.contains("table inet strongroom_9443 {"))
  }

  @Test func `send those who listen at all addresses by loopback, and weakened let all through`() {
    let all = AddressRules(gatewayPort: 1, bind: "0.0.0.0", ways: rules.ways, isWeakened: true)
    #expect(all.text().contains("ip daddr 127.0.0.1 tcp dport { 7106 } accept"))
    #expect(!all.text().contains("reject") && all.text().contains("counter accept"))
  }

  @Test(.enabled(if: AddressHold.lack(ownUserLack: nil) == nil))
  func `are taken by the kernel as they are, counted, and taken away`() throws {
    let port = 60_000 + Int.random(in: 0...5_000)
    // Users that nobody has, so that nobody is held meanwhile.
    let rules = AddressRules(
      gatewayPort: port, bind: "127.0.0.1",
      ways: [AddressRules.Way(Unit("counter"), user: 1_899_999_999, callees: [1], outside: [443])])
    #expect(AddressHold.refused(gatewayPort: port) == nil)
    try AddressHold.apply(rules, earlierPort: nil)
    try AddressHold.apply(rules, earlierPort: port + 1)
    #expect(AddressHold.refused(gatewayPort: port) == 0)
    AddressHold.remove(gatewayPort: port)
    #expect(AddressHold.refused(gatewayPort: port) == nil)
    #expect {
      try AddressHold.apply(
        AddressRules(gatewayPort: port, bind: "nowhere", ways: rules.ways), earlierPort: nil)
    } throws: {
      "\($0)".contains("were not started")
    }
  }

  @Test func `name the launcher that made them`() throws {
    let owner = try #require(AddressOwner.own)
    #expect(AddressOwner(comment: owner.comment) == owner)
    #expect(!owner.isGone)
    #expect(owner.comment.utf8.count <= 127)
    // The same pid, begun at another time: another process.
    let other = AddressOwner(
      pid: owner.pid, startTicks: owner.startTicks + 1, pidSpace: owner.pidSpace)
    #expect(other.isGone)
    // Of another container nobody here can say whether it lives.
    let elsewhere = AddressOwner(pid: 1, startTicks: 1, pidSpace: owner.pidSpace + "9")
    #expect(!elsewhere.isGone)
    for text in ["", "launcher", "launcher x 1 2", "launcher 0 1 2", "somebody 1 2 3"] {
      #expect(AddressOwner(comment: text) == nil)
    }
  }

  @Test(.enabled(if: AddressHold.lack(ownUserLack: nil) == nil))
  func `of a killed launcher go with the next start, and no others`() throws {
    let own = try #require(AddressOwner.own)
    let dead = AddressOwner(pid: own.pid, startTicks: own.startTicks + 1, pidSpace: own.pidSpace)
    let ports = [54_001, 54_002, 54_003].map { $0 + Int.random(in: 0...500) * 3 }
    func rules(_ port: Int, _ owner: AddressOwner?) -> AddressRules {
      AddressRules(gatewayPort: port, bind: "127.0.0.1", ways: self.rules.ways, owner: owner)
    }
    for (port, owner) in zip(ports, [dead, own, nil]) {
      try AddressHold.apply(rules(port, owner), earlierPort: nil)
    }
    defer { for port in ports { AddressHold.remove(gatewayPort: port) } }
    #expect(AddressHold.owner(gatewayPort: ports[0]) == dead)
    #expect(AddressHold.sweep().contains(ports[0]))
    #expect(ports.map { AddressHold.refused(gatewayPort: $0) != nil } == [false, true, true])
  }
}
