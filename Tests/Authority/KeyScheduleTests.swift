import Authority
import Testing
import Vocabulary

/// Runs the schedule over a list of keys as the authority would, without any key.
private struct Rehearsal {
  var slots: [KeySlot] = []
  var now = Instant(seconds: 1_800_000_000)
  private var count: UInt128 = 0

  mutating func settle() -> [KeySchedule.Step] {
    var steps: [KeySchedule.Step] = []
    while let step = KeySchedule.next(slots, at: now), steps.count < 50 {
      perform(step)
      steps.append(step)
    }
    return steps
  }

  mutating func perform(_ step: KeySchedule.Step) {
    switch step {
    case .make(let kind, let parent, let activeFrom):
      count += 1
      let life: Duration =
        switch kind {
        case .root, .edge: KeySchedule.rootLifetime
        case .issuer: KeySchedule.issuerLifetime
        case .jwt: KeySchedule.jwtLifetime
        }
      slots.append(
        KeySlot(
          id: SigningKeyID(bits: count), kind: kind, issuedBy: parent, createdAt: now,
          activeFrom: activeFrom, notAfter: now + life, retiresAt: nil))
    case .retire(let id, let moment):
      for index in slots.indices where slots[index].id == id { slots[index].retiresAt = moment }
    case .forget(let id): slots.removeAll { $0.id == id }
    }
  }

  func count(_ kind: KeyKind) -> Int { slots.count { $0.kind == kind } }
  func current(_ kind: KeyKind) -> KeySlot? { KeySchedule.current(kind, of: slots, at: now) }
}

@Suite struct `The key schedule` {
  @Test func `makes one key of each kind to begin with, and then rests`() {
    var rehearsal = Rehearsal()
    #expect(rehearsal.settle().count == 4)
    #expect(KeyKind.allCases.allSatisfy { rehearsal.count($0) == 1 })
    #expect(rehearsal.current(.issuer)?.issuedBy == rehearsal.current(.root)?.id)
    #expect(rehearsal.settle().isEmpty)
  }

  @Test func `publishes a new root before it signs, and the old one until its last leaf has ended`()
  {
    var rehearsal = Rehearsal()
    _ = rehearsal.settle()
    let old = rehearsal.current(.root)
    rehearsal.perform(
      .make(.root, under: nil, activeFrom: rehearsal.now + KeySchedule.lead))
    #expect(rehearsal.settle().isEmpty)
    #expect(rehearsal.count(.root) == 2 && rehearsal.current(.root) == old)

    rehearsal.now = rehearsal.now + KeySchedule.lead - .nanoseconds(1)
    #expect(rehearsal.settle().isEmpty)
    rehearsal.now = rehearsal.now + .nanoseconds(1)
    // The old root is retired, a new issuer made, the old issuer forgotten.
    #expect(rehearsal.settle().count == 3)
    #expect(rehearsal.current(.root)?.id != old?.id)
    #expect(rehearsal.current(.issuer)?.issuedBy == rehearsal.current(.root)?.id)
    #expect(rehearsal.count(.root) == 2 && rehearsal.count(.issuer) == 1)

    rehearsal.now = rehearsal.now + KeySchedule.overlap - .nanoseconds(1)
    #expect(rehearsal.settle().isEmpty && rehearsal.count(.root) == 2)
    rehearsal.now = rehearsal.now + .nanoseconds(1)
    #expect(rehearsal.settle() == [.forget(old!.id)])  // Set above: a rehearsal begins with a root.
  }

  @Test func `replaces an issuer at its half-life and a JWT key with overlap`() {
    var rehearsal = Rehearsal()
    _ = rehearsal.settle()
    let (issuer, jwt) = (rehearsal.current(.issuer), rehearsal.current(.jwt))
    rehearsal.now = rehearsal.now + .seconds(86_400)
    #expect(rehearsal.settle().count == 1)
    #expect(rehearsal.current(.jwt) == jwt && rehearsal.count(.jwt) == 2)
    rehearsal.now = rehearsal.now + KeySchedule.lead
    _ = rehearsal.settle()
    #expect(rehearsal.current(.jwt)?.id != jwt?.id && rehearsal.count(.jwt) == 2)
    #expect(rehearsal.current(.issuer) == issuer)
    rehearsal.now = rehearsal.now + .seconds(3 * 86_400)
    _ = rehearsal.settle()
    #expect(rehearsal.current(.issuer)?.id != issuer?.id)
  }

  @Test func `always comes to rest with one active key of each kind, however long it slept`() {
    var rehearsal = Rehearsal()
    for _ in 0..<200 {
      #expect(rehearsal.settle().count < 50)
      #expect(KeyKind.allCases.allSatisfy { rehearsal.current($0) != nil })
      rehearsal.now = rehearsal.now + .seconds(Int64.random(in: 1...2_000_000))
    }
  }
}
