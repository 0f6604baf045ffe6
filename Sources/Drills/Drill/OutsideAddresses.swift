import Charters
import Chassis
import Foundation
import Glibc
import Launcher
import Probes

/// The attack of a service that calls home: to a port that it may use, at an address that it may not.
enum OutsideAddresses {
  /// For documentation only (RFC 5737), so nobody's.
  private static let nobodys = "192.0.2.1"
  private static let refusals: Set<Int32> = [ECONNREFUSED, EACCES, EPERM]

  static let attack = Attack(
    "outside-addresses",
    steps:
      "from inside each service: connect to this machine's outside addresses, where somebody listens, and to \(nobodys), at a port that it may call",
    expectation: "refused at once, by rules that count it"
  ) { range in
    let port = range.platform.gatewayPort
    guard let before = AddressHold.refused(gatewayPort: port) else {
      return .notTried("no address rules are in force (see 'strongroom status')")
    }
    let cells = try Cells(range)
    let addresses = own()
    var (tried, open) = (0, [String]())
    for (service, _) in range.ports {
      let callees = range.charters[service]?.calls.map(\.service) ?? []
      guard let callee = range.ports.first(where: { callees.contains($0.service) }) else {
        continue
      }
      // Without the rules these would be answered: a refusal is not merely nobody's being there.
      let listeners = addresses.compactMap { OutsideListener($0, port: callee.port) }
      let targets = listeners.map(\.address) + [nobodys]
      let attempts = targets.map { "connect-address=\(bracketed($0)):\(callee.port)" }
      let outcomes = try await cells.run(attempts, as: service)
      withExtendedLifetime(listeners) {}
      guard outcomes.count == attempts.count else {
        return .notTried("\(service)'s probe ended after \(outcomes.count) of \(attempts.count)")
      }
      // Where the machine has no way there, the rules are not even asked.
      let reached = outcomes.filter { $0.errno != ENETUNREACH }
      tried += reached.count
      open += reached.filter { !refusals.contains($0.errno) }
        .map { "\(service) \($0.target): \($0.errno == 0 ? "done" : $0.error)" }
    }
    let counted = (AddressHold.refused(gatewayPort: port) ?? before) - before
    guard open.isEmpty else { return .breach(open.prefix(8).joined(separator: "; ")) }
    guard tried > 0 else {
      return .notTried("no service calls anybody, or there is no way to any address")
    }
    return .when(
      counted >= tried,
      "\(tried) of \(tried) refused at once, \(counted) packets counted by the rules"
    )
  }

  private static func bracketed(_ address: String) -> String {
    address.contains(":") ? "[\(address)]" : address
  }

  /// This machine's addresses but for loopback and those of one link.
  private static func own() -> [String] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    var found: Set<String> = []
    var next = first
    while let entry = next?.pointee {
      next = entry.ifa_next
      guard let address = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0
      else { continue }
      var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let family = Int32(address.pointee.sa_family)
      let size =
        family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
      guard family == AF_INET || family == AF_INET6,
        getnameinfo(
          address, socklen_t(size), &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0
      else { continue }
      let text = String(
        decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !text.contains("%") { found.insert(text) }
    }
    return found.sorted()
  }
}

/// Somebody of this machine who listens at an outside address as long as the attack lasts.
private final class OutsideListener {
  // A class: it owns its socket.
  let address: String
  private let descriptor: Int32

  /// Nil where the address cannot be listened at.
  init?(_ address: String, port: Int) {
    self.address = address
    var wished = addrinfo()
    wished.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    wished.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, "\(port)", &wished, &found) == 0, let place = found?.pointee else {
      return nil
    }
    defer { freeaddrinfo(found) }
    descriptor = socket(
      place.ai_family, place.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), place.ai_protocol)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard descriptor >= 0 else { return nil }
    guard bind(descriptor, place.ai_addr, place.ai_addrlen) == 0, listen(descriptor, 16) == 0 else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }
}
