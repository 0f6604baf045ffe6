import ArgumentParser
import Commands
import Foundation
import IdentityAPI
import Launcher
import OperatorCommands
import StrictJSON
import Vocabulary

// What is registered at the identity service: lists, and changes.

struct ClientListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All clients that are registered.")
  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      var after: String?
      var rows = [["client", "kind", "state", "registered", "name"]]
      repeat {
        let page = try await place.ask(
          IdentityOperations.listClients, Nothing(), query: after.map { ["after": $0] } ?? [:])
        for client in page.clients {
          guard !place.json else {
            printLine(try JSON.parse(StrictJSON.encode(client)))
            continue
          }
          rows.append([
            "\(client.id)", client.kind.rawValue, client.state.rawValue, "\(client.createdAt)",
            client.name,
          ])
        }
        after = page.next
      } while after != nil
      if !place.json { print(Terminal.output.table(rows)) }
    }
  }
}

/// Which client a command is about.
struct ClientOptions: ParsableArguments {
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The id under which it was registered.", transform: identifier(_:))
  var id: ClientID
}

struct ClientShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "All that is registered of a client, as JSON.")
  @OptionGroup var client: ClientOptions

  func run() async throws {
    try await reporting(json: client.place.json) {
      let record = try await client.place.ask(
        IdentityOperations.getClient, Nothing(), path: ["id": "\(client.id)"])
      printLine(try JSON.parse(StrictJSON.encode(record)))
    }
  }
}

struct ClientChangeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "change", abstract: "Other redirects, scopes, keys or another name.",
    discussion: """
      An option that may be repeated names the whole new list; what is not named stays. Where scopes or keys \
      go, what the client was given before is dead. Kind and grants are what a client is: register another \
      one for others. Safe to repeat.
      """)
  @OptionGroup var client: ClientOptions

  @Option(help: "What the login page calls it.")
  var name: String?

  @Option(help: ArgumentHelp("Where people are sent back to. May be repeated.", valueName: "uri"))
  var redirect: [String] = []

  @Option(
    help: ArgumentHelp("Where people may go after signing out. May be repeated.", valueName: "uri"))
  var postLogoutRedirect: [String] = []

  @Option(help: "What it may ask for at most. May be repeated.")
  var scope: [String] = []

  @Option(
    help: ArgumentHelp(
      "JSON file with its public keys, {\"keys\": […]} (RFC 7517); '-' reads standard input.",
      valueName: "file"))
  var keys: String?

  func validate() throws {
    guard name != nil || keys != nil || !(redirect + postLogoutRedirect + scope).isEmpty else {
      throw ValidationError("name what is to change: --name, --redirect, --scope, --keys …")
    }
  }

  func run() async throws {
    try await reporting(json: client.place.json) {
      func list(_ values: [String]) -> [String]? { values.isEmpty ? nil : values }
      let keys = try self.keys.map { try DocumentOptions.read(PublishedKeys.self, from: $0).keys }
      let change = ClientChange(
        name: name, redirectURIs: list(redirect), postLogoutRedirectURIs: list(postLogoutRedirect),
        scopes: list(scope), keys: keys)
      try await client.place.send(
        change, to: IdentityOperations.changeClient, path: ["id": "\(client.id)"])
    }
  }
}

struct PersonListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All who can sign in, by id.",
    discussion: "Logins and names are not kept in clear, so none are shown.")
  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      var after: String?
      var rows = [["person", "state", "registered", "password"]]
      repeat {
        let page = try await place.ask(
          IdentityOperations.listPeople, Nothing(), query: after.map { ["after": $0] } ?? [:])
        for person in page.people {
          guard !place.json else {
            printLine(try JSON.parse(StrictJSON.encode(person)))
            continue
          }
          rows.append([
            "\(person.id)", person.state.rawValue, "\(person.createdAt)",
            person.oneTimeUntil.map { "one-time, until \($0)" } ?? "own",
          ])
        }
        after = page.next
      } while after != nil
      if !place.json { print(Terminal.output.table(rows)) }
    }
  }
}

struct PersonResetPasswordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset-password",
    abstract: "Give a one-time password in the place of a lost one.",
    discussion: """
      It is printed once, and opens nothing but the choice of a new password, within a day. The old password, \
      sessions, grants and tokens end at once. Be sure whom you give it to: it is all that is needed.
      """)
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The person's id.", transform: identifier(_:))
  var id: PersonID

  func run() async throws {
    try await reporting(json: place.json) {
      let reset = try await place.ask(
        IdentityOperations.resetPassword, Nothing(), path: ["id": "\(id)"])
      guard !place.json else { return printLine(try JSON.parse(StrictJSON.encode(reset))) }
      print("one-time password  \(reset.password)  until \(reset.expiresAt)")
    }
  }
}
