import MerkleLog
package import Telemetry
package import Vocabulary

/// Publishes a checkpoint soon after records came in, and not more often than makes sense.
package struct CheckpointPublisher: Sendable {
  /// Shortest time between two checkpoints. With the writing itself it keeps a record uncovered for
  /// less than `AuditOperations.checkpointMillisecondsMax` on a healthy disk.
  package static let pauseMin: Duration = .milliseconds(100)
  /// Time before the next attempt after a failure, for example a full disk.
  package static let pauseAfterFailure: Duration = .seconds(1)

  private let writer: LogWriter
  private let clock: Clock
  private let log: Log
  private let signals: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation
  private let failures: Counter
  private let duration: Histogram

  package init(
    writer: LogWriter, published: PublishedLog, clock: Clock, log: Log, metrics: MetricsRegistry
  ) {
    self.writer = writer
    self.clock = clock
    self.log = log
    (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    failures = metrics.counter(
      "strongroom_audit_checkpoint_failures_total", help: "Checkpoints that could not be published."
    )
    duration = metrics.histogram(
      "strongroom_audit_checkpoint_seconds", help: "Time to publish a checkpoint.")
    metrics.gauge(
      "strongroom_audit_log_records", help: "Records covered by the newest checkpoint.",
      read: { Double(published.statement?.checkpoint.size ?? 0) })
  }

  /// Records came in. Never waits.
  package func notice() { continuation.yield() }

  /// Until cancelled; then once more, so that a drained service leaves nothing uncovered.
  package func run() async {
    for await _ in signals {
      await writer.pause(await publish() ? Self.pauseMin : Self.pauseAfterFailure)
    }
    // The store refuses to read for a cancelled task, so the last one is a task of its own.
    _ = await Task { await publish() }.value
    await writer.sweep()
  }

  private func publish() async -> Bool {
    let start = clock.now()
    do {
      try await writer.publish()
      duration.record(clock.now() - start)
      return true
    } catch is CancellationError {
      return true
    } catch {
      failures.add()
      log.error("no checkpoint could be published; trying again", ["why": .text("\(error)")])
      continuation.yield()
      return false
    }
  }
}
