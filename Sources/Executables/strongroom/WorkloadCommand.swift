import ArgumentParser
import Chassis
import Charters
import Foundation
import Launcher
import StrictJSON
import Vocabulary

struct WorkloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workload",
    abstract: "Programs of others that get an identity from our authority.",
    subcommands: [WorkloadRegisterCommand.self])
}

struct WorkloadRegisterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "register", abstract: "Let a program fetch certificates as NAME.",
    discussion: """
      Any process of this executable (by digest) and our user then gets spiffe://strongroom.local/NAME
      from the SPIFFE Workload API at HOME/run/authority.sock; set
      SPIFFE_ENDPOINT_SOCKET=unix://HOME/run/authority.sock for standard clients. What it may call is
      still decided by charters: by itself, nothing.
      """)

  @OptionGroup var place: PlaceOptions

  @Argument(help: "Name of the workload ([a-z][a-z0-9-]*), also its SPIFFE path.")
  var name: String

  @Option(help: ArgumentHelp("The program that is to have the name.", valueName: "file"))
  var executable: String

  func run() async throws {
    try await reporting(json: place.json) {
      guard let service = ServiceName(name) else {
        throw ValidationError("'\(name)' is not a workload's name")
      }
      let home = try place.place()
      guard let platform = PlatformSettings.read(home) else { throw LaunchFailure.notRunning }
      let taken = try CharterFolder.load(home.chartersFolder)[service]
      guard taken == nil else {
        throw OperatorFailure(
          "'\(name)' has a charter: only the launcher gives that name", .refused)
      }
      let record = LaunchRecord(
        service: service, pid: nil, executable: try ExecutableFile(executable),
        startedAt: Clock.system.now())
      try record.write(to: home)
      let id = "spiffe://\(platform.trustDomain)/\(service)"
      if place.json {
        printLine(
          .object([
            "spiffe_id": .string(id), "executable": .string(record.executable),
            "sha256": .string(record.sha256), "socket": .string(home.workloadSocket),
          ]))
      } else {
        print("\(id) is \(record.executable) (sha256 \(record.sha256.prefix(16))…)")
        print("SPIFFE_ENDPOINT_SOCKET=unix://\(home.workloadSocket)")
      }
    }
  }
}
