import AuthorityAPI
import Charters
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
    Migration(
      1, "initial", sql: PackageResources._001_initial_sql,
      postgres: PackageResources._001_initial_postgres_sql),
    Migration(
      2, "revoked", sql: PackageResources._002_revoked_sql,
      postgres: PackageResources._002_revoked_postgres_sql),
    Migration(
      3, "suspensions", sql: PackageResources._003_suspensions_sql,
      postgres: PackageResources._003_suspensions_postgres_sql),
    Migration(
      4, "throttles", sql: PackageResources._004_throttles_sql,
      postgres: PackageResources._004_throttles_postgres_sql),
    Migration(
      5, "stock-clients", sql: PackageResources._005_stock_clients_sql,
      postgres: PackageResources._005_stock_clients_postgres_sql),
    Migration(
      6, "resets", sql: PackageResources._006_resets_sql,
      postgres: PackageResources._006_resets_postgres_sql),
  ]

  private let context: ServiceContext
  private let store: IdentityStore
  private let keys: SigningKeys
  private let provider: Provider
  /// How often it looks for what has expired.
  private let housekeepingInterval: Duration

  package init(_ context: ServiceContext) async throws {
    self.context = context
    housekeepingInterval = context.settings.seconds("housekeeping_interval")
    // Who is on the policies' list of the suspended is cut off here as well: one word of the operator, one effect.
    let policy = context.policy
    store = IdentityStore(context.store) { policy.suspends($0) }
    let sealing = try await context.seals(store.sealedFields)
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
      pool: HashingPool(), clock: context.clock, randomness: context.randomness,
      countsAtLoginAlone: context.platform.lacks(.signInFairness),
      scopes: ScopeCatalogue(
        operations: context.charters.publicRoutes.map {
          (scopes: $0.operation.scopes, summary: $0.operation.summary)
        }),
      sessionLifetime: context.settings.seconds("session_lifetime"),
      claims: { call in
        do throws(Problem) {
          return try await customers.call(
            CustomersOperations.getClaims, Nothing(), context: call)
        } catch {
          // Somebody who can sign in, and whom customers does not know: there is nothing to tell.
          guard error.status == 404 else { throw error }
          return nil
        }
      }
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

  package static func page(for problem: Problem) -> Answer? { .page(.fault(problem)) }

  package var operations: [String: Handler] {
    let provider = provider
    return [
      "getConfiguration": { _ in provider.configuration() },
      "getServerMetadata": { _ in provider.configuration() },
      "getJWKS": { _ in try provider.keySet() },
      "authorize": { try await provider.authorize(Visit($0)) },
      "authorizeByPost": { try await provider.authorizeByPost(Visit($0)) },
      "getLogin": { try await provider.getLogin(Visit($0)) },
      "login": { try await provider.login(Visit($0)) },
      "consent": { try await provider.consent(Visit($0)) },
      "getLogout": { try await provider.getLogout(Visit($0)) },
      "logout": { try await provider.logout(Visit($0)) },
      "token": { try await provider.token(Visit($0)) },
      "revoke": { try await provider.revoke(Visit($0)) },
      "userinfo": { try await provider.userInfo(of: $0.person(), Visit($0)) },
      "userinfoByPost": { try await provider.userInfo(of: $0.person(), Visit($0)) },
      "registerClient": { call in
        try .json(201, await provider.registerClient(call.decode(NewClient.self), Visit(call)))
      },
      "createPerson": { call in
        try .json(201, await provider.createPerson(call.decode(NewPerson.self), Visit(call)))
      },
      "suspendClient": { try await standing(.client($0.id("id")), isSuspended: true, $0) },
      "resumeClient": { try await standing(.client($0.id("id")), isSuspended: false, $0) },
      "suspendPerson": { try await standing(.person($0.id("id")), isSuspended: true, $0) },
      "resumePerson": { try await standing(.person($0.id("id")), isSuspended: false, $0) },
      "unlockSignIn": { call in
        try .json(200, await provider.unlockSignIn(call.decode(SignInUnlock.self), Visit(call)))
      },
      "listClients": { call in
        try .json(200, await store.clients(after: call.after(), limit: call.pageLimit()))
      },
      "getClient": { try .json(200, await store.clientRecord($0.id("id"))) },
      "changeClient": { call in
        try .json(
          200,
          await store.change(
            call.id("id"), by: call.decode(ClientChange.self), scopes: provider.scopes,
            journal: provider.journal(Visit(call))))
      },
      "listPeople": { call in
        try .json(200, await store.people(after: call.after(), limit: call.pageLimit()))
      },
      "resetPassword": { call in
        try .json(200, await provider.resetPassword(of: call.id("id"), Visit(call)))
      },
      "rotateSigningKey": { call in
        try .json(200, await provider.rotateKey(call.decode(KeyRotation.self), Visit(call)))
      },
      "listWebOrigins": { _ in
        try .json(200, WebOrigins(origins: await provider.store.webOrigins()))
      },
      "listKeyIDs": { try .json(200, KeyIDs(kids: provider.keys.kids(at: $0.receivedAt))) },
    ]
  }

  private func standing(
    _ subject: SuspendedSubject, isSuspended: Bool, _ call: Call
  ) async throws -> Answer {
    let journal = provider.journal(Visit(call))
    return try .json(
      200,
      isSuspended
        ? await store.suspend(subject, journal: journal)
        : await store.resume(subject, journal: journal))
  }

  /// Not while our keys cannot be published: nobody would believe what we sign.
  package var isReady: Bool {
    get async { keys.canBePublished(at: context.clock.now()) }
  }

  package var rounds: [Round] {
    let (store, keys, clock) = (store, keys, context.clock)
    return [
      Round(every: housekeepingInterval, or: "housekeeping failed and will be tried again") {
        let now = clock.now()
        try await store.forget(at: now)
        try await store.forgetThrottles(at: now)
        try await keys.forget(at: now)
      }
    ]
  }

  package func run() async throws {
    try await RevocationHandover(context, store: store).run()
  }
}

extension Call {
  /// The id after which a page begins.
  fileprivate func after() throws(Problem) -> String {
    guard query["after"] != nil else { return "" }
    let last: PersonID = try id("after")
    return "\(last)"
  }

  fileprivate func pageLimit() throws(Problem) -> Int {
    try integer(
      "limit", in: 1...IdentityOperations.pageMax, default: IdentityOperations.pageDefault)
  }
}
