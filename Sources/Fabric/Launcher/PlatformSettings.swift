package import Chassis
import Glibc
import StrictJSON

/// Reads and writes a home's `platform.json`.
package enum PlatformSettings {
  /// Nil when there is none, or it is not readable.
  package static func read(_ home: Home) -> Platform? {
    guard let bytes = try? WholeFile.read(home.platformFile) else { return nil }
    return try? StrictJSON.decode(Platform.self, from: bytes)
  }

  package static func write(_ platform: Platform, to home: Home) throws(LaunchFailure) {
    guard let bytes = try? StrictJSON.encode(platform) else {
      throw .system(call: "encode platform.json", code: EINVAL)
    }
    try WholeFile.write(bytes + [0x0a], to: home.platformFile)
  }
}
