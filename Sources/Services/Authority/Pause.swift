import Vocabulary

/// How often the clock is looked at during a long pause. A pause counts the seconds that pass; when the clock is set, the
/// moment comes sooner or later than that.
private let lookEvery: Duration = .seconds(2)

/// - Throws: `CancellationError`.
func pause(for span: Duration) async throws { try await Task.sleep(for: span) }

/// Returns when the clock has left this span (nil: never), at the next change, or when cancelled. A clock set back before
/// the span's beginning has left it too: what was issued then is not valid yet.
func pause(while span: Range<Instant>?, or changes: AsyncStream<Void>, _ clock: Clock) async {
  await withTaskGroup(of: Void.self) { group in
    group.addTask { for await _ in changes { return } }
    if let span {
      group.addTask {
        while span.contains(clock.now()), !Task.isCancelled {
          let rest = max(.milliseconds(10), span.upperBound - clock.now())
          try? await Task.sleep(for: min(rest, lookEvery))
        }
      }
    }
    await group.next()
    group.cancelAll()
  }
}
