package import Chassis
import Sandbox

/// How long the launcher waits for a service to get ready.
package enum Patience {
  /// For one that has nothing to read yet.
  package static let least: Duration = .seconds(45)
  /// A migration may rewrite the whole store; slow disks and busy machines do this much in a second, in bytes.
  static let bytesPerSecond: Int64 = 4 << 20

  package static func limit(for unit: Unit, in home: Home) -> Duration {
    let folder = home.dataFolder(of: unit.service)
    let bytes = WholeFile.names(in: folder).reduce(Int64(0)) { sum, name in
      sum + (FileFacts(at: "\(folder)/\(name)")?.identity.size ?? 0)
    }
    return least + .seconds(bytes / bytesPerSecond)
  }
}
