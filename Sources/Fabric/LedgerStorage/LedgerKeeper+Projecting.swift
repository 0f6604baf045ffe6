import Dispatch
import LedgerBook
import LedgerJournal
import Storage
import Synchronization

// Behind the journal: the index, and now and then a snapshot.

extension LedgerKeeper {
  /// Transfers in a new segment of the index, at most.
  private static let segmentMax: Int64 = 131_072

  /// Starts the index on its way when enough is durable that it does not have.
  func projectIfDue() {
    guard settings.buildsIndex else { return }
    let isDue = flow.withLock { flow -> Bool in
      let lag = flow.commits.durableTransfer - flow.projected
      guard !flow.isProjecting, lag >= Int64(settings.limits.recentBlock) else { return false }
      flow.isProjecting = true
      return true
    }
    if isDue { projections.async { self.project() } }
  }

  /// Runs on `projections` until the index has caught up.
  private func project() {
    do {
      try catchUpWithIndex()
      while let (first, last) = nextStretch() {
        try index.add(rows(first, last), first: first)
        kept.withLock { $0.journaled.forget(through: last) }
        flow.withLock { $0.projected = max($0.projected, last) }
        kick()
        joinIfDue()
        try growFilterIfDue()
        try snapshotIfDue()
      }
    } catch {
      // The disk refuses; the journal will hear the same. What is indexed stays, the rest is tried
      // again with the next entries that are kept.
      flow.withLock { $0.isProjecting = false }
    }
  }

  /// The index may have more than was heard of: the answer to a commit of its own was lost with the connection.
  private func catchUpWithIndex() throws {
    let indexed = try store.readNow { try IndexStore.projected($0) }
    guard flow.withLock({ !$0.commits.isLost && $0.projected < indexed }) else { return }
    kept.withLock { $0.journaled.forget(through: indexed) }
    flow.withLock { $0.projected = max($0.projected, indexed) }
  }

  /// The next stretch of durable transfers, in whole blocks of the book's memory.
  private func nextStretch() -> (Int64, Int64)? {
    flow.withLock { flow in
      let lag = flow.commits.durableTransfer - flow.projected
      guard !flow.commits.isLost, lag >= Int64(settings.limits.recentBlock) else {
        flow.isProjecting = false
        return nil
      }
      return (flow.projected + 1, flow.projected + min(lag, Self.segmentMax))
    }
  }

  private func rows(_ first: Int64, _ last: Int64) -> [TransferRow] {
    var rows: [TransferRow] = []
    rows.reserveCapacity(Int(last - first + 1))
    var start = first
    while start <= last {
      let end = min(last + 1, start + Int64(settings.limits.recentBlock))
      // A block at a time, so that deciding does not wait long for the book.
      rows += kept.withLock { $0.journaled.book.recentRows(start..<end) }
      start = end
    }
    return rows
  }

  /// Joins segments beside the building of new ones: joining large ones takes seconds, for which
  /// nobody should wait.
  private func joinIfDue() {
    let isFree = flow.withLock { flow -> Bool in
      defer { flow.isJoining = true }
      return !flow.isJoining
    }
    guard isFree else { return }
    joins.async { [self] in
      // What fails leaves smaller segments, which answer as well, and is tried again.
      while (try? index.joinOnce()) == true {}
      flow.withLock { $0.isJoining = false }
    }
  }

  /// A larger filter when there are more ids than the one at hand is good for, and a whole one after a start that left it
  /// for later.
  func growFilterIfDue() throws {
    let (isDue, count, generation) = kept.withLock { kept in
      let mayGrow = kept.filter.isFull && kept.filter.bytes < settings.filterBytes
      return (mayGrow || !kept.filter.knowsPast, kept.filter.count, kept.generation)
    }
    guard isDue else { return }
    var filter = try store.readNow {
      try LoadedBook.filter(
        indexed: max(Int64(count), IndexStore.projected($0)), $0, bytesMax: settings.filterBytes,
        key: key)
    }
    kept.withLock { kept in
      // Whatever the index did not have when it was read, the book remembers: this queue alone makes
      // it forget.
      guard kept.generation == generation else { return }
      filter.insert(kept.journaled.book)
      kept.filter = filter
    }
  }

  private func snapshotIfDue() throws {
    let isDue = flow.withLock { flow in
      flow.commits.durableTransfer - flow.snapshotAt >= settings.snapshotEvery
    }
    guard isDue else { return }
    try takeSnapshot()
  }

  /// Keeps the book as it stands, so that the next start reads little of history.
  func takeSnapshot() throws {
    let (snapshot, count) = kept.withLock { kept in
      (
        BookSnapshot(of: kept.journaled.book, at: kept.journaled.tip),
        Int64(kept.journaled.book.accountCount)
      )
    }
    let bytes = snapshot.encoded
    try index.write {
      try JournalStore.keep(bytes, at: snapshot.position, $0)
    }
    // A large book waits longer for the next, so that snapshots stay a fraction of the journal.
    flow.withLock {
      $0.snapshotAt = snapshot.lastTransfer + max(0, count * 4 - settings.snapshotEvery)
    }
  }
}
