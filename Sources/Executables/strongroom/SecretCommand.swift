import ArgumentParser
import AuthorityAPI
import Commands
import Launcher
import OperatorCommands
import StrictJSON
import Tokens
import Vocabulary

struct SecretCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Passwords and keys for systems of others.",
    discussion: """
      The authority keeps them sealed, and gives each to the one service whose charter names it under \
      'secrets', over mutual TLS. Nobody is ever shown a value again. Each set, remove and hand-over is in \
      the audit log.
      """,
    subcommands: [SecretSetCommand.self, SecretListCommand.self, SecretRemoveCommand.self])
}

/// Whose secret, and which.
struct SecretOptions: ParsableArguments {
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The service whose charter names it.", transform: serviceNamed(_:))
  var service: ServiceName

  @Argument(help: "The secret's name, as in the charter.", transform: secretNamed(_:))
  var name: SecretName
}

/// - Throws: `ValidationError`.
private func serviceNamed(_ text: String) throws -> ServiceName {
  guard let name = ServiceName(text) else {
    throw ValidationError("'\(text)' is not a service's name")
  }
  return name
}

/// - Throws: `ValidationError`, which does not repeat the word: it may be the value, mistyped.
private func secretNamed(_ text: String) throws -> SecretName {
  guard let name = SecretName(text) else {
    throw ValidationError(
      "a secret's name is [a-z][a-z0-9-]*, 31 characters at most; the value comes on standard input"
    )
  }
  return name
}

struct SecretSetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set a secret, or replace it.",
    discussion: """
      The value comes on standard input, 1 to 16384 bytes, and is not shown where it is typed; one line end \
      after it does not belong to it. A running service has it within seconds.
      """)
  @OptionGroup var secret: SecretOptions

  func run() async throws {
    try await reporting(json: secret.place.json) {
      let value = try SecretInput.read()
      try await secret.place.send(
        NewSecret(
          service: secret.service, name: secret.name,
          value: value.withBytes { Base64URL.encode($0) }),
        to: AuthorityOperations.setSecret)
    }
  }
}

struct SecretListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Which secrets a service has, without their values.")
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The service, for example customers.", transform: serviceNamed(_:))
  var service: ServiceName

  func run() async throws {
    try await reporting(json: place.json) {
      let list = try await place.ask(
        AuthorityOperations.listSecrets, Nothing(), query: ["service": "\(service)"])
      guard !place.json else { return printLine(try JSON.parse(StrictJSON.encode(list))) }
      let rows = list.secrets.map { entry in
        [
          "\(entry.name)", entry.version.map { "\($0)" } ?? "-",
          entry.setAt.map { "\($0.description.prefix(10))" } ?? "-",
          entry.isNamed
            ? entry.version == nil ? "not set" : "in force" : "no charter names it any more",
        ]
      }
      print(Terminal.output.table([["secret", "version", "day", "state"]] + rows))
    }
  }
}

struct SecretRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Take a secret away from its service.",
    discussion: "A running service forgets it within seconds.")
  @OptionGroup var secret: SecretOptions

  func run() async throws {
    try await reporting(json: secret.place.json) {
      try await secret.place.send(
        SecretPlace(service: secret.service, name: secret.name),
        to: AuthorityOperations.removeSecret)
    }
  }
}
