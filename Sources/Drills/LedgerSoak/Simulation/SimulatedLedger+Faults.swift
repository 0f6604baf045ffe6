import LedgerBook
import LedgerJournal
import Vocabulary

// What goes wrong, how the runner comes back, and what must hold at every step.

extension SimulatedLedger {
  mutating func project() -> String? {
    let last = commits.durableTransfer
    let through = fault == .forgottenBeforeIndexed ? journaled.book.sequence : last
    if last > index.last, fault != .forgottenBeforeIndexed {
      // As the keeper does: rows from the book's memory, only what is durable.
      index.add(journaled.book.recentRows(index.last + 1..<last + 1))
    }
    journaled.forget(through: through)
    return nil
  }

  mutating func snapshot() -> String? {
    let isWritten = commits.durable == journaled.tip.sequence && !commits.isLost
    guard isWritten || fault == .snapshotOfUnwrittenBook else { return nil }
    let bytes = BookSnapshot(of: journaled.book, at: journaled.tip).encoded
    disk.snapshots.append((journaled.tip.sequence, bytes, BookSnapshot.hash(of: bytes)))
    return nil
  }

  /// The process dies, perhaps the power with it; the index may have to be built anew.
  mutating func crash() -> String? {
    unanswered += flights.flatMap { $0.calls.map(\.batch) }
    // Handed to the disk but without an answer: in a crash anything may have become of the first.
    if let first = flights.first, let sealed = first.sealed, random.chance(50) {
      if case .refused = disk.commit(sealed, &random) {} else { inDoubt.append(first) }
    }
    flights = []
    disk.crash(&random)
    if random.chance(30) { index.drop() }
    return readAgain()
  }

  /// Another writer takes over while this one is paused, with groups on their way.
  mutating func takeOver() -> String? {
    ghosts += flights.compactMap(\.sealed)
    unanswered += flights.flatMap { $0.calls.map(\.batch) }
    flights = []
    let epoch = disk.takeOver()
    journaled = JournaledBook(journaled.book, at: journaled.tip, epoch: epoch)
    return readAgain()
  }

  /// The paused writer wakes up and commits what it had decided.
  mutating func haunt() -> String? {
    guard !ghosts.isEmpty else { return nil }
    _ = disk.commit(ghosts.removeFirst(), &random)
    return nil
  }

  /// Snapshot and tail, as `LoadedBook` does it.
  mutating func readAgain() -> String? {
    let epoch = journaled.epoch
    let generation = commits.generation + 1
    do throws(JournalMismatch) {
      var next = JournaledBook(Book(limits: Self.limits, key: 7), epoch: epoch)
      var records = disk.synced[...]
      if let newest = disk.snapshots.last {
        let snapshot = try BookSnapshot(
          encoded: newest.body, hash: newest.hash, at: newest.sequence)
        guard
          newest.sequence == 0
            || disk.synced.indices.contains(Int(newest.sequence) - 1)
              && disk.synced[Int(newest.sequence) - 1].hash == snapshot.position.hash
        else { throw .snapshot(at: newest.sequence, "the journal has another entry there") }
        let rows = try history(through: newest.sequence)
        let book = try snapshot.book(
          limits: Self.limits, key: 7,
          remembering: Array(rows.dropFirst(Int(min(index.last, snapshot.lastTransfer)))))
        next = JournaledBook(book, at: snapshot.position, epoch: epoch)
        records = records.dropFirst(Int(newest.sequence))
      }
      for record in records {
        try next.replay(SealedEntry(body: record.body, hash: record.hash, after: next.tip))
        next.forget(through: index.last)
      }
      guard index.last <= next.book.sequence else {
        throw .indexAhead(of: next.tip.sequence)
      }
      journaled = next
    } catch {
      return "\(error)"
    }
    filter = IDFilter(bytes: 4_096, key: 7)
    for id in index.ids { filter.insert(id) }
    for row in journaled.book.recentRows(journaled.book.recentRange) {
      filter.insert(row.id)
      if row.token != 0 { filter.insert(row.token) }
    }
    commits = CommitFlow(
      tip: journaled.tip.sequence, transfer: journaled.book.sequence, generation: generation)
    flights = []
    return settleDoubts()
  }

  private func history(through entry: Int64) throws(JournalMismatch) -> [TransferRow] {
    var rows: [TransferRow] = []
    var position = JournalPosition.start
    for record in disk.synced.prefix(Int(entry)) {
      let sealed = try SealedEntry(body: record.body, hash: record.hash, after: position)
      rows += sealed.entry.accepted
      position = sealed.position
    }
    return rows
  }

  /// Now it is known which of the unanswered groups are in history.
  private mutating func settleDoubts() -> String? {
    let hashes = Set(disk.synced.map(\.hash))
    defer { inDoubt = [] }
    for flight in inDoubt {
      guard let sealed = flight.sealed, hashes.contains(sealed.hash) else { continue }
      if let complaint = tell(flight) { return complaint }
    }
    return nil
  }

  // MARK: what must hold

  func invariant() -> String? {
    for total in journaled.book.trialBalance where !total.isBalanced {
      return "\(total.currency) does not sum to zero"
    }
    for (entry, hash) in acknowledged {
      guard disk.synced.indices.contains(Int(entry) - 1), disk.synced[Int(entry) - 1].hash == hash
      else { return "acknowledged entry \(entry) is not in history" }
    }
    // Between groups on their way book and model are at different moments.
    guard flights.isEmpty, !commits.isLost, inDoubt.isEmpty else { return nil }
    for account in journaled.book.accountRows {
      let sums = model.sums(AccountID(bits: account.id))
      let own = BookModel.Sums(
        debitsPending: account.debitsPending, debitsPosted: account.debitsPosted,
        creditsPending: account.creditsPending, creditsPosted: account.creditsPosted)
      guard sums == own else { return "account \(account.id): \(own), model \(sums)" }
    }
    guard journaled.book.sequence == Int64(model.records.count) else {
      return "\(journaled.book.sequence) transfers, model \(model.records.count)"
    }
    return nil
  }

  /// At the end all of history is read once more: hashes chain, no id is there twice, and the book
  /// that comes from it, with every limit checked, is the one at hand.
  mutating func verdict() -> String? {
    while !flights.isEmpty { if let complaint = step() { return complaint } }
    var ids: Set<UInt128> = []
    var position = JournalPosition.start
    do throws(JournalMismatch) {
      var again = JournaledBook(Book(limits: Self.limits, key: 1), epoch: disk.epoch)
      for record in disk.synced {
        let sealed = try SealedEntry(body: record.body, hash: record.hash, after: position)
        position = sealed.position
        for row in sealed.entry.accepted where !ids.insert(row.id).inserted {
          return "transfer \(row.id) is in history twice"
        }
        try again.replay(sealed)
        for kept in disk.snapshots where kept.sequence == again.tip.sequence {
          let own = BookSnapshot(of: again.book, at: again.tip).encoded
          guard BookSnapshot.hash(of: own) == kept.hash else {
            return "the snapshot at entry \(kept.sequence) is another book"
          }
        }
      }
      _ = try BookSnapshot(of: again.book, at: again.tip).book(limits: Self.limits, key: 2)
      guard commits.isLost || again.book.accountRows == journaled.book.accountRows else {
        return "history comes to another book"
      }
    } catch {
      return "\(error)"
    }
    return nil
  }
}
