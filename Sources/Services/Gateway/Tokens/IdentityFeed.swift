import Chassis
import IdentityAPI
import StrictJSON
import Telemetry
import Vocabulary

/// Keeps the gate informed of identity's keys: their ids twice a second, the keys themselves when one of these is new, and
/// every five minutes; and the edge of where registered clients' pages run. What is revoked comes by the platform's feed, see `Chassis/Revocation`.
struct IdentityFeed: Sendable {
  static let idsEvery: Duration = .milliseconds(500)
  static let keysEvery: Duration = .seconds(300)
  /// In rounds of `idsEvery`: how soon a client's new origin is known here.
  static let originsEveryRounds = 4

  private let service: ServiceContext
  private let identity: ServiceClient
  private let gate: TokenGate
  private let origins: WebOriginBook

  init(_ service: ServiceContext, gate: TokenGate, origins: WebOriginBook) {
    self.service = service
    self.gate = gate
    self.origins = origins
    identity = service.client("identity")
  }

  /// For the gate's `fetch`.
  static func fetchKeys(_ service: ServiceContext) -> @Sendable () async throws -> JSON {
    let identity = service.client("identity")
    let set = IdentityOperations.getJWKS
    // As it stands: which of its keys are understood is for `KeySet`, and one that is not must not take the others along.
    let operation = Operation<Nothing, JSON>(set.id, of: set.service, set.method, set.path)
    return {
      try await identity.call(
        operation, Nothing(), context: service.background(within: .seconds(3)))
    }
  }

  /// Tries to have keys before the door opens; gives up quietly, because following goes on.
  func begin(tries: Int, pause: Duration) async {
    for _ in 0..<tries {
      if await hasTakenKeys() { return }
      try? await Task.sleep(for: pause)
    }
    service.log.warning("the door opens without identity: tokens are refused until it answers")
  }

  /// Until cancelled.
  func follow() async throws {
    var takenAt: ContinuousClock.Instant?
    var isSilent = false
    var round = 0
    while !Task.isCancelled {
      do {
        let ids = try await identity.call(
          IdentityOperations.listKeyIDs, Nothing(), context: service.background(within: .seconds(2))
        )
        let isOld = takenAt.map { .now - $0 > Self.keysEvery } ?? true
        if isOld || !gate.knows(kids: ids.kids), await hasTakenKeys() { takenAt = .now }
        if round % Self.originsEveryRounds == 0 { try await takeOrigins() }
        round += 1
        isSilent = false
      } catch {
        if !isSilent, !Task.isCancelled {
          service.log.warning("identity does not answer", ["why": .text("\(error)")])
        }
        isSilent = true
      }
      try await Task.sleep(for: Self.idsEvery)
    }
  }

  private func takeOrigins() async throws {
    let told = try await identity.call(
      IdentityOperations.listWebOrigins, Nothing(), context: service.background(within: .seconds(2))
    )
    origins.replace(by: told.origins.prefix(WebOrigins.originsMax))
  }

  /// A set that cannot be had or used leaves the old keys.
  private func hasTakenKeys() async -> Bool {
    do {
      try gate.replaceKeys(jwks: try await Self.fetchKeys(service)(), at: service.clock.now())
      return true
    } catch {
      service.log.warning("identity's keys were not had", ["why": .text("\(error)")])
      return false
    }
  }
}
