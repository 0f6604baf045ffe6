/// Whom a URL names: a host name, or an address.
package enum OutsideHost: Hashable, Sendable, CustomStringConvertible {
  /// Small letters, digits and hyphens (RFC 1123 §2.1); names of other letters as A-labels (RFC 5890 §2.3.2.1).
  case name(String)
  case address(IPAddress)

  /// Longest name, bytes (RFC 1035 §2.3.4).
  package static let nameBytesMax = 253

  /// - Parameter text: without brackets; an address in its canonical spelling only.
  /// - Returns: nil for everything else, in particular for what some reader takes for an address: a name whose last label does not
  ///   begin with a letter (`127.1`, `0x7f000001`, `2130706433`).
  package init?(_ text: String) {
    if let address = IPAddress(text) {
      self = .address(address)
      return
    }
    guard (1...Self.nameBytesMax).contains(text.utf8.count) else { return nil }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.allSatisfy(Self.isLabel), let last = labels.last?.utf8.first,
      (0x61...0x7a).contains(last)
    else { return nil }
    self = .name(text)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    let bytes = Array(label.utf8)
    let hyphen = UInt8(ascii: "-")
    guard (1...63).contains(bytes.count), bytes.first != hyphen, bytes.last != hyphen,
      bytes.allSatisfy({
        (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == hyphen
      })
    else { return false }
    // Two hyphens there are kept for encodings, of which only this one is known (RFC 5891 §4.2.3.1).
    let isEncoded = bytes.count >= 4 && bytes[2] == hyphen && bytes[3] == hyphen
    return !isEncoded || (label.hasPrefix("xn--") && bytes.count > 4)
  }

  /// As it stands in a URL: IPv6 in brackets.
  package var authority: String {
    if case .address(let address) = self, address.isV6 { "[\(address)]" } else { description }
  }

  package var description: String {
    switch self {
    case .name(let name): name
    case .address(let address): address.description
    }
  }
}

/// An absolute `https` URL, read strictly: what two readers might take for two places is refused. RFC 3986 narrowed.
package struct OutsideURL: Hashable, Sendable {
  /// Why a text is none. The raw value is told to whoever sent it.
  package enum Fault: String, Error, Sendable, CaseIterable {
    case tooLong = "it is too long"
    case oddCharacter =
      "it holds a character that a URL does not, or a percent sign without two hexadecimal digits"
    case notHTTPS = "it does not begin with https:// in small letters"
    case userInformation = "it holds user information"
    case oddHost = "its host is no name in small letters and no address in its canonical spelling"
    case oddPort = "its port is no number from 1 to 65535 without leading zeros"
    case fragment = "it holds a fragment"
  }

  package let host: OutsideHost
  package let port: Int
  /// Path and query, as they came; `/` where there is none.
  package let target: String

  package static let bytesMax = 4_096
  package static let portDefault = 443
  private static let scheme = "https://"

  package init(_ text: String) throws(Fault) {
    guard text.utf8.count <= Self.bytesMax else { throw .tooLong }
    guard Self.isPlain(Array(text.utf8)) else { throw .oddCharacter }
    guard text.hasPrefix(Self.scheme) else { throw .notHTTPS }
    guard !text.utf8.contains(UInt8(ascii: "#")) else { throw .fragment }
    let rest = text.dropFirst(Self.scheme.count)
    let end = rest.firstIndex { "/?".contains($0) } ?? rest.endIndex
    let (authority, target) = (rest[..<end], rest[end...])
    guard !authority.contains("@") else { throw .userInformation }
    let (host, port) = try Self.parts(of: authority)
    self.host = host
    self.port = port
    self.target = target.hasPrefix("/") ? String(target) : "/" + target
  }

  private static func parts(
    of authority: Substring
  ) throws(Fault) -> (host: OutsideHost, port: Int) {
    var (name, port) = (authority, Substring())
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { throw .oddHost }
      name = authority[authority.index(after: authority.startIndex)..<close]
      port = authority[authority.index(after: close)...]
      guard IPAddress(String(name))?.isV6 == true else { throw .oddHost }
    } else if let colon = authority.firstIndex(of: ":") {
      name = authority[..<colon]
      port = authority[colon...]
    }
    guard let host = OutsideHost(String(name)) else { throw .oddHost }
    guard !port.isEmpty else { return (host, portDefault) }
    guard port.first == ":", let number = UInt16(port.dropFirst()), number > 0,
      String(number) == port.dropFirst()
    else { throw .oddPort }
    return (host, Int(number))
  }

  /// RFC 3986 §2, without what other readers take for a slash or an end.
  private static func isPlain(_ bytes: [UInt8]) -> Bool {
    let odd = Set("\"<>\\^`{|}".utf8)
    for (place, byte) in bytes.enumerated() {
      guard (0x21...0x7e).contains(byte), !odd.contains(byte) else { return false }
      guard byte == UInt8(ascii: "%") else { continue }
      guard bytes.dropFirst(place + 1).prefix(2).count(where: isHex) == 2 else { return false }
    }
    return true
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }

  /// What the field `Host` says (RFC 9110 §7.2).
  package var hostField: String {
    port == Self.portDefault ? host.authority : "\(host.authority):\(port)"
  }
}
