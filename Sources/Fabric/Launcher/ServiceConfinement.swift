package import Chassis
package import Charters
import Glibc
import OutsideReach
import PolicyClient
package import Sandbox
import Telemetry
import Vocabulary

/// How the launcher confines each service: by its charter, and by what the machine offers.
package struct ServiceConfinement: Sendable {
  /// Writable memory beyond a charter's `memory_mib`, bytes: RLIMIT_DATA counts what is reserved for
  /// stacks (8 MiB a thread) and malloc's arenas, not what is resident.
  package static let reserveBytes = 512 << 20

  /// `strongroom-confine`.
  package let stage: ExecutableFile
  package let machine: Machine
  let home: Home
  let platform: Platform
  let charters: CharterSet
  /// Folders of shared libraries besides the system's.
  let libraries: [String]

  package init(
    stage: ExecutableFile, machine: Machine, home: Home, platform: Platform, charters: CharterSet,
    libraries: [String] = ServiceConfinement.ownLibraries
  ) {
    self.stage = stage
    self.machine = machine
    self.home = home
    self.platform = platform
    self.charters = charters
    self.libraries = libraries
  }

  /// What this machine offers to the services of a home.
  package static func machine(
    for charters: CharterSet, platform: Platform, home: Home
  ) -> Machine {
    guard !platform.lacks(.confinement) else {
      let lack = "left out for a test"
      return Machine(landlock: 0, hasSeccomp: false, ownUserLack: lack, addressesLack: lack)
    }
    let key = [platform.edgeCertificateFile, platform.edgeKeyFile].compactMap { $0 }
    let files = charters.charters.flatMap(\.programFiles)
    let ownUserLack = ServiceUsers.lack(home: home, opened: files + key + ownLibraries)
    return Machine.probe(
      ownUserLack: ownUserLack, addressesLack: AddressHold.lack(ownUserLack: ownUserLack))
  }

  /// What this service may touch when this file is what it runs.
  package func confinement(of charter: Charter, running executable: String) -> Confinement {
    Confinement(
      places: places(of: charter, running: executable), bindPorts: bindPorts(of: charter),
      connectPorts: connectPorts(of: charter), resolvesNames: !outsidePorts(of: charter).isEmpty,
      limits: Confinement.Limits(
        openFiles: charter.limits.openFiles,
        dataBytes: charter.limits.memoryMiB << 20 + Self.reserveBytes,
        processes: hasOwnUsers ? ServiceUsers.processesMax : nil),
      user: user(of: charter))
  }

  var hasOwnUsers: Bool { machine.ownUserLack == nil }

  /// Nil where services stay the launcher's user.
  func user(of charter: Charter) -> Confinement.User? {
    guard hasOwnUsers, let port = charter.port else { return nil }
    return ServiceUsers.user(
      port: port + platform.portOffset, portOffset: platform.portOffset,
      hasProgram: charter.program != nil)
  }

  /// Gives the home to those who are to use it, for a launcher that may.
  package func settleHome() throws(LaunchFailure) {
    guard geteuid() == 0 else { return }
    let authority = charters.holder(of: .authority).flatMap { charters[$0] }
      .flatMap { user(of: $0) }
    try HomeOwnership.settle(
      home, group: authority?.group, passers: passers, authority: authority?.user)
  }

  /// Nil where services stay the launcher's user.
  var passers: UInt32? {
    hasOwnUsers ? ServiceUsers.passers(portOffset: platform.portOffset) : nil
  }

  /// Makes a service's data folder, and gives it to the service.
  package func settleData(of charter: Charter) throws(LaunchFailure) {
    let folder = home.dataFolder(of: charter.service)
    try WholeFile.makePrivateFolder(folder)
    if charter.program != nil { try settleProgramFolder(of: charter) }
    if geteuid() == 0 {
      let owner = user(of: charter)
      try HomeOwnership.give(folder, user: owner?.user ?? 0, group: owner?.group ?? 0)
    }
    try StoreServers.copyFiles(for: charter.service, platform, home: home)
  }

  /// What the stage is to do to become this service, or another program in its place.
  package func plan(
    for charter: Charter, running executable: ExecutableFile, arguments: [String]? = nil
  ) -> StagePlan {
    StagePlan(
      executable: executable.path,
      arguments: [ChildProcess.name(of: executable)]
        + (arguments ?? charter.arguments(in: home)),
      confinement: confinement(of: charter, running: executable.path), machine: machine)
  }

  private func places(of charter: Charter, running executable: String) -> [Confinement.Place] {
    var places = Confinement.common(libraries: libraries)
    places += [
      Confinement.Place(executable, .execute),
      Confinement.Place(home.platformFile, .read),
      Confinement.Place(home.chartersFolder, .read), Confinement.Place(home.policyFolder, .read),
      Confinement.Place(home.dataFolder(of: charter.service), .keep),
    ]
    if charter.program != nil {
      places.append(Confinement.Place(home.programFolder(of: charter.service), .serve))
    }
    switch charter.role {
    case .authority:
      // It reads the launch records and the root key, and publishes its socket and the edge's root.
      places += [
        Confinement.Place(home.launchFolder, .read), Confinement.Place(home.keysFolder, .read),
        Confinement.Place(home.runFolder, .serve),
      ]
    case .door:
      places += [platform.edgeCertificateFile, platform.edgeKeyFile].compactMap {
        $0.map { Confinement.Place($0, .read) }
      }
    case .outside:
      places += [platform.outsideAuthorityFile].compactMap {
        $0.map { Confinement.Place($0, .read) }
      }
    case .issuer, nil: break
    }
    if platform.storeServer(of: charter.service) != nil {
      // TLS reads the system's settings, and the public authorities where they are to be believed.
      places.append(Confinement.Place("/etc/ssl", .read))
    }
    return destinations(of: charter).isEmpty ? places : places + Confinement.outside
  }

  private func bindPorts(of charter: Charter) -> [Int] {
    let own = charter.port.map { [$0 + platform.portOffset] } ?? []
    return charter.role == .door ? own + [platform.gatewayPort] : own
  }

  private func connectPorts(of charter: Charter) -> [Int] {
    let database = databaseEnds(of: charter).map(\.port)
    let outside =
      destinations(of: charter).map(\.port) + (outsidePorts(of: charter).isEmpty ? [] : [53])
    return Set(calleePorts(of: charter) + outside + agentPorts + database).sorted()
  }

  private func calleePorts(of charter: Charter) -> [Int] {
    charter.calls.compactMap { charters[$0.service]?.port }.map { $0 + platform.portOffset }
  }

  /// Servers outside that this process connects to: all that any charter names, for the one way out, and none for anybody else.
  private func destinations(of charter: Charter) -> [CharterDestination] {
    charter.role == .outside ? charters.charters.flatMap(\.egress) : []
  }

  /// Ports of names that are looked up, so that nobody knows their addresses beforehand.
  private func outsidePorts(of charter: Charter) -> [Int] {
    destinations(of: charter).filter(\.isLookedUp).map(\.port)
  }

  /// Servers outside whose addresses the charters name.
  private func outsideEnds(of charter: Charter) -> [AddressRules.End] {
    destinations(of: charter).flatMap { destination in
      destination.fixedAddresses.map {
        AddressRules.End(address: $0.description, port: destination.port)
      }
    }
  }

  private func databaseEnds(of charter: Charter) -> [AddressRules.End] {
    StoreServers.ends(platform.storeServer(of: charter.service))
  }

  /// Of what all services may reach on this machine besides each other: the collector of traces, and who decides
  /// about access in the place of our own engine.
  private var agentPorts: [Int] {
    let collector = platform.otlpEndpoint.flatMap { CollectorEndpoint($0) }.map { Int($0.port) }
    let policy = platform.policyURL.flatMap { try? RemotePolicyAddress($0) }.map(\.port)
    return [collector, policy].compactMap { $0 }
  }

  /// To which addresses services may connect; nil where that cannot be held.
  package var addressRules: AddressRules? {
    guard machine.addressesLack == nil else { return nil }
    return AddressRules(
      gatewayPort: platform.gatewayPort, bind: platform.bind,
      ways: charters.units.compactMap { unit in
        guard let charter = charters[unit.service] else { return nil }
        // A program has business with nobody but its sidecar, by a Unix socket.
        if unit.isProgram {
          return programUser(of: charter).map { AddressRules.Way(unit, user: $0.user, callees: []) }
        }
        return user(of: charter).map {
          AddressRules.Way(
            unit, user: $0.user, callees: calleePorts(of: charter), agents: agentPorts,
            outside: outsidePorts(of: charter),
            ends: databaseEnds(of: charter) + outsideEnds(of: charter))
        }
      }, isWeakened: platform.lacks(.addresses))
  }

  /// Folders of the shared libraries that this very program runs with: the services were built by
  /// the same toolchain.
  package static var ownLibraries: [String] {
    let maps = (try? WholeFile.read("/proc/self/maps")) ?? []
    let folders = String(decoding: maps, as: UTF8.self).split(separator: "\n").compactMap {
      line -> String? in
      guard let start = line.firstIndex(of: "/"), line.contains(".so") else { return nil }
      return line[start...].lastIndex(of: "/").map { String(line[start..<$0]) }
    }
    return Set(folders).sorted()
  }
}
