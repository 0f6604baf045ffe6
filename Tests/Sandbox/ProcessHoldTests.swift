import Commands
import Launcher
import Sandbox
import Testing

@Suite struct `What the kernel says about a process` {
  static let held = """
    Name:\tstrongroom-ledger
    Uid:\t1000\t1000\t1000\t1000
    CapEff:\t0000000000000000
    NoNewPrivs:\t1
    Seccomp:\t2
    Seccomp_filters:\t2
    """
  static let free = """
    Uid:\t0\t0\t0\t0
    CapEff:\t000001fffeffffff
    NoNewPrivs:\t0
    Seccomp:\t0
    Seccomp_filters:\t0
    """
  static let confinement = Confinement(
    places: [], bindPorts: [], connectPorts: [], resolvesNames: false,
    limits: Confinement.Limits(openFiles: 64, dataBytes: 1 << 30),
    user: Confinement.User(user: 1000, group: 1000))

  @Test func `is read from its status`() throws {
    let hold = try #require(ProcessHold(status: Self.held))
    #expect(hold.noNewPrivileges && hold.filters == 2 && hold.capabilities == 0)
    #expect(hold.user == 1000)
    #expect(ProcessHold(status: "Uid:\t0\t0\t0\t0\n") == nil)
    #expect(ProcessHold.of(0) == nil)
  }

  @Test func `contradicts a record that claims too much`() throws {
    let machine = Machine(landlock: 7, hasSeccomp: true, ownUserLack: nil, addressesLack: nil)
    let hold = Hold(machine, Self.confinement)
    #expect(try #require(ProcessHold(status: Self.held)).contradictions(of: hold).isEmpty)
    let found = try #require(ProcessHold(status: Self.free)).contradictions(of: hold)
    #expect(
      found == [
        "it may gain privileges", "it has no seccomp filter", "it has capabilities",
        "it runs as user 0, not 1000",
      ])
  }
}

@Suite struct `A machine` {
  @Test(arguments: [
    (0, [Measure.files, .ports, .signals]), (3, [.ports, .signals]), (4, [.signals]), (6, []),
  ])
  func `says which parts of Landlock it lacks`(version: Int, missing: [Measure]) {
    let machine = Machine(landlock: version, hasSeccomp: true, ownUserLack: nil, addressesLack: nil)
    #expect(machine.lacks.map(\.measure) == missing)
  }

  @Test func `without seccomp falls short, and says so in words`() {
    let machine = Machine(
      landlock: 7, hasSeccomp: false, ownUserLack: "you are not root",
      addressesLack: "there is no nft")
    #expect(
      machine.lacks.map(\.description) == [
        "seccomp (this kernel has no seccomp filters)", "own-user (you are not root)",
        "nftables-addresses (there is no nft)",
      ])
    let refusal = LaunchFailure.unconfinable(machine.lacks)
    #expect(refusal.exitCode == .unconfined && CommandExit.unconfined.rawValue == 78)
    #expect(refusal.description.contains("own-user (you are not root)"))
  }
}
