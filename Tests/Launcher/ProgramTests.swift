import Charters
import Chassis
import Foundation
import Launcher
import Sandbox
import Testing
import Vocabulary

@Suite struct `A program's confinement` {
  static let root = String(`A new service`.root.dropLast())

  /// The example's, as it follows from its charter, on a machine that has everything.
  private func plan(
    home: Home = Home("/var/strongroom"), charter change: (String, String) = ("", "")
  ) throws -> (StagePlan, ServiceConfinement, Charter) {
    let files = try CharterFolder.read(Self.root, with: ["\(Self.root)/Examples/greeter"])
    let set = try CharterSet.load(
      files.map { file in
        let isExample = file.name.hasSuffix("greeter/charter.yaml") && !change.0.isEmpty
        return CharterFile(
          name: file.name,
          text: isExample ? file.text.replacing(change.0, with: change.1) : file.text)
      })
    let confinement = ServiceConfinement(
      stage: try ExecutableFile("/proc/self/exe"),
      machine: Machine(landlock: 7, hasSeccomp: true, ownUserLack: nil, addressesLack: "off"),
      home: home,
      platform: Platform(portOffset: 100), charters: set, libraries: ["/opt/libraries"])
    let charter = try #require(set["greeter"])
    let python = try ExecutableFile("/usr/bin/python3")
    return (try confinement.programPlan(for: charter, running: python), confinement, charter)
  }

  @Test func `leaves it its folder, the system's libraries, and no network`() throws {
    let (plan, _, _) = try plan()
    let confinement = plan.confinement
    #expect(confinement.bindPorts.isEmpty && confinement.connectPorts.isEmpty)
    #expect(confinement.code == .program && !confinement.resolvesNames)
    let kept = confinement.places.filter { $0.use == .keep || $0.use == .serve }
    #expect(kept == [Confinement.Place("/var/strongroom/program/greeter", .serve)])
    let executed = confinement.places.filter { $0.use == .execute }.map(\.path)
    #expect(executed == [try ExecutableFile("/usr/bin/python3").path])
    let read = Set(confinement.places.filter { $0.use == .read }.map(\.path))
    #expect(read.isSuperset(of: ["\(Self.root)/Examples/greeter", "/usr/lib", "/proc/self"]))
    #expect(read.isDisjoint(with: ["/proc", "/opt/libraries", "/var/strongroom/charters", "/etc"]))
    #expect(plan.folder == "\(Self.root)/Examples/greeter")
    #expect(plan.arguments == ["/usr/bin/python3", "service.py"])
  }

  @Test func `gives it a user that shares a group with its sidecar alone`() throws {
    let (plan, confinement, charter) = try plan()
    let program = try #require(plan.confinement.user)
    let sidecar = try #require(confinement.confinement(of: charter, running: "/x").user)
    #expect(program.user != sidecar.user && sidecar.also.contains(program.group))
    #expect(program.group != sidecar.group && !program.also.contains(sidecar.group))
    let ledger = try #require(try CharterFolder.load(Self.root)["ledger"])
    let others = confinement.confinement(of: ledger, running: "/x").user
    #expect(others?.group == sidecar.group)
    // What all three share lets them pass the home, and nothing else.
    #expect(others?.also == program.also && sidecar.also.contains(program.also[0]))
  }

  @Test(arguments: ["/var/strongroom", "/var", "/var/strongroom/data"])
  func `is refused where it could read the platform's state`(folder: String) throws {
    let change = ("service.py]}", "service.py], read: [\(folder)]}")
    let holds = "/var/strongroom" == folder || "/var/strongroom".hasPrefix(folder + "/")
    if holds {
      #expect { try plan(charter: change) } throws: { "\($0)".contains("holds the platform's") }
    }
    #expect {
      try plan(home: Home("\(Self.root)/Examples/greeter/.strongroom"))
    } throws: {
      "\($0)".contains("holds the platform's state")
    }
  }

  @Test func `is refused where its socket's path is too long`() throws {
    let most = 107 - "/program/greeter/serve.sock".utf8.count
    _ = try plan(home: Home("/" + String(repeating: "x", count: most - 1)))
    #expect { try plan(home: Home("/" + String(repeating: "x", count: most))) } throws: {
      "\($0)".contains("too long")
    }
  }
}

@Suite struct `A new program` {
  @Test(arguments: ["loans", "loan-offers"])
  func `holds together with the others, and may do what it declares and no more`(
    name: String
  ) throws {
    let present = try CharterFolder.read(`A new service`.root)
    let skeleton = try ProgramSkeleton(name, among: CharterSet.load(present))
    let files = skeleton.files.filter { $0.key.hasSuffix(".yaml") }.map {
      CharterFile(name: "\(name)/\($0.key)", text: $0.value)
    }
    let set = try CharterSet.load(present + files)
    let own = try #require(set[skeleton.name])
    #expect(own.program?.command == ["/usr/bin/python3", "service.py"])
    #expect(own.operations.map(\.callers) == [["operator"]])
    for charter in set.charters {
      for operation in charter.operations where operation.id != "appendRecords" {
        #expect(
          !set.mayCall(caller: skeleton.name, service: charter.service, operation: operation.id))
      }
    }
  }

  @Test(arguments: ["", "Loans", "9loans", "ledger", "operator"])
  func `is not begun under a name that is taken or none`(name: String) throws {
    let set = try CharterFolder.load(`A new service`.root)
    #expect(throws: ServiceSkeleton.Refusal.self) { try ProgramSkeleton(name, among: set) }
  }

  @Test func `is missed in a folder without a charter`() throws {
    let scratch = try Scratch()
    #expect {
      try CharterFolder.read(`A new service`.root, with: [scratch.path])
    } throws: {
      "\($0)".contains("there is no charter.yaml in \(scratch.path)")
    }
  }

  @Test func `has its charter and grants copied to the home under its name`() throws {
    let scratch = try Scratch()
    let files = try CharterFolder.read(
      `A new service`.root, with: ["\(`A new service`.root)/Examples/greeter"])
    try HomeSetup.prepare(
      scratch.home, platform: Platform(), charters: files, randomness: .system)
    let names = WholeFile.names(in: scratch.home.chartersFolder)
    #expect(names.contains("greeter.yaml") && names.contains("greeter.grants.yaml"))
    #expect(try CharterFolder.load(scratch.home.chartersFolder)["greeter"] != nil)
  }
}
