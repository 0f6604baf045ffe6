import AuditAPI
import Crypto
import Synchronization
import Vocabulary
import WorkloadIdentity

/// Carries out `KeySchedule`: makes, retires and forgets keys, keeps them in the store, and tells
/// who waits. A class: the socket, the operations and the authority's own certificate must sign
/// with the same keys.
final class AuthorityKeys: Sendable {
  private struct State {
    var keys: [SigningKey]
    var current: SigningKeys
    var isChanging = false
  }

  private let state: Mutex<State>
  private let listeners = Mutex<[UInt64: AsyncStream<Void>.Continuation]>([:])
  private let listenerCount = Atomic<UInt64>(0)
  let store: AuthorityStore
  private let clock: Clock
  private let randomness: Randomness

  private init(_ state: State, store: AuthorityStore, clock: Clock, randomness: Randomness) {
    self.state = Mutex(state)
    self.store = store
    self.clock = clock
    self.randomness = randomness
  }

  /// Opens what the store holds and makes what is missing.
  static func open(
    _ store: AuthorityStore, clock: Clock, randomness: Randomness
  ) async throws -> AuthorityKeys {
    let workshop = Workshop(store: store, clock: clock, randomness: randomness)
    var keys = try await store.keys()
    _ = try await workshop.settle(&keys)
    guard let current = SigningKeys(keys, trustDomain: store.trustDomain, at: clock.now()) else {
      throw Problem.defect
    }
    return AuthorityKeys(
      State(keys: keys, current: current), store: store, clock: clock, randomness: randomness)
  }

  var current: SigningKeys { state.withLock { $0.current } }

  /// Does what has become due.
  /// - Throws: `rotationUnderWay` when another change is running; the next tick finds what is left.
  func tick() async throws { _ = try await change { _ in nil } }

  /// A new issuer, now.
  func rotateIssuer() async throws -> SigningKeys {
    try await change { keys in
      let now = self.clock.now()
      let root = KeySchedule.current(.root, of: keys.map(\.slot), at: now)
      return .make(.issuer, under: root?.id, activeFrom: now)
    }
  }

  /// A new root: published now, in use after `KeySchedule.lead`.
  func rotateRoot() async throws -> SigningKeys {
    try await change { keys in
      guard keys.count(where: { $0.slot.kind == .root }) < KeySchedule.keysPerKindMax else {
        throw Problem(
          "too-many-roots", 409, "An earlier rotation has not ended; try again in an hour",
          kind: .busy)
      }
      return .make(.root, under: nil, activeFrom: self.clock.now() + KeySchedule.lead)
    }
  }

  static let rotationUnderWay = Problem(
    "rotation-under-way", 409, "Another rotation is under way", kind: .busy, retryAfterSeconds: 1)

  private func change(
    _ wish: @Sendable ([SigningKey]) throws -> KeySchedule.Step?
  ) async throws -> SigningKeys {
    // One change at a time: between reading the keys and keeping them lies a durable write.
    let before: [SigningKey]? = state.withLock {
      guard !$0.isChanging else { return nil }
      $0.isChanging = true
      return $0.keys
    }
    guard var keys = before else { throw Self.rotationUnderWay }
    defer { state.withLock { $0.isChanging = false } }
    let workshop = Workshop(store: store, clock: clock, randomness: randomness)
    var isChanged = false
    do {
      if let step = try wish(keys) {
        try await workshop.perform(step, on: &keys)
        isChanged = true
      }
      if try await workshop.settle(&keys) { isChanged = true }
    } catch {
      // Part of it may be durable already; the store is the truth.
      keys = try await store.keys()
      adopt(keys)
      throw error
    }
    // The set in force also changes when only time has passed: a prepared root becomes active.
    if isChanged { adopt(keys) }
    return current
  }

  private func adopt(_ keys: [SigningKey]) {
    guard let fresh = SigningKeys(keys, trustDomain: store.trustDomain, at: clock.now()) else {
      return
    }
    state.withLock {
      $0.keys = keys
      $0.current = fresh
    }
    for listener in listeners.withLock({ Array($0.values) }) { listener.yield() }
  }

  /// Yields after every change until dropped.
  func changes() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let key = listenerCount.wrappingAdd(1, ordering: .relaxed).newValue
    listeners.withLock { $0[key] = continuation }
    continuation.onTermination = { [weak self] _ in
      _ = self?.listeners.withLock { $0.removeValue(forKey: key) }
    }
    return stream
  }
}

/// Makes and keeps keys, one step at a time.
private struct Workshop {
  /// Steps carried out at one time; the schedule comes to rest long before.
  static let stepsMax = 32
  let store: AuthorityStore
  let clock: Clock
  let randomness: Randomness

  /// Performs all steps that are due; true when there were any.
  func settle(_ keys: inout [SigningKey]) async throws -> Bool {
    for count in 0..<Self.stepsMax {
      guard let step = KeySchedule.next(keys.map(\.slot), at: clock.now()) else { return count > 0 }
      try await perform(step, on: &keys)
    }
    return true
  }

  func perform(_ step: KeySchedule.Step, on keys: inout [SigningKey]) async throws {
    let now = clock.now()
    switch step {
    case .make(let kind, let parent, let activeFrom):
      let above = keys.first { $0.slot.id == parent }?.authority
      let key = try make(kind, under: parent, above, activeFrom: activeFrom, at: now)
      try await store.insert(key, record: record("made", key.slot, at: now))
      keys.append(key)
    case .retire(let id, let moment):
      guard let index = keys.firstIndex(where: { $0.slot.id == id }) else { return }
      try await store.retire(id, at: moment, record: record("retired", keys[index].slot, at: now))
      keys[index].slot.retiresAt = moment
    case .forget(let id):
      guard let index = keys.firstIndex(where: { $0.slot.id == id }) else { return }
      try await store.forget(id, record: record("forgotten", keys[index].slot, at: now))
      keys.remove(at: index)
    }
  }

  private func make(
    _ kind: KeyKind, under parent: SigningKeyID?, _ above: CertificateAuthority?,
    activeFrom: Instant, at now: Instant
  ) throws -> SigningKey {
    let authority: CertificateAuthority?
    var notAfter = now + KeySchedule.jwtLifetime
    switch kind {
    case .root:
      authority = try .root(
        trustDomain: store.trustDomain, lifetime: KeySchedule.rootLifetime, at: now,
        randomness: randomness)
    case .edge:
      guard let names = store.edgeNames else { throw Problem.defect }
      authority = try .edge(
        for: names, lifetime: KeySchedule.rootLifetime, at: now, randomness: randomness)
    case .issuer:
      guard let above else { throw Problem.defect }
      authority = try above.issuingAuthority(
        trustDomain: store.trustDomain, lifetime: KeySchedule.issuerLifetime, at: now,
        randomness: randomness)
    case .jwt: authority = nil
    }
    if let authority { notAfter = authority.notAfter }
    let slot = KeySlot(
      id: SigningKeyID(at: now, random: randomness.bits128()), kind: kind, issuedBy: parent,
      createdAt: now, activeFrom: activeFrom, notAfter: notAfter, retiresAt: nil)
    return SigningKey(
      slot: slot, privateKey: authority?.privateKey ?? P256.Signing.PrivateKey(),
      authority: authority)
  }

  private func record(_ outcome: String, _ slot: KeySlot, at now: Instant) -> AuditRecord {
    AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: "authority",
      kind: .platform,
      // A zero correlation comes once in 2^128 draws; the key's own id stands in for it.
      correlation: CorrelationID(bits: slot.id.bits)
        ?? CorrelationID(bits: 1).unsafelyUnwrapped,
      caller: "authority", operation: "\(slot.kind.rawValue)-key", outcome: outcome,
      detail: ["key": slot.id.description, "active_from": slot.activeFrom.description])
  }
}
