import AuthorityAPI
import Charters
import Synchronization
import Telemetry
import Tokens
package import Vocabulary

/// A service's secrets of the outside as they are now: an operator sets and removes them while the service runs. A class:
/// all who need one must see a new value at once.
package final class OutsideSecrets: Sendable {
  /// One value. A class: whoever is reading it keeps it alive, and it is zeroed when the last has gone.
  private final class Held: Sendable {
    let value: Secret
    let version: Int
    init(_ value: consuming Secret, version: Int) {
      self.value = value
      self.version = version
    }
  }
  private let held = Mutex<[SecretName: Held]>([:])

  package init() {}

  /// - Returns: what `body` makes of the value's bytes, which live no longer than the call; nil where it is not set.
  package func with<Result>(
    _ name: SecretName, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result? {
    guard let held = held.withLock({ $0[name] }) else { return nil }
    return try held.value.withBytes(body)
  }

  /// The version in hand; nil where it is not set.
  package func version(of name: SecretName) -> Int? { held.withLock { $0[name]?.version } }

  /// Takes an answer of the authority over: new values come, those that it leaves out go.
  /// - Returns: whether anything is another than before.
  func take(_ given: SecretsGiven) -> Bool {
    held.withLock { held in
      var next: [SecretName: Held] = [:]
      for entry in given.secrets {
        if var bytes = entry.value.flatMap({ Base64URL.decode($0) }) {
          next[entry.name] = Held(Secret(bytes), version: entry.version)
          bytes.wipe()
        } else {
          next[entry.name] = held[entry.name]
        }
      }
      let isChanged = next.mapValues(\.version) != held.mapValues(\.version)
      held = next
      return isChanged
    }
  }
}

/// Gets what the charter names from the authority: at the start, and again when it was changed.
struct SecretsFollower: Sendable {
  /// How long a service waits for the authority at its start.
  static let waitMax: Duration = .seconds(15)
  /// How often it is asked for changes; a value that is known is not sent again.
  static let every: Duration = .seconds(5)

  private let context: ServiceContext
  private let names: [SecretName]

  init(_ context: ServiceContext) {
    self.context = context
    names = context.charter.outsideSecrets.compactMap { SecretName($0) }
  }

  /// Before the service is made. What is not set yet does not keep it from its start: its code must do without.
  /// - Throws: `StartFailure` where the authority says nothing in time, or says no.
  func begin() async throws {
    let end = ContinuousClock.now + Self.waitMax
    while true {
      do throws(Problem) {
        try await look()
        break
      } catch {
        switch error.kind {
        case .busy, .unavailable, .unknown, .defect:
          guard ContinuousClock.now < end else {
            throw StartFailure(
              "the authority gives no secrets: \(error.title)",
              hint: "it is busy or starting; this service is started again by itself",
              isPassing: true)
          }
        case .malformed, .permission, .policy, .absent, .refused, .barred, .over, .differs:
          throw StartFailure(
            "the authority gives no secrets: \(error.title)",
            hint:
              "the charters in force must name the secrets and the call; run `strongroom charter check`"
          )
        }
      }
      try await Task.sleep(for: .milliseconds(200))
    }
    for name in names where context.secrets.version(of: name) == nil {
      context.log.warning("a secret that the charter names is not set", ["secret": .id(name)])
    }
  }

  func run() async throws {
    try await context.rounds(of: "secrets cannot be followed", every: Self.every) {
      try await look()
    }
  }

  private func look() async throws(Problem) {
    var known: [String: Int] = [:]
    for name in names { known[name.description] = context.secrets.version(of: name) ?? 0 }
    let given = try await context.client(AuthorityOperations.handOverSecrets.service).call(
      AuthorityOperations.handOverSecrets, SecretsWanted(known: known),
      context: context.background())
    guard context.secrets.take(given) else { return }
    context.log.info("secrets were taken over", ["secrets": .count(given.secrets.count)])
  }
}
