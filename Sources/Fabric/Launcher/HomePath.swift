package import Chassis
import Glibc

/// Whether only the launcher's user and root can put something else in a home's place. Whoever owns a folder above it, or may
/// write there, can rename the home and lay down keys and charters of his own; a launcher run by root would believe them. The same
/// rule as OpenSSH's StrictModes (sshd_config(5)).
package enum HomePath {
  /// A folder, or a link, on the way to the home.
  package struct Step: Hashable, Sendable {
    package let path: String
    package let owner: UInt32
    /// As in stat(2).
    package let mode: UInt32

    package init(path: String, owner: UInt32, mode: UInt32) {
      self.path = path
      self.owner = owner
      self.mode = mode
    }

    private var isLink: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFLNK) }

    /// Why it cannot be relied on; nil when it can.
    package func fault(for user: UInt32) -> String? {
      guard owner == 0 || owner == user else {
        return "\(path) belongs to user \(owner), who can put another home in its place"
      }
      // Modes of links mean nothing (symlink(7)), and where the sticky bit is set nobody removes what is another's.
      let isOpen = mode & 0o022 != 0 && mode & UInt32(S_ISVTX) == 0
      return isOpen && !isLink ? "\(path) can be written by others (mode \(octal))" : nil
    }

    private var octal: String { String(mode & 0o7777, radix: 8) }
  }

  /// - Throws: `badHome` with the first step that cannot be relied on, from the root on.
  package static func require(_ home: Home) throws(LaunchFailure) {
    for step in steps(to: home.path) {
      guard let fault = step.fault(for: geteuid()) else { continue }
      throw .badHome(
        path: home.path,
        reason: fault
          + ". Choose another --home, mend owner and mode, or say --trust-home-path if all who can write there may own the platform"
      )
    }
  }

  /// All that exists of the way, as it is written and as it is once links are followed.
  package static func steps(to path: String) -> [Step] {
    var seen: Set<String> = []
    return [path, real(path)].flatMap { way -> [Step] in
      var at = ""
      let parts = way.split(separator: "/").map { "/" + $0 }
      return ([""] + parts).compactMap { part in
        at += part
        let name = at.isEmpty ? "/" : at
        var facts = stat()
        guard seen.insert(name).inserted, lstat(name, &facts) == 0 else { return nil }
        return Step(path: name, owner: facts.st_uid, mode: facts.st_mode)
      }
    }
  }

  /// The deepest folder of the way that exists, without links.
  private static func real(_ path: String) -> String {
    var at = path
    while !at.isEmpty {
      if let found = realpath(at, nil) {
        defer { free(found) }
        return String(cString: found)
      }
      at = String(at[..<(at.lastIndex(of: "/") ?? at.startIndex)])
    }
    return "/"
  }
}
