import LedgerBook
import LedgerJournal

/// What a simulated run does wrong on purpose, so that it can be seen that the simulation notices.
/// All of it lies outside of the code under test: in the disk, in the runner, in the index or in the
/// model.
package enum PlantedFault: String, CaseIterable, Sendable {
  // The disk.
  case syncSkipped, oldWriterCommits, chainUnchecked, tornEntryBelieved, entryWrittenTwice
  case expiriesLeftOut, amountChanged
  // The runner.
  case answeredBeforeDurable, lostEntryIgnored, snapshotOfUnwrittenBook, forgottenBeforeIndexed
  // The index and the filter.
  case filterForgets, endsNotIndexed, tokensNotIndexed
  // The rules, as the model has them.
  case precedenceSwapped, holdReleasedTwice, overCaptureAllowed
}

/// A disk that keeps what was synced, and of the rest what it likes: in a crash writes that were not
/// synced are lost, torn, or survive out of order.
struct SimulatedDisk {
  struct Record {
    var body: [UInt8]
    var hash: JournalHash
    var epoch: Int64
  }
  enum Answer { case kept, full, unknown, refused }

  let fault: PlantedFault?
  private(set) var synced: [Record] = []
  private(set) var buffered: [Record] = []
  private(set) var epoch: Int64 = 0
  var snapshots: [(sequence: Int64, body: [UInt8], hash: JournalHash)] = []

  init(fault: PlantedFault?) { self.fault = fault }

  /// Another writer takes over.
  mutating func takeOver() -> Int64 {
    epoch += 1
    return epoch
  }

  /// One transaction: written, then synced, unless something comes between.
  mutating func commit(_ sealed: SealedEntry, _ random: inout RandomBatches) -> Answer {
    let last = buffered.last ?? synced.last
    if fault != .oldWriterCommits {
      guard sealed.entry.epoch == epoch else { return .refused }
    }
    if fault != .chainUnchecked, fault != .oldWriterCommits {
      guard (last?.hash ?? .none) == sealed.entry.previous else { return .refused }
    }
    if random.chance(4) { return .full }
    var record = Record(body: sealed.body, hash: sealed.hash, epoch: sealed.entry.epoch)
    var entry = sealed.entry
    if fault == .expiriesLeftOut, !entry.expired.isEmpty {
      entry.expired = []
      let other = SealedEntry(entry)
      record = Record(body: other.body, hash: other.hash, epoch: entry.epoch)
    }
    if fault == .amountChanged, let row = entry.accepted.last, row.amount > 1 {
      entry.accepted[entry.accepted.count - 1].amount -= 1
      let other = SealedEntry(entry)
      record = Record(body: other.body, hash: other.hash, epoch: entry.epoch)
    }
    buffered.append(record)
    if fault == .entryWrittenTwice, random.chance(30) { buffered.append(record) }
    // The connection is lost before the answer: before or after the sync, nobody knows.
    if random.chance(4) {
      if random.chance(50) { sync() } else { crash(&random) }
      return .unknown
    }
    if fault != .syncSkipped { sync() }
    return .kept
  }

  private mutating func sync() {
    synced += buffered
    buffered = []
  }

  /// The power goes. Of what was not synced a part survives, the last of it torn.
  mutating func crash(_ random: inout RandomBatches) {
    for var record in buffered {
      guard random.chance(50) else { continue }
      if random.chance(50), !record.body.isEmpty {
        if random.chance(50) {
          record.body.removeLast(random.below(record.body.count))
        } else {
          record.body[random.below(record.body.count)] ^= 1
        }
        if fault == .tornEntryBelieved { record.hash = JournalHash(rehashing: record.body) }
      }
      // A database finds by its own checksums where the last whole commit ends.
      guard fault == .tornEntryBelieved || JournalHash(rehashing: record.body) == record.hash,
        fault == .tornEntryBelieved || follows(record)
      else { break }
      synced.append(record)
    }
    buffered = []
  }

  private func follows(_ record: Record) -> Bool {
    let position = JournalPosition(
      sequence: Int64(synced.count), hash: synced.last?.hash ?? .none)
    return (try? SealedEntry(body: record.body, hash: record.hash, after: position)) != nil
  }
}

extension JournalHash {
  /// As the disk's own checksum would say it.
  init(rehashing bytes: [UInt8]) { self = BookSnapshot.hash(of: bytes) }
}
