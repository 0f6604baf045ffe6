import CSandbox
import Glibc

/// Landlock's rights (landlock(7), <linux/landlock.h>) by the ABI version that brought them.
package enum Landlock {
  /// From this version on TCP ports can be named.
  package static let portsSince = 4
  /// From this version on signals and abstract Unix sockets stay within the domain.
  package static let scopesSince = 6

  /// O_PATH of open(2), which glibc shows to GNU sources only.
  private static let pathOnly: Int32 = 0x20_0000

  /// What this kernel offers, 0 for none.
  package static var version: Int { max(0, Int(csandbox_landlock_abi())) }

  enum Files {
    static let execute: UInt64 = 1 << 0
    static let writeFile: UInt64 = 1 << 1
    static let readFile: UInt64 = 1 << 2
    static let readFolder: UInt64 = 1 << 3
    static let removeFolder: UInt64 = 1 << 4
    static let removeFile: UInt64 = 1 << 5
    static let makeFolder: UInt64 = 1 << 7
    static let makeFile: UInt64 = 1 << 8
    static let makeSocket: UInt64 = 1 << 9
    static let refer: UInt64 = 1 << 13
    static let truncate: UInt64 = 1 << 14
    static let deviceControl: UInt64 = 1 << 15
    /// The rights that a file can have; the rest are folders'.
    static let ofFiles = execute | writeFile | readFile | truncate | deviceControl

    /// All rights that a version can take away.
    static func all(_ version: Int) -> UInt64 {
      switch version {
      case ..<2: 0x1fff
      case 2: 0x3fff
      case 3, 4: 0x7fff
      default: 0xffff
      }
    }
  }
  enum Ports {
    static let bind: UInt64 = 1 << 0
    static let connect: UInt64 = 1 << 1
  }

  /// Enters a domain in which the calling thread has these rights and no others. For a process of
  /// one thread, before it makes more.
  /// - Throws: `StageFailure` naming the step and what the kernel said.
  static func enter(_ confinement: Confinement, version: Int) throws(StageFailure) {
    let ruleset = csandbox_landlock_create(
      Files.all(version), version >= portsSince ? Ports.bind | Ports.connect : 0,
      version >= scopesSince ? 3 : 0)
    guard ruleset >= 0 else { throw StageFailure("landlock_create_ruleset", errno) }
    defer { Glibc.close(ruleset) }
    for place in confinement.places { try allow(place, in: ruleset, version) }
    if version >= portsSince {
      try allow(confinement.bindPorts, Ports.bind, in: ruleset)
      try allow(confinement.connectPorts, Ports.connect, in: ruleset)
    }
    guard csandbox_landlock_enter(ruleset) == 0 else {
      throw StageFailure("landlock_restrict_self", errno)
    }
  }

  private static func allow(
    _ place: Confinement.Place, in ruleset: Int32, _ version: Int
  ) throws(StageFailure) {
    let descriptor = open(place.path, pathOnly | O_CLOEXEC)
    guard descriptor >= 0 else {
      // What is not there needs no right to be read.
      if place.use.mayBeMissing, errno == ENOENT || errno == EACCES { return }
      throw StageFailure("open \(place.path)", errno)
    }
    defer { Glibc.close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw StageFailure("stat \(place.path)", errno) }
    let isFolder = facts.st_mode & S_IFMT == S_IFDIR
    let rights = place.use.rights & Files.all(version) & (isFolder ? .max : Files.ofFiles)
    guard csandbox_landlock_allow_path(ruleset, descriptor, rights) == 0 else {
      throw StageFailure("landlock_add_rule \(place.path)", errno)
    }
  }

  private static func allow(
    _ ports: [Int], _ right: UInt64, in ruleset: Int32
  ) throws(StageFailure) {
    for port in ports {
      guard csandbox_landlock_allow_port(ruleset, UInt64(port), right) == 0 else {
        throw StageFailure("landlock_add_rule port \(port)", errno)
      }
    }
  }
}

extension Confinement.Use {
  var mayBeMissing: Bool { self == .read || self == .load }

  var rights: UInt64 {
    typealias Files = Landlock.Files
    let read = Files.readFile | Files.readFolder
    let keep =
      read | Files.writeFile | Files.truncate | Files.makeFile | Files.makeFolder
      | Files.removeFile | Files.removeFolder | Files.refer
    return switch self {
    case .read: read
    case .execute, .load: Files.execute | Files.readFile
    case .device: Files.readFile | Files.writeFile
    case .keep: keep
    case .serve: keep | Files.makeSocket
    }
  }
}
