package import Chassis
import Glibc

/// Held by the one launcher of a home. The kernel lets go of it when the process ends, however it
/// ends, so a lock can never be stale.
package final class HomeLock: Sendable {
  // A class, because letting go is tied to the last reference.
  private let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  /// Throws `runsAlready` when another process holds it.
  package static func take(_ home: Home) throws(LaunchFailure) -> HomeLock {
    let descriptor = open(home.lockFile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .badHome(path: home.lockFile, reason: errorText(errno)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(descriptor)
      guard code == EWOULDBLOCK else { throw .system(call: "flock", code: code) }
      throw .runsAlready(pid: launcherPid(home))
    }
    return HomeLock(descriptor: descriptor)
  }

  /// Whether some launcher holds the home now.
  package static func isHeld(_ home: Home) -> Bool {
    let descriptor = open(home.lockFile, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0
  }

  /// What the launcher wrote about itself; believe it only while `isHeld`.
  package static func launcherPid(_ home: Home) -> Int32? {
    guard let bytes = try? WholeFile.read(home.pidFile) else { return nil }
    return Int32(String(decoding: bytes, as: UTF8.self).filter(\.isNumber))
  }
}
