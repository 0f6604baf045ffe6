package import Chassis
import Glibc
package import Sandbox
import StrictJSON

/// How the launcher holds a service, kept beside its launch record for `status`. A file of its own:
/// the authority reads launch records strictly, and attests nothing by this.
package enum HoldRecord {
  /// - Throws: `system`.
  static func write(_ hold: Hold, of unit: Unit, to home: Home) throws(LaunchFailure) {
    guard let bytes = try? StrictJSON.encode(hold) else {
      throw .system(call: "encode how \(unit) is held", code: EINVAL)
    }
    try WholeFile.write(bytes, to: home.holdRecord(of: unit))
  }

  /// Nil for a service that was left free, or does not run.
  package static func read(_ unit: Unit, in home: Home) -> Hold? {
    guard let bytes = try? WholeFile.read(home.holdRecord(of: unit)) else { return nil }
    return try? StrictJSON.decode(Hold.self, from: bytes)
  }
}
