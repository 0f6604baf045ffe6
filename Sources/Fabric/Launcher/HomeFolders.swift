package import Chassis
package import Vocabulary

/// What the launcher keeps in a home besides what services read. Only names: nothing here touches
/// the disk.
extension Home {
  /// Nil for a path that is not absolute. Slashes at the end are dropped.
  package init?(absolute path: String) {
    guard path.hasPrefix("/"), path.utf8.count < 1_000 else { return nil }
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    self.init(String(path))
  }

  package var keysFolder: String { "\(path)/keys" }
  /// What only the operator may read: the key that signs access policies.
  package var operatorFolder: String { "\(path)/operator" }
  package var policySigningKeyFile: String { "\(operatorFolder)/policy-signing.pem" }
  /// From which the passwords of the services' roles on the platform's database follow.
  package var databaseKeyFile: String { "\(operatorFolder)/database.key" }
  package var dataFolder: String { "\(path)/data" }
  package var logFolder: String { "\(path)/log" }
  /// The copies of executables from which services are started.
  package var executablesFolder: String { "\(path)/executables" }
  /// Whether a file of a home, named below it, is the copy of an executable: a build's bytes, the
  /// same before and after anything was kept.
  package static func isProgram(_ name: String) -> Bool {
    name.hasPrefix("executables/") || name.hasPrefix("known-good/executables/")
  }
  /// Copies of what must not change, see `KnownGood`.
  package var knownGoodFolder: String { "\(path)/known-good" }
  /// What was changed or dropped, kept as evidence.
  package var quarantineFolder: String { "\(path)/quarantine" }
  /// Locked (flock) as long as a launcher lives.
  package var lockFile: String { "\(launchFolder)/launcher.lock" }
  package var pidFile: String { "\(launchFolder)/launcher.pid" }
  /// A link to the authority's `edgeAuthorityFile`, at the place where people look.
  package var edgeAuthorityLink: String { "\(path)/edge-ca.pem" }
  /// Who the launcher started, for the authority's attestation.
  package func launchRecord(of service: ServiceName) -> String { "\(launchFolder)/\(service).json" }
}
