package import OutsideReach
import StrictJSON

/// A server outside that a service may reach, through the service with the role `outside` and in no other way.
package struct CharterDestination: Hashable, Sendable {
  package enum Transfer: String, Sendable, CaseIterable {
    /// The way out dials, verifies TLS for the name, and speaks HTTP.
    case https
  }

  package let host: OutsideHost
  package let port: Int
  package let transfer: Transfer
  /// Where the server is, exactly: then nobody is asked for the name, and these may lie in a private network. Empty: looked up for each
  /// call, and public.
  package let addresses: [IPAddress]
  /// One sentence for people: why.
  package let reason: String

  /// A destination; nothing is checked.
  package init(
    host: OutsideHost, port: Int, transfer: Transfer, addresses: [IPAddress], reason: String
  ) {
    self.host = host
    self.port = port
    self.transfer = transfer
    self.addresses = addresses
    self.reason = reason
  }

  static let destinationsMax = 64
  static let addressesMax = 8

  /// `host:port`, IPv6 in brackets.
  package var text: String { "\(host.authority):\(port)" }

  /// Addresses that nobody could reach by a name; each needed a line in a charter.
  package var namedPrivately: [String] {
    addresses.filter { SpecialPurpose.of($0) != nil }.map(\.description)
  }

  /// Whether the name is looked up.
  package var isLookedUp: Bool {
    if case .name = host { addresses.isEmpty } else { false }
  }

  /// What is dialled without asking anybody; empty where the name is looked up.
  package var fixedAddresses: [IPAddress] {
    if case .address(let address) = host, addresses.isEmpty { [address] } else { addresses }
  }

  /// Nil, and a fault, where it is not one.
  static func read(_ object: CharterObject) -> CharterDestination? {
    let host = object.value(
      "host", expected: "a host name in small letters, or an address in its canonical spelling",
      hint: "names of other letters as xn--…; no port, no brackets", OutsideHost.init)
    let port = object.number("port", in: 1...65_535)
    let transfer = object.word("protocol", Transfer.self)
    let addresses = object.list(
      "addresses", max: addressesMax, expected: "an IP address in its canonical spelling",
      IPAddress.init)
    let reason = object.value(
      "reason", expected: "one line of 1 to \(Charter.summaryMax) characters"
    ) { (1...Charter.summaryMax).contains($0.count) && !$0.contains(where: \.isNewline) ? $0 : nil }
    guard let host, let port, let transfer, let reason else { return nil }
    let made = CharterDestination(
      host: host, port: port, transfer: transfer, addresses: addresses, reason: reason)
    return made.isSound(object) ? made : nil
  }

  private func isSound(_ object: CharterObject) -> Bool {
    let count = object.reader.faults.count
    if object.values["addresses"] != nil, addresses.isEmpty {
      object.reader.fault(
        .badValue, object.at("addresses"), "a list of addresses names one or more",
        hint: "leave it out where the name is looked up")
    }
    for (at, address) in addresses.enumerated() {
      guard let special = SpecialPurpose.of(address), !special.mayBeNamed else { continue }
      object.reader.fault(
        .badValue, object.at("addresses[\(at)]"),
        "\(address) is nobody's server (\(special.name), \(special.source))")
    }
    switch host {
    case .address(let address):
      if !addresses.isEmpty, addresses != [address] {
        object.reader.fault(
          .contradiction, object.at("addresses"), "the host is an address, and another is named")
      } else if addresses.isEmpty, let special = SpecialPurpose.of(address) {
        object.reader.fault(
          .contradiction, object.at("host"), "\(address) is not public (\(special.name))",
          hint: "addresses: [\(address)], with the reason, where it is a server of your own")
      }
    case .name(let name):
      if addresses.isEmpty, !name.contains(".") {
        object.reader.fault(
          .badValue, object.at("host"), "'\(name)' is a name within a network, not outside",
          hint: "name its addresses, or write the name in full")
      }
    }
    return object.reader.faults.count == count
  }

  static func checkNames(_ destinations: [CharterDestination], _ reader: CharterReader) {
    var seen: Set<String> = []
    for (index, destination) in destinations.enumerated()
    where !seen.insert(destination.text).inserted {
      reader.fault(.duplicate, "egress[\(index)]", "'\(destination.text)' stands twice")
    }
  }

  var document: JSON {
    var members: [String: JSON] = [
      "host": .string(host.description), "port": .integer(Int64(port)),
      "protocol": .string(transfer.rawValue), "reason": .string(reason),
    ]
    if !addresses.isEmpty {
      members["addresses"] = .array(addresses.map { .string($0.description) })
    }
    return .object(members)
  }
}

extension Charter {
  /// The destination at exactly this host and port; nil where the charter names none.
  package func destination(_ url: OutsideURL) -> CharterDestination? {
    egress.first { $0.host == url.host && $0.port == url.port && $0.transfer == .https }
  }
}
