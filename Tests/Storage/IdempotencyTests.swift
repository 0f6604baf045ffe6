import Sealing
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
      scope: scope, key: key, print: RequestPrint(meaning: fingerprint, spelling: [0]), at: noon)
    guard case .fresh(let claim) = outcome else { throw NotFresh(outcome: outcome) }
    return claim
  }

  @Test(arguments: StoreKind.installed)
  func `is fresh once, then gives the same answer again`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let keys = IdempotencyStore(store: store)
    let claim = try await freshClaim(keys)
    guard
      case .inFlight = try await keys.begin(
        scope: "a", key: key, print: RequestPrint(meaning: [1], spelling: [0]), at: noon)
    else {
      Issue.record("expected inFlight")
      return
    }
    try await keys.finish(claim, answer: answer, resource: "payment-1")
    guard
      case .replay(let replayed) = try await keys.begin(
        scope: "a", key: key, print: RequestPrint(meaning: [1], spelling: [0]), at: noon)
    else {
      Issue.record("expected replay")
      return
    }
    #expect(replayed == answer)
    guard
      case .conflict(let at, let resource, _) = try await keys.begin(
        scope: "a", key: key, print: RequestPrint(meaning: [2], spelling: [0]),
        at: noon + .seconds(1))
    else {
      Issue.record("expected conflict")
      return
    }
    #expect(at == noon)
    #expect(resource == "payment-1")
    _ = try await freshClaim(keys, scope: "b", fingerprint: [2])
  }

  /// What comes of a key whose work claims it in its own first change.
  private func later(
    _ keys: IdempotencyStore, _ meaning: UInt8 = 1, claimsLater: Bool = true
  ) async throws -> IdempotencyOutcome {
    try await keys.begin(
      scope: "a", key: key, print: RequestPrint(meaning: [meaning], spelling: [0]), at: noon,
      claimsLater: claimsLater)
  }

  @Test(arguments: StoreKind.installed)
  func `is claimed and answered in the changes of its work where that says so`(
    kind: StoreKind
  ) async throws {
    let store = try await openStore(at: try StoreSite(kind))
    let (keys, others) = (IdempotencyStore(store: store), IdempotencyStore(store: store))
    guard case .fresh(let claim) = try await later(keys), case .inFlight = try await later(keys),
      case .fresh = try await later(others)
    else {
      Issue.record("expected a fresh key, in flight here and fresh elsewhere")
      return
    }
    // A change that fails takes the claim with it.
    await #expect(throws: Problem.self) {
      try await store.write { transaction in
        try keys.claim(claim, naming: "payment-1", in: transaction)
        throw Problem.notFound
      }
    }
    #expect(try await !others.wasUsed(claim))
    try await store.write { try keys.claim(claim, naming: "payment-1", in: $0) }
    #expect(try await !keys.wasUsed(claim))
    // Another one began as well; the first to write has it, and the other one may see so before it writes.
    #expect(try await others.wasUsed(claim))
    await #expect(throws: KnownKey.self) {
      try await store.write { try others.claim(claim, naming: "payment-2", in: $0) }
    }
    others.release(claim)
    guard case .conflict(_, "payment-1", nil) = try await later(others, 2, claimsLater: false)
    else {
      Issue.record("expected a conflict that names what was made")
      return
    }
    let answer = answer
    try await store.write { try keys.finish(claim, answer: answer, in: $0) }
    keys.release(claim)
    for store in [keys, others] {
      guard case .replay(answer) = try await later(store, claimsLater: false) else {
        Issue.record("expected the answer")
        return
      }
    }
  }

  @Test(arguments: StoreKind.installed)
  func `keeps a refusal too that came before its work wrote anything`(
    kind: StoreKind
  ) async throws {
    let store = try await openStore(at: try StoreSite(kind))
    let keys = IdempotencyStore(store: store)
    for isKept in [false, true] {
      guard case .fresh(let claim) = try await later(keys) else {
        Issue.record("expected a fresh key")
        return
      }
      if isKept {
        try await keys.finish(claim, answer: answer)
      } else {
        try await keys.abandon(claim)
      }
    }
    guard case .replay(answer) = try await later(keys, claimsLater: false),
      case .conflict = try await later(keys, 2, claimsLater: false)
    else {
      Issue.record("expected the answer, and a conflict for another request")
      return
    }
  }

  @Test(arguments: StoreKind.installed)
  func `has its answer packed and sealed where the service seals, and says it byte for byte`(
    kind: StoreKind
  ) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let keys = IdempotencyStore(store: store)
    let keyring = try Keyring(keys: [1: [UInt8](repeating: 7, count: 32)], current: 1)
    let body = Array(#"{"state":"posted","reference":"Zebedee Quillfeather"}"#.utf8)
    let fields = [["content-type", "application/json"], ["location", "/v1/things/1"]]
    let told = StoredAnswer(status: 201, headers: fields, body: body)
    // One is kept as the older build kept it: in clear, fields beside it.
    let old = try await freshClaim(keys, scope: "old")
    try await keys.finish(old, answer: told)
    keys.seal(packedWith: Array(#"content-typeapplication/json{"state":"posted"}"#.utf8)) {
      keyring
    }
    let new = try await freshClaim(keys, scope: "new")
    try await keys.finish(new, answer: told)
    // Longer than what may be sealed, and short when it is packed.
    let long = StoredAnswer(
      status: 200, headers: fields, body: [UInt8](repeating: 0x20, count: 1 << 19))
    try await keys.finish(try await freshClaim(keys, scope: "long"), answer: long)
    for (scope, answer) in [("old", told), ("new", told), ("long", long)] {
      let outcome = try await keys.begin(
        scope: scope, key: key, print: RequestPrint(meaning: [1], spelling: [0]), at: noon)
      guard case .replay(answer) = outcome else {
        Issue.record("expected the answer of \(scope)")
        continue
      }
    }
    let kept = try await store.read {
      try $0.rows("SELECT headers, body FROM idempotency WHERE scope = 'new'")
    }
    #expect(try kept.first?.optionalBlob("headers") == nil)
    // Less than the answer itself, the seal counted.
    #expect(try kept.first.map { try $0.blob("body").count } ?? .max < body.count + 60)
    #expect(try await keys.resealBatch(limit: 10) == 1)
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
      case .conflict(_, let resource, _) = try await keys.begin(
        scope: "a", key: key, print: RequestPrint(meaning: [2], spelling: [0]), at: noon)
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
  func `that has named what was made is never forgotten`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let keys = IdempotencyStore(store: store)
    let claim = try await freshClaim(keys)
    try await store.write { try $0.name("payment-1", for: claim) }
    try await keys.abandon(claim, forgetting: true)
    guard
      case .conflict(_, "payment-1", nil) = try await keys.begin(
        scope: "a", key: key, print: RequestPrint(meaning: [9], spelling: [0]), at: noon)
    else {
      Issue.record("expected conflict")
      return
    }
  }
}

extension `An idempotency key` {
  @Test(arguments: StoreKind.installed)
  func `that was kept by its bytes is found by an exact repetition`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let keys = IdempotencyStore(store: try await openStore(at: site))
    try await keys.finish(try await freshClaim(keys, fingerprint: [7]), answer: answer)
    for (meaning, spelling, isFound) in [(8, 7, true), (7, 8, true), (8, 9, false)] {
      let outcome = try await keys.begin(
        scope: "a", key: key,
        print: RequestPrint(meaning: [UInt8(meaning)], spelling: [UInt8(spelling)]), at: noon)
      if case .replay = outcome { #expect(isFound) } else { #expect(!isFound) }
    }
  }

  @Test(arguments: StoreKind.installed)
  func `lets exactly one of many through`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let keys = IdempotencyStore(store: try await openStore(at: site))
    let fresh = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 {
        group.addTask { [key] in
          if case .fresh = try await keys.begin(
            scope: "a", key: key, print: RequestPrint(meaning: [1], spelling: [0]), at: noon)
          {
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
