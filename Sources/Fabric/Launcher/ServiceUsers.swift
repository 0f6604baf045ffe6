package import Chassis
import Glibc
import Sandbox

/// A user of its own for each service, where the launcher is root: what one keeps, another cannot
/// even name. The numbers need no entry in /etc/passwd; they lie where no distribution, container
/// runtime or directory hands out any (systemd's "Users, Groups, UIDs and GIDs": 1879048192 to
/// 2147483646 are unused).
package enum ServiceUsers {
  /// Added to a service's port: two platforms on one machine share neither ports nor users.
  static let base: UInt32 = 1_900_000_000
  /// Threads and processes of one user (RLIMIT_NPROC).
  package static let processesMax = 512

  /// All users that this can give.
  static let range = base...(base + 196_607)

  /// The group of all services of a platform, which read what all read and may ask the authority who
  /// they are.
  static func group(portOffset: Int) -> UInt32 { base + UInt32(portOffset) }

  /// The group of everybody who may pass a platform's home and do nothing else there: its services and
  /// their programs.
  static func passers(portOffset: Int) -> UInt32 { base + 131_072 + UInt32(portOffset) }

  /// - Parameters:
  ///   - port: with the platform's offset.
  ///   - hasProgram: whether it shares a folder with a program, in that one's group.
  static func user(port: Int, portOffset: Int, hasProgram: Bool = false) -> Confinement.User {
    Confinement.User(
      user: base + UInt32(port), group: group(portOffset: portOffset),
      also: [passers(portOffset: portOffset)] + (hasProgram ? [program(port: port)] : []))
  }

  /// The user of the program behind a sidecar. It may pass the home, but is not of the services' group:
  /// it has no identity to ask the authority for. Its own group has its sidecar for a second member.
  static func programUser(port: Int, portOffset: Int) -> Confinement.User {
    Confinement.User(
      user: program(port: port), group: program(port: port), also: [passers(portOffset: portOffset)]
    )
  }

  private static func program(port: Int) -> UInt32 { base + 65_536 + UInt32(port) }

  /// Why services cannot have users of their own here; nil when they can.
  /// - Parameters:
  ///   - home: must lie where everybody may pass.
  ///   - opened: what services open as their own user and nobody gives them: their libraries, the
  ///     door's key.
  package static func lack(home: Home, opened: [String]) -> String? {
    guard geteuid() == 0 else { return "only a launcher run by root can give them" }
    guard isMapped else { return "this container has no users to spare (/proc/self/uid_map)" }
    if let closed = opened.first(where: { !isOpenToOthers($0) }) {
      return "other users cannot read \(closed)"
    }
    guard isPassable(above: home.path) else {
      return "other users cannot reach \(home.path); choose a --home elsewhere"
    }
    return nil
  }

  /// Whether the user name space has all our numbers (user_namespaces(7)).
  private static var isMapped: Bool {
    let text = (try? WholeFile.read("/proc/self/uid_map")) ?? []
    return String(decoding: text, as: UTF8.self).split(separator: "\n").contains { line in
      let numbers = line.split(separator: " ").compactMap { UInt64($0) }
      guard numbers.count == 3 else { return false }
      return numbers[0] <= UInt64(range.lowerBound)
        && numbers[0] + numbers[2] > UInt64(range.upperBound)
    }
  }

  /// Whether everybody may read the file and pass all folders above it.
  static func isOpenToOthers(_ path: String) -> Bool {
    guard let resolved = realpath(path, nil) else { return false }
    defer { free(resolved) }
    var facts = stat()
    guard stat(resolved, &facts) == 0, facts.st_mode & 0o004 != 0 else { return false }
    return isPassable(above: String(cString: resolved))
  }

  private static func isPassable(above path: String) -> Bool {
    var facts = stat()
    var folder = path
    while let end = folder.lastIndex(of: "/"), end > folder.startIndex {
      folder = String(folder[..<end])
      guard stat(folder, &facts) == 0, facts.st_mode & 0o001 != 0 else { return false }
    }
    return true
  }
}

/// Who owns what in a home whose services have users of their own; everything root's again where
/// they have none.
enum HomeOwnership {
  /// Everything but the data folders: what all read is the group's, what the authority alone uses is
  /// its own. The group may pass `run`, because the Workload API's socket lies there.
  ///
  /// - Parameter passers: who may pass the home; programs are among them, and not in the group.
  static func settle(
    _ home: Home, group: UInt32?, passers: UInt32?, authority: UInt32?
  ) throws(LaunchFailure) {
    let (group, authority) = (group ?? 0, authority ?? 0)
    let isShared = group != 0
    try set(home.path, group: passers ?? 0, mode: isShared ? 0o710 : 0o700)
    try set(home.dataFolder, group: group, mode: isShared ? 0o710 : 0o700)
    for folder in [home.chartersFolder, home.policyFolder] {
      try set(folder, group: group, mode: isShared ? 0o750 : 0o700)
      for name in WholeFile.names(in: folder) {
        try set("\(folder)/\(name)", group: group, mode: isShared ? 0o640 : 0o600)
      }
    }
    // Each service executes its own program as its own user; what else lies there is no secret.
    try set(home.executablesFolder, group: group, mode: isShared ? 0o710 : 0o700)
    for name in WholeFile.allNames(in: home.executablesFolder) {
      try set("\(home.executablesFolder)/\(name)", group: group, mode: isShared ? 0o550 : 0o500)
    }
    try set(home.platformFile, group: group, mode: isShared ? 0o640 : 0o600)
    try give(home.keysFolder, user: authority, group: 0)
    try give(home.launchFolder, user: authority, group: 0)
    try give(home.runFolder, user: authority, group: group)
    if isShared { try mode(home.runFolder, 0o710) }
  }

  /// A folder and all below it; the folder last, so that an interrupted change is found next time.
  static func give(_ path: String, user: UInt32, group: UInt32) throws(LaunchFailure) {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { throw .badHome(path: path, reason: errorText(errno)) }
    if facts.st_uid == user, facts.st_gid == group { return }
    if facts.st_mode & S_IFMT == S_IFDIR {
      for name in WholeFile.names(in: path) {
        try give("\(path)/\(name)", user: user, group: group)
      }
    }
    guard lchown(path, user, group) == 0 else {
      throw .badHome(path: path, reason: errorText(errno))
    }
  }

  private static func set(
    _ path: String, group: UInt32, mode bits: UInt32
  ) throws(LaunchFailure) {
    guard lchown(path, 0, group) == 0 else { throw .badHome(path: path, reason: errorText(errno)) }
    try mode(path, bits)
  }

  private static func mode(_ path: String, _ bits: UInt32) throws(LaunchFailure) {
    guard chmod(path, bits) == 0 else { throw .badHome(path: path, reason: errorText(errno)) }
  }
}
