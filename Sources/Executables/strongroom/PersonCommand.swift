import ArgumentParser
import Commands
import Foundation
import IdentityAPI
import Launcher
import OperatorCommands
import Vocabulary

struct PersonCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "person", abstract: "What the operator does for somebody who signs in.",
    discussion: "'register person' registers somebody.",
    subcommands: [
      PersonListCommand.self, PersonResetPasswordCommand.self, PersonSuspendCommand.self,
      PersonResumeCommand.self, UnlockPersonCommand.self,
    ])
}

struct UnlockPersonCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlock",
    abstract: "Forget every attempt at a login, so that its owner can sign in.",
    discussion: """
      For somebody who is kept waiting by others' guesses in a browser that is not known yet. It changes \
      no password and ends no session. The audit log holds who did it; the login is in no log.
      """)
  @OptionGroup var place: PlaceOptions

  @Argument(
    help: """
      What the person types to sign in; '-' reads a line of standard input, which other users
      cannot see.
      """)
  var login: String

  func run() async throws {
    try await reporting(json: place.json) {
      let login = login == "-" ? readLine(strippingNewline: true) ?? "" : login
      guard !login.isEmpty else { throw OperatorFailure("no login was given", .badInput) }
      try await place.send(SignInUnlock(login: login), to: IdentityOperations.unlockSignIn)
    }
  }
}
