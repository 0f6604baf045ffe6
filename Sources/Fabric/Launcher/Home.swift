package import Vocabulary

/// The folder in which one platform lives. Only names: nothing here touches the disk.
package struct Home: Hashable, Sendable {
  /// Absolute, without a slash at the end.
  package let path: String

  /// Nil for a path that is not absolute.
  package init?(_ path: String) {
    guard path.hasPrefix("/"), path.utf8.count < 1_000 else { return nil }
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    self.path = String(path)
  }

  /// Trust domain, ports and addresses: what every service reads first.
  package var platformFile: String { "\(path)/platform.json" }
  /// Copies of the validated charters.
  package var chartersFolder: String { "\(path)/charters" }
  package var keysFolder: String { "\(path)/keys" }
  /// The key that seals all others: 32 random bytes in hex, mode 0600.
  package var rootKeyFile: String { "\(path)/keys/root.key" }
  /// Who the launcher started, for the authority's attestation.
  package var launchFolder: String { "\(path)/launch" }
  package var runFolder: String { "\(path)/run" }
  package var dataFolder: String { "\(path)/data" }
  package var logFolder: String { "\(path)/log" }
  /// Locked (flock) as long as a launcher lives.
  package var lockFile: String { "\(path)/run/launcher.lock" }
  package var pidFile: String { "\(path)/run/launcher.pid" }
  /// SPIFFE Workload API.
  package var authoritySocket: String { "\(path)/run/authority.sock" }
  /// Certificate authority of the gateway's public certificate, for `curl --cacert`.
  package var edgeAuthorityFile: String { "\(path)/edge-ca.pem" }

  package func launchRecord(of service: ServiceName) -> String { "\(launchFolder)/\(service).json" }
  package func logFile(of service: ServiceName) -> String { "\(logFolder)/\(service).log" }
}
