import OutsideReach
import Sandbox
import Vocabulary

/// To which addresses each service's user may connect, as rules for nftables: Landlock names ports
/// only. Everything that is not named is refused and counted. Values in, text out.
package struct AddressRules: Hashable, Sendable {
  /// One server outside the platform, whose address is known.
  package struct End: Hashable, Sendable {
    /// IPv4 or IPv6, without a zone.
    package let address: String
    package let port: Int
    package init(address: String, port: Int) {
      self.address = address
      self.port = port
    }
  }

  /// One process's way out.
  package struct Way: Hashable, Sendable {
    package let unit: Unit
    package let user: UInt32
    /// Ports of those it calls, at the address where services listen.
    package let callees: [Int]
    /// Ports on loopback of agents that all services use: the collector of traces, an Open Policy Agent.
    package let agents: [Int]
    /// Ports of outside names, whose addresses nobody knows beforehand.
    package let outside: [Int]
    /// Servers outside the platform, each at its own address and port.
    package let ends: [End]

    package init(
      _ unit: Unit, user: UInt32, callees: [Int], agents: [Int] = [],
      outside: [Int] = [], ends: [End] = []
    ) {
      self.unit = unit
      self.user = user
      self.callees = callees
      self.agents = agents
      self.outside = outside
      self.ends = ends
    }
  }

  /// Tables of two platforms on one machine do not meet: neither do their gateways' ports.
  package let gatewayPort: Int
  /// IPv4 address on which services listen.
  package let address: String
  package let ways: [Way]
  /// Whether what is not named is let through, for a test of the drill.
  package let isWeakened: Bool
  /// The launcher that makes the table; it is kept as the table's comment.
  package let owner: AddressOwner?

  package init(
    gatewayPort: Int, bind: String, ways: [Way], isWeakened: Bool = false,
    owner: AddressOwner? = .own
  ) {
    self.gatewayPort = gatewayPort
    // Whoever connects to "all addresses" reaches the machine itself by loopback.
    address = bind == "0.0.0.0" ? "127.0.0.1" : bind
    self.ways = ways
    self.isWeakened = isWeakened
    self.owner = owner
  }

  /// What the names of our tables begin with; the gateway's port follows.
  package static let tablePrefix = "strongroom_"

  package static func table(gatewayPort: Int) -> String { "\(tablePrefix)\(gatewayPort)" }

  /// Makes the table in one transaction, in the place of what an earlier launcher left.
  /// - Parameter earlierPort: the gateway's port of the run before, whose table goes.
  package func text(earlierPort: Int? = nil) -> String {
    let stale = Set([gatewayPort, earlierPort ?? gatewayPort]).sorted()
    let chains = ways.map(chain)
    let jumps = ways.map { "\($0.user) : jump \(Self.chainName(of: $0.unit))" }
    return """
      \(stale.map(Self.removal).joined(separator: "\n"))
      table inet \(Self.table(gatewayPort: gatewayPort)) {
      \(owner.map { "  comment \"\($0.comment)\"\n" } ?? "")\(chains.joined(separator: "\n"))
        chain output {
          type filter hook output priority filter; policy accept;
          meta skuid vmap { \(jumps.joined(separator: ", ")) }
        }
      }

      """
  }

  /// Takes a table away, whether or not it is there.
  package static func removal(gatewayPort: Int) -> String {
    let name = table(gatewayPort: gatewayPort)
    return "table inet \(name)\ndelete table inet \(name)"
  }

  private func chain(_ way: Way) -> String {
    var rules = ["ct state established,related accept"]
    func allow(_ target: String, _ ports: [Int]) {
      guard !ports.isEmpty else { return }
      let list = Set(ports).sorted().map(String.init).joined(separator: ", ")
      rules.append("\(target)tcp dport { \(list) } accept")
    }
    allow("ip daddr \(address) ", way.callees)
    if !way.agents.isEmpty {
      allow("ip daddr 127.0.0.1 ", way.agents)
      allow("ip6 daddr ::1 ", way.agents)
    }
    for end in way.ends {
      allow("\(end.address.contains(":") ? "ip6" : "ip") daddr \(end.address) ", [end.port])
    }
    if !way.outside.isEmpty {
      // Resolvers stand in private networks more often than not.
      rules += ["meta l4proto { tcp, udp } th dport 53 accept"] + Self.special
      allow("", way.outside)
    }
    // A reset ends connect(2) at once; an ICMP answer alone would leave it trying.
    rules +=
      isWeakened
      ? ["counter accept"]
      : [
        "meta l4proto tcp counter reject with tcp reset",
        "counter reject with icmpx admin-prohibited",
      ]
    let name = Self.chainName(of: way.unit)
    return "  chain \(name) {\n" + rules.map { "    \($0)\n" }.joined() + "  }"
  }

  /// What no name may lead to. The service that looks names up refuses these addresses itself; should it be taken over, the
  /// kernel does.
  private static let special: [String] = {
    let refusal = "meta l4proto tcp counter reject with tcp reset"
    // nftables takes no block beside one that holds it.
    let blocks = SpecialPurpose.all.map(\.block)
    let widest = blocks.filter { block in
      !blocks.contains { $0 != block && $0.contains(block) }
    }
    let v4 = widest.filter { !$0.base.isV6 }.map(\.description).sorted()
    let v6 = widest.filter { SpecialPurpose.globalUnicast.contains($0) }.map(\.description).sorted()
    return [
      "ip daddr { \(v4.joined(separator: ", ")) } \(refusal)",
      "ip6 daddr { \(v6.joined(separator: ", ")) } \(refusal)",
      "ip6 daddr != \(SpecialPurpose.globalUnicast) \(refusal)",
    ]
  }()

  /// A service may be called like a word of nftables.
  private static func chainName(of unit: Unit) -> String {
    let name = "of_\(unit.service.description.replacing("-", with: "_"))"
    return unit.isProgram ? "program_\(name)" : name
  }
}
