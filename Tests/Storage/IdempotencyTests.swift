import Storage
import TestKit
import Testing
import Vocabulary

@Suite struct `An idempotency key` {
  private let key = IdempotencyKey("order-1")!  // The literal is within the allowed characters.
  private let answer = StoredAnswer(status: 201, headers: [["location", "/x"]], body: [1, 2])

  private struct NotFresh: Error { let outcome: IdempotencyOutcome }

  /// The key is expected to be fresh.
  private func freshClaim(
    _ keys: IdempotencyStore, scope: String = "a", fingerprint: [UInt8] = [1]
  ) async throws -> IdempotencyClaimID {
    let outcome = try await keys.begin(
      scope: scope, key: key, fingerprint: fingerprint, at: noon)
    guard case .fresh(let claim) = outcome else { throw NotFresh(outcome: outcome) }
    return claim
  }

  @Test(arguments: StoreKind.installed)
  func `is fresh once, then gives the same answer again`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let keys = IdempotencyStore(store: store)
    let claim = try await freshClaim(keys)
    guard case .inFlight = try await keys.begin(scope: "a", key: key, fingerprint: [1], at: noon)
    else {
      Issue.record("expected inFlight")
      return
    }
    try await keys.finish(claim, answer: answer, resource: "payment-1")
    guard
      case .replay(let replayed) = try await keys.begin(
        scope: "a", key: key, fingerprint: [1], at: noon)
    else {
      Issue.record("expected replay")
      return
    }
    #expect(replayed == answer)
    guard
      case .conflict(let at, let resource) = try await keys.begin(
        scope: "a", key: key, fingerprint: [2], at: noon + .seconds(1))
    else {
      Issue.record("expected conflict")
      return
    }
    #expect(at == noon)
    #expect(resource == "payment-1")
    _ = try await freshClaim(keys, scope: "b", fingerprint: [2])
  }

  @Test(arguments: StoreKind.installed)
  func `is worked on again when the process that began it is gone`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    do {
      let store = try await openStore(at: site)
      let claim = try await freshClaim(IdempotencyStore(store: store))
      try await store.write { try $0.name("payment-1", for: claim) }
      store.close()
    }
    let keys = IdempotencyStore(store: try await openStore(at: site))
    guard
      case .conflict(_, let resource) = try await keys.begin(
        scope: "a", key: key, fingerprint: [2], at: noon)
    else {
      Issue.record("expected conflict")
      return
    }
    #expect(resource == "payment-1")
    _ = try await freshClaim(keys, scope: "a", fingerprint: [1])
  }

  @Test(arguments: StoreKind.installed)
  func `is free again after it was abandoned, for another body only when forgotten`(kind: StoreKind)
    async throws
  {
    let site = try StoreSite(kind)
    let keys = IdempotencyStore(store: try await openStore(at: site))
    for forgetting in [false, true] {
      let claim = try await freshClaim(keys)
      try await keys.abandon(claim, forgetting: forgetting)
    }
    _ = try await freshClaim(keys, scope: "a", fingerprint: [9])
  }

  @Test(arguments: StoreKind.installed)
  func `lets exactly one of many through`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let keys = IdempotencyStore(store: try await openStore(at: site))
    let fresh = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 {
        group.addTask { [key] in
          if case .fresh = try await keys.begin(scope: "a", key: key, fingerprint: [1], at: noon) {
            1
          } else {
            0
          }
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(fresh == 1)
  }
}
