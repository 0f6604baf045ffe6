import Chassis
import IdentityAPI
import StrictJSON
import Telemetry
import Vocabulary

/// Keeps the gate informed: revocations twice a second, and with them the ids of the
/// keys; the keys themselves when one of these is new, and every five minutes.
struct IdentityFeed: Sendable {
  static let revocationsEvery: Duration = .milliseconds(500)
  static let keysEvery: Duration = .seconds(300)
  /// Before the first keys are there, asking is cheap and waiting is not.
  static let keysRetryEvery: Duration = .milliseconds(500)

  private let service: ServiceContext
  private let identity: ServiceClient
  private let gate: TokenGate

  init(_ service: ServiceContext, gate: TokenGate) {
    self.service = service
    self.gate = gate
    identity = service.client("identity")
  }

  /// For the gate's `fetch`.
  static func fetchKeys(_ service: ServiceContext) -> @Sendable () async throws -> JSON {
    let identity = service.client("identity")
    return {
      let set = try await identity.call(
        IdentityOperations.getJWKS, Nothing(), context: service.background(within: .seconds(3)))
      return try JSON.parse(StrictJSON.encode(set))
    }
  }

  /// Tries to have keys and revocations before the door opens; gives up quietly, because following
  /// goes on.
  func begin(tries: Int, pause: Duration) async {
    for _ in 0..<tries {
      do {
        try gate.replaceKeys(jwks: try await Self.fetchKeys(service)(), at: service.clock.now())
        _ = try await takeRevocations(after: 0)
        return
      } catch {
        try? await Task.sleep(for: pause)
      }
    }
    service.log.warning("the door opens without identity: tokens are refused until it answers")
  }

  /// One page of the feed; the sequence to go on after, and whether there is more at once.
  private func takeRevocations(after: Int64) async throws -> (after: Int64, hasMore: Bool) {
    let asked = service.clock.now()
    let page = try await identity.call(
      IdentityOperations.listRevocations, Nothing(), query: ["after": "\(after)"],
      context: service.background(within: .seconds(2)))
    let entries = service.platform.lacks(.revocations) ? [] : page.entries
    gate.revoke(
      entries.map { (RevocationHandle($0.kind.handleKind, $0.id), $0.expiresAt) }, at: asked)
    if !gate.knows(kids: page.kids) {
      try gate.replaceKeys(jwks: try await Self.fetchKeys(service)(), at: service.clock.now())
    }
    return (max(after, page.next), page.entries.count == RevocationPage.entriesMax)
  }

  func followRevocations() async throws {
    var after: Int64 = 0
    var isSilent = false
    while !Task.isCancelled {
      do {
        let page = try await takeRevocations(after: after)
        after = page.after
        isSilent = false
        if page.hasMore { continue }
      } catch is CancellationError {
        return
      } catch {
        if !isSilent {
          service.log.warning(
            "revocations are not known: changes are refused until they are",
            ["why": .text("\(error)")])
        }
        isSilent = true
      }
      try await Task.sleep(for: Self.revocationsEvery)
    }
  }

  func followKeys() async throws {
    let fetch = Self.fetchKeys(service)
    var hasKeys = false
    while !Task.isCancelled {
      do {
        try gate.replaceKeys(jwks: try await fetch(), at: service.clock.now())
        hasKeys = true
      } catch is CancellationError {
        return
      } catch {
        service.log.warning("identity's keys were not had", ["why": .text("\(error)")])
      }
      try await Task.sleep(for: hasKeys ? Self.keysEvery : Self.keysRetryEvery)
    }
  }
}

extension Revocation.Kind {
  var handleKind: RevocationHandle.Kind {
    switch self {
    case .token: .token
    case .family: .family
    case .session: .session
    case .client: .client
    }
  }
}
