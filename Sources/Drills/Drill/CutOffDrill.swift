import Chassis
import Demo
import Foundation
import Launcher
import StrictJSON
import Transport
import Vocabulary

/// P3: whoever is cut off is out within a second, whatever restarts and whatever an attacker put into the feed.
package enum CutOffDrill {
  package static let drill = Drill(
    name: "cut-off",
    promise:
      "P3: what was revoked moves no money, not for a moment after a restart; a client or person is cut off whole.",
    attacks: [suspendedClient, suspendedPerson, restarted])

  // MARK: suspended

  private static let suspendedClient = Attack(
    "suspended-client",
    steps:
      "sign in through a client, have it suspended, and go on with its tokens and new sign-ins",
    expectation:
      "its token is dead within a second, no refresh, no sign-in; resumed, only new tokens"
  ) { range in
    let client = try await register(range)
    let tokens = try await range.signIn(1, more: " offline_access", client: client)
    return try await cutOff(
      Suspect(path: "clients/\(client)", tokens: tokens, resident: 1, client: client), range)
  }

  private static let suspendedPerson = Attack(
    "suspended-person",
    steps: "sign in, be suspended, and go on with the tokens and the right password",
    expectation:
      "the token is dead within a second, no refresh, no sign-in; resumed, only new tokens"
  ) { range in
    let tokens = try await range.signIn(2, more: " offline_access")
    let person = range.bank.residents[2].id
    return try await cutOff(
      Suspect(
        path: "people/\(person)", tokens: tokens, resident: 2, client: range.bank.clientID), range)
  }

  /// Who is to be cut off, and what it was given before.
  private struct Suspect: Sendable {
    let path: String
    let tokens: BrowserLogin.Tokens
    let resident: Int
    let client: ClientID
  }

  private static func cutOff(_ suspect: Suspect, _ range: DrillRange) async throws -> Sighting {
    let token = suspect.tokens.accessToken
    guard let refresh = suspect.tokens.refreshToken else {
      return .notTried("no refresh token was given")
    }
    let control = try await range.ask("GET", "/v1/accounts", token: token)
    guard control.status == 200 else { return .notTried("before it: \(control.text)") }
    guard try await stand(suspect.path, "suspensions", range) == 200 else {
      return .notTried("it could not be suspended")
    }
    let inside = try await whileSuspended(suspect, refresh, range)
    // Tokens name their time in seconds: one of the second of its suspension counts as from before.
    try await Task.sleep(for: .milliseconds(1_100))
    guard try await stand(suspect.path, "resumptions", range) == 200 else {
      return .breach("it could not be resumed")
    }
    guard inside.verdict == .held else { return inside }
    let fresh = try await range.signIn(suspect.resident, client: suspect.client)
    let again = try await eventually(200, fresh.accessToken, range)
    guard again.status == 200 else { return .breach("resumed, a new token: \(again.text)") }
    let old = try await range.ask("GET", "/v1/accounts", token: token)
    let late = try await TokenDrill.spend(refresh, suspect.client, range)
    return .when(
      old.status == 401 && late.status == 400,
      "\(inside.seen); resumed, a new token 200, the old one \(old.text), its refresh \(late.text)",
      recordedAs: old.correlation)
  }

  private static func whileSuspended(
    _ suspect: Suspect, _ refresh: String, _ range: DrillRange
  ) async throws -> Sighting {
    let died = try await TokenDrill.dies(suspect.tokens.accessToken, "suspended", range)
    guard died.verdict == .held else { return died }
    let refreshed = try await TokenDrill.spend(refresh, suspect.client, range)
    guard refreshed.status != 200 else { return .breach("suspended, its refresh token: 200") }
    do {
      _ = try await range.signIn(suspect.resident, client: suspect.client)
      return .breach("suspended, a new sign-in gave a token")
    } catch is DemoFailure {
      return .held("\(died.seen); refresh \(refreshed.text), no sign-in")
    }
  }

  private static func eventually(
    _ status: Int, _ token: String, _ range: DrillRange
  ) async throws -> DrillRange.Answer {
    var answer = try await range.ask("GET", "/v1/accounts", token: token)
    let end = range.clock.now() + .seconds(3)
    while answer.status != status, range.clock.now() < end {
      try await Task.sleep(for: .milliseconds(50))
      answer = try await range.ask("GET", "/v1/accounts", token: token)
    }
    return answer
  }

  private static func register(_ range: DrillRange) async throws -> ClientID {
    let id = ClientID(at: range.clock.now(), random: range.randomness.bits128())
    let scopes = (DemoSeeding.scopes + " offline_access").split(separator: " ").map { "\"\($0)\"" }
    let body =
      #"{"id":"\#(id)","name":"Drill","kind":"public","grants":["authorization_code","refresh_token"],"#
      + #""redirect_uris":["\#(DemoSeeding.redirectURI)"],"scopes":[\#(scopes.joined(separator: ","))]}"#
    let answer = try await range.line.send(
      .post, "/v1/clients", to: "identity",
      headers: ["correlation-id": "\(range.newCorrelation())", "content-type": "application/json"],
      body: Array(body.utf8))
    guard answer.status == 201 else { throw DemoFailure("no client: \(answer.status)") }
    return id
  }

  private static func stand(
    _ subject: String, _ word: String, _ range: DrillRange
  ) async throws -> Int {
    try await range.line.send(
      .post, "/v1/\(subject)/\(word)", to: "identity",
      headers: ["correlation-id": "\(range.newCorrelation())"]
    ).status
  }

  // MARK: a restart

  /// More than a page of the feed.
  private static let fillings = 1_200
  /// Addresses that they come from, so that the door's limits for one do not slow them down.
  private static let fillers = 8
  /// How long the gateway may take to come back.
  private static let restartMax: Duration = .seconds(20)

  private static let restarted = Attack(
    "restarted-gateway",
    steps:
      "revoke a token of ours \(fillings) times, let the victim revoke another, kill the gateway, use that one from the first moment",
    expectation: "never let in: the door opens after the whole feed"
  ) { range in
    let victim = try await range.signIn(2)
    let own = try await range.signIn(3)
    try await fill(own.accessToken, range)
    let revoked = try await TokenDrill.revoke(victim.accessToken, range.bank.clientID, range)
    guard revoked.status == 200 else { return .notTried("revocation answered \(revoked.text)") }
    let died = try await TokenDrill.dies(victim.accessToken, "revoked", range)
    guard died.verdict == .held else { return died }
    guard let gateway = range.processes.first(where: { $0.service == "gateway" }),
      kill(gateway.pid, SIGKILL) == 0
    else { return .notTried("the gateway cannot be killed from here") }
    return try await hammer(victim.accessToken, range)
  }

  private static func fill(_ token: String, _ range: DrillRange) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lane in 0..<fillers {
        group.addTask {
          let client = try range.outside(from: "127.0.0.\(50 + lane)")
          for _ in 0..<fillings / fillers {
            _ = try await TokenDrill.revoke(token, range.bank.clientID, range, through: client)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// The revoked token, without a pause, until the door has been open for two seconds.
  private static func hammer(_ token: String, _ range: DrillRange) async throws -> Sighting {
    let end = range.clock.now() + restartMax
    var openSince: Instant?
    var refused = 0
    var unknown = 0
    // Of so many refusals only the first ones are recorded one by one.
    var first: DrillRange.Answer?
    while range.clock.now() < end {
      if let openSince, range.clock.now() > openSince + .seconds(2) { break }
      guard let answer = try? await range.ask("GET", "/v1/accounts", token: token) else {
        try await Task.sleep(for: .milliseconds(5))
        continue
      }
      switch answer.status {
      case 200: return .breach("let in after the restart, when \(refused) times refused")
      case 401:
        refused += 1
        first = first ?? answer
        openSince = openSince ?? range.clock.now()
      default: unknown += 1
      }
    }
    guard let first else { return .notTried("the gateway did not come back: \(unknown) × 503") }
    return .held(
      "after the restart \(refused) × 401, before \(unknown) × 503", recordedAs: first.correlation)
  }
}
