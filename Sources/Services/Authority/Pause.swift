import Vocabulary

/// Returns at a moment (nil: never) or at the next change, whichever comes first, or when
/// cancelled.
func pause(until moment: Instant?, or changes: AsyncStream<Void>, _ clock: Clock) async {
  let span = moment.map { max(.milliseconds(10), $0 - clock.now()) }
  await withTaskGroup(of: Void.self) { group in
    group.addTask { for await _ in changes { return } }
    if let span { group.addTask { try? await Task.sleep(for: span) } }
    await group.next()
    group.cancelAll()
  }
}
