import ArgumentParser
import IdentityAPI
import OperatorCommands
import Vocabulary

struct ClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "Applications: look, change, cut off, and let in again.",
    discussion: "'register client' registers one.",
    subcommands: [
      ClientListCommand.self, ClientShowCommand.self, ClientChangeCommand.self,
      ClientSuspendCommand.self, ClientResumeCommand.self,
    ])
}

/// Whom a command is about.
struct SubjectOptions: ParsableArguments {
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The id under which it was registered.")
  var id: String

  func send(_ operation: Vocabulary.Operation<Nothing, SubjectStanding>) async throws {
    try await reporting(json: place.json) {
      // People's and clients' ids have one form.
      guard let known = PersonID(id) else {
        throw ValidationError("'\(id)' is not an id (a lower-case UUID)")
      }
      try await place.send(Nothing(), to: operation, path: ["id": "\(known)"])
    }
  }
}

struct ClientSuspendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suspend", abstract: "Nothing goes through this client any more.",
    discussion: """
      Within a second: sign-ins, codes, refreshes and tokens through it are refused, and what it was \
      given is dead at the gateway. Safe to repeat.
      """, aliases: ["disable"])
  @OptionGroup var subject: SubjectOptions

  func run() async throws { try await subject.send(IdentityOperations.suspendClient) }
}

struct ClientResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets a client in again.",
    discussion: "What it was given before stays dead: people sign in anew.", aliases: ["enable"])
  @OptionGroup var subject: SubjectOptions

  func run() async throws { try await subject.send(IdentityOperations.resumeClient) }
}

struct PersonSuspendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suspend", abstract: "Ends a person's sessions, grants and tokens.",
    discussion:
      "Within a second, and nobody signs in as that person until resumed. Safe to repeat.",
    aliases: ["disable"])
  @OptionGroup var subject: SubjectOptions

  func run() async throws { try await subject.send(IdentityOperations.suspendPerson) }
}

struct PersonResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets a person sign in again.",
    discussion: "What was given before stays dead.", aliases: ["enable"])
  @OptionGroup var subject: SubjectOptions

  func run() async throws { try await subject.send(IdentityOperations.resumePerson) }
}
