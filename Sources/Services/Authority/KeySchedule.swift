package import Vocabulary

/// What a key is for.
package enum KeyKind: String, Sendable, Hashable, CaseIterable {
  /// Self-signed; in the trust bundle.
  case root
  /// Below a root; signs workloads' certificates.
  case issuer
  /// Signs JWT-SVIDs.
  case jwt
  /// Signs the gateway's public certificate.
  case edge
}

package enum SigningKeyKind {}
/// Names a signing key in the store.
package typealias SigningKeyID = ID<SigningKeyKind>

/// What the schedule knows of one key.
package struct KeySlot: Hashable, Sendable {
  package let id: SigningKeyID
  package let kind: KeyKind
  /// For an issuer: its root.
  package let issuedBy: SigningKeyID?
  package let createdAt: Instant
  /// Published before, used from here.
  package let activeFrom: Instant
  package let notAfter: Instant
  /// Believed until here; nil while no end is set.
  package var retiresAt: Instant?
  /// Whether it may sign: an edge authority for other names than the platform's may not any more.
  package let isFit: Bool

  package init(
    id: SigningKeyID, kind: KeyKind, issuedBy: SigningKeyID?, createdAt: Instant,
    activeFrom: Instant, notAfter: Instant, retiresAt: Instant?, isFit: Bool = true
  ) {
    self.id = id
    self.kind = kind
    self.issuedBy = issuedBy
    self.createdAt = createdAt
    self.activeFrom = activeFrom
    self.notAfter = notAfter
    self.retiresAt = retiresAt
    self.isFit = isFit
  }

  var halfLife: Instant { createdAt + .nanoseconds((notAfter - createdAt).nanoseconds / 2) }
}

/// Decides what happens to the keys, and when. Pure: the keys and the time come in, steps come out;
/// `AuthorityKeys` carries them out. A root or JWT key is published for `lead` before it signs, so
/// that every workload knows it by then, and stays published after its successor until the last
/// thing it signed has ended.
package enum KeySchedule {
  /// From publication to first use. Workloads hear of a change at once through their open streams;
  /// one that is just reconnecting does so within `WorkloadSource.pauseMax`.
  package static let lead: Duration = .seconds(8)
  package static let rootLifetime: Duration = .seconds(10 * 365 * 86_400)
  package static let issuerLifetime: Duration = .seconds(7 * 86_400)
  package static let jwtLifetime: Duration = .seconds(2 * 86_400)
  /// How long a predecessor stays believed: the longest certificate or token, and a minute for
  /// clocks.
  package static let overlap: Duration = .seconds(3_660)
  /// Keys of one kind; a rotation beyond is refused until an older one has retired.
  package static let keysPerKindMax = 4

  package enum Step: Hashable, Sendable {
    case make(KeyKind, under: SigningKeyID?, activeFrom: Instant)
    case retire(SigningKeyID, at: Instant)
    case forget(SigningKeyID)
  }

  /// The key of a kind that signs now: the newest that is active and fit.
  package static func current(_ kind: KeyKind, of slots: [KeySlot], at now: Instant) -> KeySlot? {
    slots.filter { $0.kind == kind && $0.isFit && $0.activeFrom <= now }
      .max { $0.activeFrom < $1.activeFrom }
  }

  /// The next step that is due, or nil when all is in order. Ask again after each.
  package static func next(_ slots: [KeySlot], at now: Instant) -> Step? {
    if let ended = slots.first(where: { ($0.retiresAt ?? $0.notAfter) <= now }) {
      return .forget(ended.id)
    }
    for kind in [KeyKind.root, .edge, .jwt] {
      if let step = nextOfLasting(kind, slots, at: now) { return step }
    }
    // Its successor signs already, and nobody may sign with this one again.
    if let unfit = slots.first(where: { !$0.isFit }), current(unfit.kind, of: slots, at: now) != nil
    {
      return .forget(unfit.id)
    }
    guard let root = current(.root, of: slots, at: now) else { return nil }
    let issuer = current(.issuer, of: slots, at: now)
    guard let issuer, issuer.issuedBy == root.id, now < issuer.halfLife else {
      return .make(.issuer, under: root.id, activeFrom: now)
    }
    // What an old issuer signed carries its certificate along; its key is of no more use.
    let old = slots.first { $0.kind == .issuer && $0.id != issuer.id }
    return old.map { .forget($0.id) }
  }

  private static func nextOfLasting(_ kind: KeyKind, _ slots: [KeySlot], at now: Instant) -> Step? {
    let own = slots.filter { $0.kind == kind && $0.isFit }
    guard let current = current(kind, of: slots, at: now) else {
      // The first key of all has nobody to wait for.
      return own.isEmpty ? .make(kind, under: nil, activeFrom: now) : nil
    }
    if let old = own.first(where: { $0.activeFrom < current.activeFrom && $0.retiresAt == nil }) {
      return .retire(old.id, at: now + overlap)
    }
    let hasSuccessor = own.contains { $0.activeFrom > current.activeFrom }
    guard now >= current.halfLife, !hasSuccessor else { return nil }
    return .make(kind, under: nil, activeFrom: now + lead)
  }
}
