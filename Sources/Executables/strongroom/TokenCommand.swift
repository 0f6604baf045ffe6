import ArgumentParser
import Chassis
import Commands
import Demo
import Foundation
import Launcher
import OperatorCommands
import StrictJSON
import Transport
import Vocabulary

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Sign in as a browser would, and print an access token: for curl while developing.",
    discussion: """
      Without options it signs the demo login in. The password of another login is asked for, or read \
      from standard input. Only the token goes to standard output:

        token=$(./strongroom token)
        curl --cacert .strongroom/edge-ca.pem -H "authorization: Bearer $token" \\
          https://localhost:8443/v1/accounts
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: "What the person types to sign in; the demo login unless told.")
  var login: String?

  @Option(help: "A public client's id, with the redirect below; the demo's unless told.")
  var client: String?

  @Option(help: "A redirect that the client has registered. Nothing needs to listen there.")
  var redirect = DemoSeeding.redirectURI

  @Option(help: "Scopes, separated by blanks.")
  var scope = DemoSeeding.scopes

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, _, _) = try place.running()
      guard let platform = PlatformSettings.read(home) else { throw place.notRunning }
      let demo = DemoLogin.read(home)
      guard let clientID = try clientID(demo), let login = login ?? demo?.login else {
        throw OperatorFailure(
          "this home has no demo login. Name one with --login and --client, or run: \(place.printed.text("demo"))",
          .noInput)
      }
      let browser = try OutsideClient(to: platform, in: home)
      let tokens: BrowserLogin.Tokens
      do {
        tokens = try await BrowserLogin(
          browser: browser, clientID: clientID, redirectURI: redirect, randomness: .system
        ).signIn(login: login, password: try password(of: login, demo), scopes: scope)
      } catch let failure as DemoFailure {
        throw OperatorFailure(
          "no token was given: \(failure). Login, password, client, redirect or scope is another than was registered",
          .refused)
      } catch let failure as OperatorFailure {
        throw failure
      } catch {
        throw OperatorFailure(
          "the door does not answer (\(error)); see 'strongroom status'", .unavailable)
      }
      if place.json {
        printLine(
          .object([
            "access_token": .string(tokens.accessToken), "token_type": .string("Bearer"),
            "scope": .string(scope),
          ]))
      } else {
        print(tokens.accessToken)
      }
    }
  }

  private func clientID(_ demo: DemoLogin?) throws -> ClientID? {
    guard let client else { return demo?.clientID }
    guard let id = ClientID(client) else {
      throw OperatorFailure("'\(client)' is not a client's id (a lower-case UUID)", .usage)
    }
    return id
  }

  /// Never an argument: others could read it in the list of processes.
  private func password(of login: String, _ demo: DemoLogin?) throws -> String {
    if let demo, demo.login == login, self.login == nil || isatty(STDIN_FILENO) == 1 {
      return demo.password
    }
    if isatty(STDIN_FILENO) == 1 {
      guard let typed = getpass("Password of \(login): ") else {
        throw OperatorFailure("no password was typed", .noInput)
      }
      return String(cString: typed)
    }
    guard let line = readLine(strippingNewline: true), !line.isEmpty else {
      throw OperatorFailure("no password came on standard input", .noInput)
    }
    return line
  }
}
