package import Chassis
import Foundation
import Vocabulary

/// Puts address rules into the kernel by nft(8), whose text is the stable way in.
package enum AddressHold {
  /// Where Debian and others install it; no search path is asked.
  static let programs = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"]

  /// Why addresses cannot be held on this machine; nil when they can. Asks the kernel to try rules
  /// as ours are, without keeping them.
  /// - Parameter ownUserLack: rules go by the user, so each service needs one.
  package static func lack(ownUserLack: String?) -> String? {
    guard geteuid() == 0 else { return "only a launcher run by root can make rules" }
    guard ownUserLack == nil else { return "rules go by the service's user, and they share one" }
    guard program != nil else { return "there is no nft: install the package nftables" }
    let sample = AddressRules(
      gatewayPort: 0, bind: "127.0.0.1",
      ways: [
        AddressRules.Way(Unit("sample"), user: ServiceUsers.base, callees: [1], outside: [443])
      ])
    switch run(["-c", "-f", "-"], input: sample.text()) {
    case .success: return nil
    case .failure(let failure): return "the kernel takes no such rules: \(failure.reason)"
    }
  }

  /// - Throws: `system` or `addressesNotHeld`.
  package static func apply(
    _ rules: AddressRules, earlierPort: Int?
  ) throws(LaunchFailure) {
    let made = run(["-f", "-"], input: rules.text(earlierPort: earlierPort))
    if case .failure(let failure) = made { throw .addressesNotHeld(reason: failure.reason) }
  }

  /// After the last service has ended. What cannot be removed is replaced by the next start.
  package static func remove(gatewayPort: Int) {
    _ = run(["-f", "-"], input: AddressRules.removal(gatewayPort: gatewayPort) + "\n")
  }

  /// Takes away the tables of launchers that are certainly gone, of whatever home on this machine.
  /// - Returns: the gateway's ports of those.
  @discardableResult
  package static func sweep() -> [Int] {
    guard geteuid() == 0, program != nil,
      case .success(let list) = run(["list", "tables", "inet"])
    else { return [] }
    let words = list.split(whereSeparator: \.isWhitespace)
    return words.filter { $0.hasPrefix(AddressRules.tablePrefix) }.compactMap { name -> Int? in
      guard let port = Int(name.dropFirst(AddressRules.tablePrefix.count)),
        let owner = owner(gatewayPort: port), owner.isGone
      else { return nil }
      remove(gatewayPort: port)
      return port
    }
  }

  /// Who made a table; nil for none, and for one of a build that did not say.
  package static func owner(gatewayPort: Int) -> AddressOwner? {
    let table = AddressRules.table(gatewayPort: gatewayPort)
    guard case .success(let text) = run(["list", "table", "inet", table]),
      let line = text.split(separator: "\n").first(where: { $0.contains("comment \"") })
    else { return nil }
    let quoted = line.split(separator: "\"", omittingEmptySubsequences: false)
    return quoted.count > 1 ? AddressOwner(comment: String(quoted[1])) : nil
  }

  /// Whether the rules of this home's platform are in the kernel.
  package static func isInForce(_ home: Home) -> Bool {
    PlatformSettings.read(home).map { refused(gatewayPort: $0.gatewayPort) != nil } ?? false
  }

  /// Packets that the rules refused since they were made; nil where no rules are in force, or we may
  /// not ask.
  package static func refused(gatewayPort: Int) -> Int? {
    let table = AddressRules.table(gatewayPort: gatewayPort)
    guard case .success(let text) = run(["list", "table", "inet", table]) else { return nil }
    let words = text.split(whereSeparator: \.isWhitespace)
    return words.indices.dropLast(2).filter {
      words[$0] == "counter" && words[$0 + 1] == "packets"
    }.compactMap { Int(words[$0 + 2]) }.reduce(0, +)
  }

  private static var program: String? { programs.first { access($0, X_OK) == 0 } }

  private struct Failure: Error { let reason: String }

  private static func run(_ arguments: [String], input: String = "") -> Result<String, Failure> {
    guard let program else { return .failure(Failure(reason: "there is no nft")) }
    let process = Process()
    let (reader, output) = (Pipe(), Pipe())
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = [:]
    process.standardInput = reader
    process.standardOutput = output
    process.standardError = output
    do {
      try process.run()
      // Rules of a platform fit the pipe, so nobody waits for anybody.
      try reader.fileHandleForWriting.write(contentsOf: Data(input.utf8))
      try reader.fileHandleForWriting.close()
      let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      let text = String(decoding: bytes, as: UTF8.self)
      guard process.terminationStatus == 0 else {
        return .failure(Failure(reason: text.split(separator: "\n").first.map(String.init) ?? "?"))
      }
      return .success(text)
    } catch {
      return .failure(Failure(reason: "\(error)"))
    }
  }
}
