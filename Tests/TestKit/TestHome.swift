package import Chassis
import Foundation
package import Storage
import StrictJSON
package import Vocabulary
import WorkloadIdentity

/// A fresh home for services under test: its own folder, its own ports, the given charters.
package struct TestHome: Sendable {
  package let home: Home
  package let platform: Platform

  /// - Parameter charters: file name → YAML. `data-classes.yaml` must be among them when a charter lists data.
  /// - Parameter databases: where services keep their stores that do so on a server; besides all that may, where tests
  ///   run on each store.
  /// - Parameter weakened: defences that are left out; for tests of the one behind them.
  package init(
    charters: [String: String], trustDomain: String = "strongroom.test",
    databases: [ServiceName: PostgresLocation] = [:], policyStaleSeconds: Int? = nil,
    policyURL: String? = nil, limitsFactor: Int = 1, weakened: [Weakness]? = nil
  ) throws {
    let path = NSTemporaryDirectory() + "strongroom-\(UUID().uuidString.prefix(8))"
    home = Home(path)
    let offset = try TestPorts.offset()
    var platform = Platform(
      trustDomain: trustDomain, portOffset: offset, gatewayPort: TestPorts.gatewayPort(offset),
      limitsFactor: limitsFactor)
    try platform.placeStores(of: charters)
    for (service, location) in databases { platform.place(StoreServer(location), for: service) }
    platform.policyStaleSeconds = policyStaleSeconds
    platform.policyURL = policyURL
    platform.weakened = weakened
    self.platform = platform
    let files = FileManager.default
    for folder in ["charters", "data", "run", "launch", "keys", "log"] {
      try files.createDirectory(
        atPath: "\(path)/\(folder)", withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    }
    for (name, text) in charters {
      try Data(text.utf8).write(to: URL(filePath: "\(home.chartersFolder)/\(name)"))
    }
    try Data(StrictJSON.encode(platform)).write(to: URL(filePath: home.platformFile))
    try Data(hexText(Randomness.system.bytes(32)).utf8).write(to: URL(filePath: home.rootKeyFile))
    try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: home.rootKeyFile)
    try TestPolicies.settle(home)
  }

  package func remove() { try? FileManager.default.removeItem(atPath: home.path) }
}

extension Platform {
  /// Where tests run on each store: every service whose charter allows a server has a new store there.
  package mutating func placeStores(of charters: [String: String]) throws {
    guard StoreKind.current == .postgres else { return }
    for (name, charter) in charters where charter.contains("store: {server: allowed") {
      guard let service = ServiceName(String(name.prefix { $0 != "." })) else { continue }
      place(StoreServer(try PostgresServer.shared.newStore()), for: service)
    }
  }
}

extension CredentialsSource {
  /// Certificates from a test's own authority, for services that run inside the test.
  package static func issued(by authority: MeshAuthority) -> CredentialsSource {
    CredentialsSource { means in
      let first = try authority.credentials(for: means.service, at: means.clock.now())
      return CredentialsFeed(first: first, updates: AsyncStream { $0.finish() })
    }
  }
}
