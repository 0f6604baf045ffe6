import MerkleLog
import Vocabulary

/// What is compared behind the start: first what no life before has compared, then all of the past again, round after round.
extension LogWriter {
  /// All of the past is compared once in so much time that the service runs, whatever was compared before: what is altered
  /// behind the mark is found within it. Holds for up to 700 million records.
  package static let roundMax: Duration = .seconds(24 * 3_600)
  /// Longest pause between two portions of a round; a short log is gone through more often than need be.
  static let portionPauseMax: Duration = .seconds(60)
  /// Portions in one call of `compareAgain`, at most.
  static let portionsMax = 8
  /// Portions of the first comparison between two marks.
  static let portionsPerMark = 16

  /// Compares the records that `recover` passed over, and no life before has compared, with every file, and what they come to
  /// with the checkpoint; lets the store go of those that it still holds and the files do too. Lets others in after each step;
  /// ends early when cancelled, and goes on where it was when it is called again, also after a start.
  /// - Throws: `LogFault` with the place of the first disagreement. The log is shut then, and no start opens it again
  ///   before folder and store are restored. Other errors say that the store could not be read just now.
  package func comparePast() async throws {
    do {
      try await compareRest()
    } catch let fault as LogFault {
      throw shut(for: fault)
    } catch {
      // Cancelled, or a store that cannot be read just now: what was compared was.
      keepMark()
      throw error
    }
  }

  private func compareRest() async throws {
    var portions = 0
    while past.size < comparedFrom, !Task.isCancelled {
      let end = min(comparedFrom, past.size + UInt64(Self.recordsPerStep))
      past = try await replay(past, to: end)
      try await letGo(before: past.size)
      portions += 1
      if portions % Self.portionsPerMark == 0 { keepMark() }
      await pause(Self.pauseBetweenSteps)
    }
    guard past.size < comparedFrom || past.root == rootBefore else {
      throw LogFault.rootDiffers(size: comparedFrom)
    }
    keepMark()
    guard !Task.isCancelled else { return }
    mayLetGo = true
    while try await letGo(before: growth.size), !Task.isCancelled {
      await pause(Self.pauseBetweenSteps)
    }
  }

  /// Goes on with the round that looks at all of the past again, at the pace that `roundMax` takes. Not while `comparePast`
  /// runs.
  /// - Parameter span: how much time has passed since it was called last.
  /// - Returns: how many records the log had in the round that ended now; nil where none did.
  /// - Throws: as `comparePast`.
  package func compareAgain(after span: Duration) async throws -> UInt64? {
    untilPortion -= span
    // A machine that slept owes nothing.
    defer { untilPortion = max(untilPortion, .zero) }
    do {
      for _ in 0..<Self.portionsMax where untilPortion <= .zero {
        guard !published.isShut, let newest = published.statement?.checkpoint else { return nil }
        untilPortion += Self.pauseBetweenPortions(of: newest.size)
        let ended = try await comparePortion(upTo: newest)
        keepMark()
        if let ended { return ended }
      }
      return nil
    } catch let fault as LogFault {
      throw shut(for: fault)
    }
  }

  /// How much time a portion of a round over so many records has. A sixth of `roundMax` is left for what holds it up.
  package static func pauseBetweenPortions(of records: UInt64) -> Duration {
    let portions = Int64(clamping: records / UInt64(recordsPerStep) + 1)
    return min(max(roundMax * 5 / 6 / portions, pauseBetweenSteps), portionPauseMax)
  }

  private func comparePortion(upTo newest: Checkpoint) async throws -> UInt64? {
    let target = roundEnd ?? newest
    roundEnd = target
    let expired = try await store.progress().expired
    if round.size < expired { round = try start(at: expired, of: growth.size) }
    let whole = target.size - target.size % AuditStore.bundleRecords
    if round.size < whole {
      round = try await replay(round, to: min(whole, round.size + UInt64(Self.recordsPerStep)))
    }
    guard round.size >= whole else { return nil }
    // What the checkpoint says is of all its records, so those in the bundle that is not full belong to it.
    if target.size > round.size {
      guard try await replay(round, to: target.size).root == target.root else {
        throw LogFault.rootDiffers(size: target.size)
      }
    } else if target.size == round.size, target.root != round.root {
      throw LogFault.rootDiffers(size: target.size)
    }
    past = round
    roundEnd = nil
    round = try start(at: expired, of: growth.size)
    return target.size
  }

  /// Nothing is added to a log whose past was altered.
  private func shut(for fault: LogFault) -> LogFault {
    published.close()
    try? folder.write([(Self.shutPath, Array(fault.description.utf8))])
    return fault
  }

  /// What an earlier life has signed; nil where it is not our word.
  func keptMark() -> ComparisonMark? {
    folder.read(Self.markPath).flatMap { ComparisonMark.verified($0, by: signer.verifierKey) }
  }

  /// A mark that is lost costs time and nothing else.
  private func keepMark() {
    let mark = ComparisonMark(
      origin: signer.verifierKey.name,
      compared: ComparisonMark.Place(size: past.size, root: past.root),
      round: ComparisonMark.Place(size: round.size, root: round.root))
    guard mark != lastMark, let note = mark.signed(by: signer) else { return }
    guard (try? folder.write([(Self.markPath, Array(note.utf8))])) != nil else { return }
    lastMark = mark
  }

  /// Has the store let go of some bundles that were compared with their files, the oldest first, and packs those files.
  /// - Returns: whether there was something to do.
  @discardableResult
  private func letGo(before end: UInt64) async throws -> Bool {
    let moved = try await store.progress().moved / AuditStore.bundleRecords
    let target = min(end / AuditStore.bundleRecords, moved + UInt64(AuditStore.bundlesPerMove))
    guard target > moved else { return false }
    try folder.pack((moved..<target).map { TileAddress(.entries, index: $0) })
    try await store.move(before: target * AuditStore.bundleRecords)
    return true
  }
}
