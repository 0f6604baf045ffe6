import ArgumentParser
import Charters
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import StrictJSON
import Vocabulary

struct WorkloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workload",
    abstract: "Programs of others that get an identity from our authority.",
    subcommands: [
      WorkloadRegisterCommand.self, WorkloadListCommand.self, WorkloadRemoveCommand.self,
    ])
}

struct WorkloadRegisterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "register", abstract: "Let a program fetch certificates as NAME.",
    discussion: """
      Any process of this executable (by digest) and our user then gets spiffe://strongroom.local/NAME \
      from the SPIFFE Workload API at HOME/run/authority.sock; set \
      SPIFFE_ENDPOINT_SOCKET=unix://HOME/run/authority.sock for standard clients. What it may call is \
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
      let charters = try CharterFolder.load(home.chartersFolder)
      guard charters[service] == nil else {
        throw OperatorFailure(
          "'\(name)' has a charter: only the launcher gives that name", .refused)
      }
      let record = LaunchRecord(
        service: service, pid: nil, executable: try ExecutableFile(executable),
        startedAt: Clock.system.now())
      do {
        try record.register(in: home, besides: Set(charters.charters.map(\.service)))
      } catch let refusal as RegistrationRefusal {
        throw OperatorFailure(refusal.text, .refused)
      }
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

struct WorkloadListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The programs that are registered.")

  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters) = try place.made()
      let registered = LaunchRecord.all(home)
        .filter { $0.pid == nil && charters[$0.service] == nil }
        .sorted { $0.service < $1.service }
      if place.json {
        printLine(
          .array(
            registered.map {
              .object([
                "name": .string("\($0.service)"), "executable": .string($0.executable),
                "sha256": .string($0.sha256),
              ])
            }))
      } else {
        for record in registered { print("\(record.service)  \(record.executable)") }
      }
    }
  }
}

struct WorkloadRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take a registration back.",
    discussion: "The program gets no new certificate; the one it has ends within the hour.")

  @OptionGroup var place: PlaceOptions

  @Argument(help: "Name of the workload.")
  var name: String

  func run() async throws {
    try await reporting(json: place.json) {
      guard let service = ServiceName(name) else {
        throw ValidationError("'\(name)' is not a workload's name")
      }
      do {
        let (home, charters) = try place.made()
        // The operator's own is the launcher's to lay down.
        guard charters[service] == nil else {
          throw RegistrationRefusal.none
        }
        try LaunchRecord.withdraw(service, from: home)
      } catch let refusal as RegistrationRefusal {
        throw OperatorFailure(refusal.text, .refused)
      }
      if !place.json { print("\(service) is not registered any more") }
    }
  }
}
