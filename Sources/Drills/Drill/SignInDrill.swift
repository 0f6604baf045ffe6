import Chassis
import Demo
import IdentityAPI
import Launcher
import Vocabulary

/// Knowing a login must be worth nothing: neither a way in, nor a way to keep its owner out.
package enum SignInDrill {
  package static let drill = Drill(
    name: "sign-in",
    promise:
      "Whoever knows a login cannot lock its owner out: guesses count for the address they come from.",
    attacks: [lockout])

  private static let guesses = 200
  private static let lanes = 4
  private static let guesser = "127.0.0.5"
  private static let owner = "127.0.0.6"

  private static let lockout = Attack(
    "lockout",
    steps:
      "two hundred guesses at one login from one address, then the owner signs in from another",
    expectation: "no guess gets in, and the owner does at once"
  ) { range in
    // Nobody else in the drills signs in as this resident.
    let resident = DrillRange.residents - 1
    let login = range.bank.residents[resident].login
    let refused = try await guess(at: login, in: range)
    let began = range.clock.now()
    let outcome: String?
    do {
      _ = try await range.signIn(resident, from: owner)
      outcome = nil
    } catch let failure as DemoFailure {
      outcome = failure.description
    }
    let took = (range.clock.now() - began).milliseconds
    _ = try await range.desk.call(IdentityOperations.unlockSignIn, SignInUnlock(login: login))
    let before = "\(refused) of \(guesses) guesses refused"
    guard refused == guesses else { return .breach(before) }
    if let outcome { return .breach("\(before); the owner: \(outcome)") }
    return .held("\(before); the owner was in after \(took) ms")
  }

  private static func guess(
    at login: String, in range: DrillRange
  ) async throws -> Int {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<lanes {
        group.addTask {
          let browser = BrowserLogin(
            browser: try range.outside(from: guesser), clientID: range.bank.clientID,
            redirectURI: DemoSeeding.redirectURI, randomness: range.randomness)
          var refused = 0
          for _ in 0..<guesses / lanes {
            do {
              _ = try await browser.signIn(
                login: login, password: "not this one, nor that", scopes: DemoSeeding.scopes)
            } catch is DemoFailure {
              refused += 1
            }
          }
          return refused
        }
      }
      return try await group.reduce(0, +)
    }
  }
}
