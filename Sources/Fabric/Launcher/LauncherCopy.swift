import Chassis
import Glibc

/// The launcher runs, like all that it starts, from a copy in its home that is pinned: a build under it changes nothing of
/// it, and what is changed of it is put back. People start the one of the build; it lays the copy down and becomes it.
package enum LauncherCopy {
  package static let name = "strongroom-launcher"

  /// Where this process was started from.
  package enum Origin: Sendable {
    /// The build; with these words of its command line it goes on as the copy.
    case build(words: [String])
    /// The home.
    /// - replaced: the digest of another program that lay in the copy's place.
    case home(replaced: String?)
  }

  /// Goes on as the copy in the home. The home's lock must be held, and is let go of on the way.
  /// - Returns: never.
  static func become(
    in home: Home, from binaries: String, _ words: [String]
  ) throws(LaunchFailure) -> Never {
    let replaced = try KnownGood(home).layDown(launcher: name, from: "\(binaries)/\(name)")
    let path = "\(home.executablesFolder)/\(name)"
    let more = ["--build", binaries] + (replaced.map { ["--replaced", $0] } ?? [])
    withCStrings([path] + words + more) { _ = execv(path, $0) }
    throw .system(call: "start \(path)", code: errno)
  }
}
