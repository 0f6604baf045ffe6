import AuthorityAPI
import Charters
import Demo
import Foundation
import Launcher
import StrictJSON
import Tokens
import Transport
import Vocabulary

/// Z6: a secret of the outside reaches the one service whose charter names it, and lies nowhere in clear.
package enum SecretDrill {
  package static let drill = Drill(
    name: "secrets",
    promise:
      "Z6: a secret that an operator sets is handed to the service whose charter names it and to nobody else, and lies nowhere in clear.",
    attacks: [foreign, unnamed, leak])

  /// After this long every running service has what was set.
  private static let takenOverWithin: Duration = .seconds(8)

  /// A secret of one service, with a value that nobody has used.
  private struct Prize {
    let place: SecretPlace
    let value: String

    /// Sets it as the operator does. Nil where no charter names any.
    static func laidOut(in range: DrillRange) async throws -> Prize? {
      let holders = range.charters.charters.compactMap { charter -> SecretPlace? in
        charter.outsideSecrets.first { $0 == "drill-canary" }.flatMap { SecretName($0) }.map {
          SecretPlace(service: charter.service, name: $0)
        }
      }
      guard let place = holders.first else { return nil }
      let value = "drill-\(hexText(range.randomness.bytes(16)))"
      _ = try await range.desk.call(
        AuthorityOperations.setSecret,
        NewSecret(
          service: place.service, name: place.name, value: Base64URL.encode(Array(value.utf8))))
      return Prize(place: place, value: value)
    }

    func takenAway(from range: DrillRange) async throws {
      _ = try await range.desk.call(AuthorityOperations.removeSecret, place)
    }
  }

  /// What the authority says to a service that asks for secrets.
  private static func ask(
    _ names: [String], as service: ServiceName, in range: DrillRange, _ correlation: CorrelationID
  ) async throws -> DrillRange.Answer {
    let insider = try await range.insider()
    let operation = AuthorityOperations.handOverSecrets
    let wanted = SecretsWanted(known: Dictionary(uniqueKeysWithValues: names.map { ($0, 0) }))
    return try await insider.ask(
      operation.service, as: try insider.client(as: service), operation.method.rawValue,
      operation.path,
      headers: ["correlation-id": "\(correlation)", "content-type": "application/json"],
      body: try StrictJSON.encode(wanted))
  }

  private static let foreign = Attack(
    "another-service",
    steps: "set a secret for one service, and ask for it with the real certificate of every other",
    expectation: "each is refused with 403, and recorded; its own service is given it"
  ) { range in
    guard let prize = try await Prize.laidOut(in: range) else {
      return .notTried("no charter names drill-canary")
    }
    let name = prize.place.name.description
    var (tried, wrong) = (0, [String]())
    var last: CorrelationID?
    for (service, _) in range.ports where service != prize.place.service {
      let correlation = range.newCorrelation()
      let answer = try await ask([name], as: service, in: range, correlation)
      tried += 1
      last = correlation
      if answer.status != 403 { wrong.append("\(service): \(answer.text)") }
    }
    let own = try await ask([name], as: prize.place.service, in: range, range.newCorrelation())
    try await prize.takenAway(from: range)
    let value = Base64URL.encode(Array(prize.value.utf8))
    guard String(decoding: own.body, as: UTF8.self).contains(value) else {
      return .notTried("its own service is not given it: \(own.text)")
    }
    return .when(
      wrong.isEmpty && tried > 0,
      wrong.isEmpty ? "\(tried) of \(tried) refused with 403" : wrong.joined(separator: ", "),
      recordedAs: last)
  }

  private static let unnamed = Attack(
    "unnamed",
    steps:
      "as a service that has secrets, ask for the platform's own keys and for a name that its charter does not have",
    expectation: "each is refused with 403 secret-not-named, and recorded"
  ) { range in
    guard let holder = range.charters.charters.first(where: { !$0.outsideSecrets.isEmpty }) else {
      return .notTried("no charter names a secret of the outside")
    }
    var wrong: [String] = []
    var last: CorrelationID?
    let names = PlatformSecret.allCases.map(\.rawValue) + ["no-such-name", "../\(holder.service)"]
    for name in names {
      let correlation = range.newCorrelation()
      let answer = try await ask([name], as: holder.service, in: range, correlation)
      last = correlation
      if answer.status != 403 || answer.slug != "secret-not-named" {
        wrong.append("\(name): \(answer.text)")
      }
    }
    return .when(
      wrong.isEmpty,
      wrong.isEmpty
        ? "\(names.count) of \(names.count) refused with 403" : wrong.joined(separator: ", "),
      recordedAs: last)
  }

  private static let leak = Attack(
    "lies-about",
    steps:
      "set a secret, let its service take it over, and search every file of the home for it: clear, base64, hex, UTF-16",
    expectation: "nothing is found"
  ) { range in
    let since = range.clock.now() - .seconds(60)
    guard let prize = try await Prize.laidOut(in: range) else {
      return .notTried("no charter names drill-canary")
    }
    try await Task.sleep(for: takenOverWithin)
    let search = NeedleSearch(NeedleSearch.spellings(of: prize.value))
    guard search.finds(in: Data("a \(prize.value) b".utf8)) else {
      return .notTried("the search finds nothing at all")
    }
    let result = range.files.search(search, since: since)
    var answers: [String] = []
    for (service, _) in range.ports {
      let metrics = try await range.line.send(.get, "/metrics", to: service)
      if search.finds(in: Data(metrics.body)) { answers.append("\(service)'s metrics") }
    }
    try await prize.takenAway(from: range)
    return .when(
      result.found.isEmpty && answers.isEmpty && result.files > 10,
      ([result.seen] + answers).joined(separator: ", "))
  }
}
