import Telemetry

/// Work that a service does again and again while it stands: sweeping, forgetting, looking after what was left open. The chassis
/// runs it from readiness to drain.
package struct Round: Sendable {
  /// What the log says where one goes wrong.
  let failure: StaticString
  /// Between the end of one round and the start of the next.
  let pause: Duration
  let work: @Sendable () async throws -> Void

  package init(
    every pause: Duration, or failure: StaticString,
    _ work: @escaping @Sendable () async throws -> Void
  ) {
    self.failure = failure
    self.pause = pause
    self.work = work
  }
}

extension ServiceContext {
  /// Unasked work: does a round, pauses, and goes on until cancelled. A round that fails is logged
  /// and the next one tries again, for such work must outlive a full disk or a neighbour's restart.
  /// - Parameter pause: between the end of one round and the start of the next.
  package func rounds(
    of work: StaticString, every pause: Duration, _ round: @Sendable () async throws -> Void
  ) async throws {
    while true {
      do {
        try await round()
      } catch is CancellationError {
        return
      } catch {
        log.warning(work, ["why": .text("\(error)")])
      }
      try await Task.sleep(for: pause)
    }
  }
}
