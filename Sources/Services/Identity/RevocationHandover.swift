import AuthorityAPI
import Chassis
import Storage
import StrictJSON
import Telemetry
import Vocabulary

/// Hands what is revoked over to the authority, which publishes it to the platform: at once, in order, from the outbox, in
/// which it was kept with what it tells of. Besides it says twice a second that nothing waits here: without that word
/// nobody acts on a token.
struct RevocationHandover: Sendable {
  static let every: Duration = .milliseconds(500)

  private let context: ServiceContext
  private let store: IdentityStore
  private let authority: ServiceClient

  init(_ context: ServiceContext, store: IdentityStore) {
    self.context = context
    self.store = store
    authority = context.client(AuthorityOperations.publishRevocations.service)
  }

  /// Until cancelled.
  func run() async throws {
    let (bell, rope) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in context.outbox.signals() { rope.yield() } }
      group.addTask {
        try? await context.rounds(of: "nobody rings", every: Self.every) { rope.yield() }
      }
      group.addTask { await answer(bell) }
      await group.waitForAll()
    }
  }

  private func answer(_ bell: AsyncStream<Void>) async {
    var machine = Standing()
    for await _ in bell {
      let now = context.clock.now()
      guard machine.mayTry(at: now) else { continue }
      do {
        if !machine.hasBegun {
          try await handOverAll()
          machine.hasBegun = true
        }
        try await handOverWaiting()
        if machine.isTimeToSpeak(at: now) {
          try await publish([], asOf: now)
          machine.spokeAt = now
        }
        machine.failedAt = nil
      } catch {
        if machine.failedAt == nil, !Task.isCancelled {
          context.log.warning(
            "what is revoked cannot be handed over", ["why": .text("\(error)")])
        }
        machine.failedAt = now
      }
    }
  }

  /// When to do what.
  private struct Standing {
    var hasBegun = false
    var spokeAt: Instant?
    var failedAt: Instant?

    func mayTry(at now: Instant) -> Bool { failedAt.map { Self.isOver($0, now) } ?? true }
    func isTimeToSpeak(at now: Instant) -> Bool { spokeAt.map { Self.isOver($0, now) } ?? true }
    /// Half a pause: the bell rings a little early or late. A clock that was set back ends no pause later.
    private static func isOver(_ moment: Instant, _ now: Instant) -> Bool {
      now < moment || now >= moment + .milliseconds(250)
    }
  }

  /// At the start all that is alive: the authority's store may be another one than yesterday, and a home of an older
  /// build has entries that were never handed over.
  private func handOverAll() async throws {
    var after: Int64 = 0
    while true {
      let entries = try await store.revocations(after: after)
      guard let last = entries.last else { return }
      try await publish(entries, asOf: nil)
      after = last.entry.number
    }
  }

  /// What waits in the outbox; all of it, or it throws.
  private func handOverWaiting() async throws {
    while true {
      let batch = try await context.outbox.batch(
        of: AuthorityOperations.revocationsTopic, limit: PublishedRevocations.entriesMax / 2)
      guard !batch.isDamaged else { throw Problem.defect }
      guard !batch.messages.isEmpty else { return }
      let entries = try batch.messages.map {
        try StrictJSON.decode(NewRevocation.self, from: $0.body)
      }
      try await publish(entries, asOf: nil)
      try await context.outbox.settle(batch, at: context.clock.now())
    }
  }

  private func publish(_ entries: [NewRevocation], asOf: Instant?) async throws {
    _ = try await authority.call(
      AuthorityOperations.publishRevocations, PublishedRevocations(entries: entries, asOf: asOf),
      context: context.background(within: .seconds(3)))
  }
}
