package import Chassis
import Glibc
import StrictJSON

/// Reads and writes a home's `platform.json`.
package enum PlatformSettings {
  /// Nil when there is none.
  /// - Throws: `LaunchFailure.badHome` for one that is damaged: defaults in its place would change ports, issuer and
  ///   trust domain.
  package static func load(_ home: Home) throws(LaunchFailure) -> Platform? {
    guard let bytes = try WholeFile.read(home.platformFile) else { return nil }
    do {
      return try Platform(bytes: bytes)
    } catch {
      throw .badHome(
        path: home.platformFile,
        reason:
          "\(error.reason). Restore it from your backup, or remove it and give 'up' its options again"
      )
    }
  }

  /// Nil when there is none, or it is not readable.
  package static func read(_ home: Home) -> Platform? { (try? load(home)) ?? nil }

  package static func write(_ platform: Platform, to home: Home) throws(LaunchFailure) {
    try WholeFile.write(bytes(of: platform), to: home.platformFile)
  }

  /// What the file holds.
  package static func bytes(of platform: Platform) throws(LaunchFailure) -> [UInt8] {
    guard let bytes = try? StrictJSON.encode(platform) else {
      throw .system(call: "encode platform.json", code: EINVAL)
    }
    return bytes + [0x0a]
  }
}
