import AuthorityAPI
package import Chassis
import CustomersAPI
import IdentityAPI
import Sealing
package import Storage
import StrictJSON
import Telemetry
package import Vocabulary

/// The identity service: one handler per operation of its charter. What they do is in `Endpoints`.
package struct IdentityService: Service {
  package static let name: ServiceName = "identity"
  package static let version = "1.0.0"
  package static let migrations = [
    Migration(1, "initial", sql: PackageResources._001_initial_sql)
  ]

  /// How often it looks for what has expired, and for a newer sealing key.
  static let housekeepingInterval: Duration = .seconds(30)

  private let context: ServiceContext
  private let store: IdentityStore
  private let sealing: SealingKeys
  private let keys: SigningKeys
  private let provider: Provider

  package init(_ context: ServiceContext) async throws {
    self.context = context
    store = IdentityStore(context.store)
    sealing = SealingKeys(try await context.sealingKeyring())
    let start = context.background()
    let journal = Journal(
      correlation: start.correlation, caller: Self.name, at: context.clock.now(),
      randomness: context.randomness)
    keys = try await SigningKeys(
      store, sealing: sealing, randomness: context.randomness, journal: journal)
    let customers = context.client(CustomersOperations.service)
    provider = try Provider(
      issuer: context.platform.issuer, store: store, keys: keys,
      secrets: try await store.secrets(sealing.current, randomness: context.randomness),
      pool: HashingPool(), clock: context.clock, randomness: context.randomness
    ) { person, call in
      // Only a greeting: the page goes without it when customers does not answer.
      let answer = try? await customers.call(
        CustomersOperations.getCustomer, Nothing(), path: ["id": "\(person)"], context: call)
      return answer.map { name in
        Masked(
          "\(name.givenName.reveal(for: .subjectAccess)) "
            + name.familyName.reveal(for: .subjectAccess))
      }
    }
  }

  package var operations: [String: Handler] {
    let provider = provider
    return [
      "getConfiguration": { _ in provider.configuration() },
      "getJWKS": { _ in try provider.keySet() },
      "authorize": { try await provider.authorize(Visit($0)) },
      "getLogin": { try await provider.getLogin(Visit($0)) },
      "login": { try await provider.login(Visit($0)) },
      "consent": { try await provider.consent(Visit($0)) },
      "getLogout": { try await provider.getLogout(Visit($0)) },
      "logout": { try await provider.logout(Visit($0)) },
      "token": { try await provider.token(Visit($0)) },
      "revoke": { try await provider.revoke(Visit($0)) },
      "userinfo": { try .json(200, UserInfo(sub: "\($0.person())")) },
      "registerClient": { call in
        try .json(201, await provider.registerClient(call.decode(NewClient.self), Visit(call)))
      },
      "createPerson": { call in
        try .json(201, await provider.createPerson(call.decode(NewPerson.self), Visit(call)))
      },
      "rotateSigningKey": { call in
        try .json(200, await provider.rotateKey(call.decode(KeyRotation.self), Visit(call)))
      },
      "listRevocations": { call in
        let after = try call.integer("after", in: 0...Int.max, default: 0)
        let kids = provider.keys.kids(at: call.receivedAt)
        return try .json(200, await provider.store.revocations(after: Int64(after), kids: kids))
      },
    ]
  }

  package func run() async throws {
    while !Task.isCancelled {
      do {
        try await keepHouse()
      } catch is CancellationError {
        return
      } catch {
        context.log.warning("housekeeping failed and will be tried again", [:])
      }
      try await Task.sleep(for: Self.housekeepingInterval)
    }
  }

  private func keepHouse() async throws {
    let now = context.clock.now()
    try await store.forget(at: now)
    try await keys.forget(at: now)
    _ = sealing.replace(with: try await context.sealingKeyring())
    // Also without a new key: an earlier pass may have been cut short.
    let count = try await store.reseal(sealing.current)
    if count > 0 {
      context.log.info("sealed anew under the newest key", ["fields": .count(count)])
    }
  }
}
