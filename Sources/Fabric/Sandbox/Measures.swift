import Glibc

/// One way in which a process is held from below.
package enum Measure: String, Sendable, Codable, CaseIterable {
  case noNewPrivileges = "no-new-privileges"
  case capabilities = "no-capabilities"
  case limits = "resource-limits"
  /// Landlock on files and folders.
  case files = "landlock-files"
  /// Landlock on TCP ports.
  case ports = "landlock-ports"
  /// Landlock on signals and abstract Unix sockets.
  case signals = "landlock-signals"
  case seccomp
  case ownUser = "own-user"
  /// nftables on addresses, by the process's own user.
  case addresses = "nftables-addresses"
}

/// A measure that does not hold, and why.
package struct Lack: Hashable, Sendable, Codable, CustomStringConvertible {
  package let measure: Measure
  package let reason: String
  package var description: String { "\(measure.rawValue) (\(reason))" }
}

/// What this machine can hold processes by.
package struct Machine: Hashable, Sendable {
  /// Landlock's version, 0 for none.
  package let landlock: Int
  package let hasSeccomp: Bool
  /// Why a service cannot have a user of its own; nil when it can.
  package let ownUserLack: String?
  /// Why a service cannot be kept from outside addresses; nil when it can.
  package let addressesLack: String?

  package init(landlock: Int, hasSeccomp: Bool, ownUserLack: String?, addressesLack: String?) {
    self.addressesLack = addressesLack
    self.landlock = landlock
    self.hasSeccomp = hasSeccomp
    self.ownUserLack = ownUserLack
  }

  /// Asks the kernel.
  package static func probe(ownUserLack: String?, addressesLack: String?) -> Machine {
    Machine(
      landlock: Landlock.version, hasSeccomp: SystemCallFilter.isAvailable,
      ownUserLack: ownUserLack, addressesLack: addressesLack)
  }

  /// What will not hold here, in the order of `Measure`.
  package var lacks: [Lack] {
    var lacks: [Lack] = []
    func need(_ version: Int, _ measure: Measure) {
      guard landlock < version else { return }
      let reason =
        landlock == 0
        ? "this kernel has no Landlock, or it is not switched on (lsm=landlock)"
        : "needs Landlock \(version), this kernel has \(landlock)"
      lacks.append(Lack(measure: measure, reason: reason))
    }
    need(1, .files)
    need(Landlock.portsSince, .ports)
    need(Landlock.scopesSince, .signals)
    if !hasSeccomp {
      lacks.append(Lack(measure: .seccomp, reason: "this kernel has no seccomp filters"))
    }
    if let ownUserLack { lacks.append(Lack(measure: .ownUser, reason: ownUserLack)) }
    if let addressesLack { lacks.append(Lack(measure: .addresses, reason: addressesLack)) }
    return lacks
  }
}

/// How a process is held: what the stage made sure of before it became the process, and what is
/// missing.
package struct Hold: Hashable, Sendable, Codable {
  package let held: [Measure]
  package let missing: [Lack]
  /// Landlock's version in force, 0 for none.
  package let landlock: Int
  /// The process's own user, where it has one.
  package let user: UInt32?

  /// For a process whose stage succeeded: the stage takes every measure of the machine or fails.
  package init(_ machine: Machine, _ confinement: Confinement) {
    let missing = machine.lacks
    let lacking = Set(missing.map(\.measure))
    held = Measure.allCases.filter { !lacking.contains($0) }
    self.missing = missing
    landlock = machine.landlock
    user = confinement.user?.user
  }
}
