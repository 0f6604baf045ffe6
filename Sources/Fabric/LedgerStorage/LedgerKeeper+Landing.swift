import Dispatch
import LedgerBook
import LedgerJournal
import Storage
import Synchronization
import Vocabulary

// Groups on their way to the disk, and what becomes of those who wait for them.

extension LedgerKeeper {
  func send(_ flight: Flight) {
    guard flight.sealed != nil || !flight.messages.isEmpty || flight.fault != nil else {
      // Nothing to write; but what it rests on may still be on its way.
      return whenDurable(flight.tip, flight.generation) { [self] error in
        // A writer that slept may have been replaced, and no commit of this group would have told it.
        let error = error ?? disowned
        for answer in flight.answers { answer(error) }
      }
    }
    flow.withLock { $0.commits.tookOff() }
    store.write { transaction in
      if let fault = flight.fault { throw fault }
      if let sealed = flight.sealed {
        try JournalStore.append(sealed, firstAccount: flight.firstAccount, transaction)
      }
      for message in flight.messages { transaction.append(message) }
    } then: { result in
      self.landed(flight, result)
    }
  }

  /// Why this process must not answer from memory; nil while it may.
  private var disowned: (any Error)? {
    do throws(StoreError) {
      try store.requireOwned()
      return nil
    } catch {
      return error
    }
  }

  private func landed(_ flight: Flight, _ result: Result<Void, any Error>) {
    var failure: (any Error)?
    if case .failure(let error) = result {
      // Only the store's own errors are for callers; that the chain does not fit says that an entry
      // before this one was lost.
      failure = error is StoreError ? error : LedgerFault.readingAgain
    }
    let (waiters, isLost) = flow.withLock { flow -> ([Waiter], Bool) in
      flow.commits.landed(
        entry: flight.tip, transfer: flight.lastTransfer, kept: failure == nil)
      if !flow.commits.isLost, let sealed = flight.sealed { flow.durable = sealed.position }
      let ready = flow.waiters.filter {
        flow.commits.standing(of: $0.entry, in: flow.commits.generation) != .onItsWay
      }
      if !ready.isEmpty {
        flow.waiters.removeAll {
          flow.commits.standing(of: $0.entry, in: flow.commits.generation) != .onItsWay
        }
      }
      return (ready, flow.commits.isLost)
    }
    // A group behind a lost one counts for nothing, even where the disk took it.
    if isLost, failure == nil { failure = LedgerFault.readingAgain }
    for answer in flight.answers { answer(failure) }
    for waiter in waiters { waiter.resume(isLost ? LedgerFault.readingAgain : nil) }
    if !isLost { projectIfDue() }
    kick()
  }

  /// Calls back when an entry is durable, or with an error when it never will be.
  func whenDurable(
    _ entry: Int64, _ generation: Int, _ resume: @escaping @Sendable ((any Error)?) -> Void
  ) {
    let standing = flow.withLock { flow -> CommitFlow.Standing in
      let standing = flow.commits.standing(of: entry, in: generation)
      if standing == .onItsWay { flow.waiters.append(Waiter(entry: entry, resume: resume)) }
      return standing
    }
    switch standing {
    case .durable: resume(nil)
    case .lost: resume(LedgerFault.readingAgain)
    case .onItsWay: break
    }
  }

  // MARK: reading again

  /// Pause between two attempts to read the books.
  private static let readingPause: DispatchTimeInterval = .milliseconds(200)

  /// Runs on `decisions` when nothing is on its way.
  func readAgain() {
    let waiting = flow.withLock { flow -> [LedgerWork] in
      defer { flow.waiting = [] }
      return flow.waiting
    }
    for work in waiting { work.fail(LedgerFault.readingAgain) }
    do {
      // Not beside the building of the index: what is read and what is built would not fit together.
      try projections.sync { try load() }
      projections.async { try? self.growFilterIfDue() }
      tell(shutBy: nil)
      kick()
    } catch {
      if let mismatch = error as? JournalMismatch { tell(shutBy: mismatch) }
      // The disk does not read either, the server is not back, or what it has is not what was answered: callers go on
      // hearing that they may ask again.
      decisions.asyncAfter(deadline: .now() + Self.readingPause) { self.readAgain() }
    }
  }

  /// Once for each reason, not with each attempt.
  private func tell(shutBy mismatch: JournalMismatch?) {
    let isNew = shut.withLock { told in
      defer { told = mismatch }
      return told != mismatch
    }
    if isNew { tellShut(mismatch) }
  }

  /// - Throws: also where the journal has lost what was answered, as after a failover to a server that was behind: a
  ///   shorter truth would free ids that were used.
  private func load() throws {
    let durable = flow.withLock { $0.durable }
    let loaded = try store.readNow { snapshot in
      guard try JournalStore.hash(at: durable.sequence, snapshot) == durable.hash else {
        throw JournalMismatch.missing(entry: durable.sequence)
      }
      return try LoadedBook(snapshot, settings: settings, key: key, epoch: epoch)
    }
    let generation = kept.withLock { kept -> Int in
      kept = Kept(
        journaled: loaded.journaled, filter: loaded.filter, generation: kept.generation + 1)
      return kept.generation
    }
    flow.withLock { flow in
      var new = loaded.flow(generation: generation)
      new.isProjecting = flow.isProjecting
      new.isJoining = flow.isJoining
      flow = new
    }
  }
}
