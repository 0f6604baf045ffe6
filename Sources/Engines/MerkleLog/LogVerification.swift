/// What is wrong with a log, by name and place.
package enum LogFinding: Error, Hashable, Sendable {
  /// There is no checkpoint, or what is there is not one that the key signed.
  case checkpointMissing
  case checkpoint(Checkpoint.Flaw)
  case olderCheckpoint(Checkpoint.Flaw)
  /// A file that the checkpoint's size needs is not there.
  case fileMissing(path: String)
  /// A file has another length, or another inner form, than its name promises.
  case fileMalformed(path: String)
  /// An entry is not the one that was hashed when it was logged.
  case entryAltered(index: UInt64)
  /// The entry that was logged here is gone; later ones moved up.
  case entryDropped(index: UInt64)
  /// An entry stands here that was never logged; later ones moved down.
  case entryInserted(index: UInt64)
  /// The entries that were logged are here, from this place on in another order.
  case entriesReordered(index: UInt64)
  /// A tile does not follow from the tiles below it.
  case tileDiffers(path: String)
  /// All files agree with each other, but not with what the log signed.
  case rootDiffers(size: UInt64)
  /// The log is shorter than it once said: entries were taken away at the end.
  case rolledBack(from: UInt64, to: UInt64)
  /// The log at the older size is another than it once said: history was rewritten.
  case forked(size: UInt64)
}

extension LogFinding: CustomStringConvertible {
  /// One plain sentence.
  package var description: String {
    switch self {
    case .checkpointMissing: "There is no checkpoint."
    case .checkpoint(let flaw): "The checkpoint is not to be believed: \(flaw)."
    case .olderCheckpoint(let flaw): "The older checkpoint is not to be believed: \(flaw)."
    case .fileMissing(let path): "The file \(path) is missing."
    case .fileMalformed(let path): "The file \(path) is not what its name promises."
    case .entryAltered(let index): "Entry \(index) was altered after it was logged."
    case .entryDropped(let index): "Entry \(index) was taken out after it was logged."
    case .entryInserted(let index): "Entry \(index) was put in; it was never logged."
    case .entriesReordered(let index): "Entries were put in another order, from \(index) on."
    case .tileDiffers(let path): "The hashes in \(path) do not follow from those below."
    case .rootDiffers(let size):
      "The files agree with each other but not with the signed root of \(size) entries."
    case .rolledBack(let from, let to):
      "The log was rolled back: it once had \(from) entries, now it says \(to)."
    case .forked(let size):
      "History was rewritten: the first \(size) entries are not those of then."
    }
  }
}

/// The outcome of reading a whole log.
package struct LogReport: Hashable, Sendable {
  /// The newest checkpoint; nil when it is missing or not to be believed.
  package let checkpoint: Checkpoint?
  /// Entries hashed.
  package let entries: UInt64
  /// Files of hashes compared.
  package let tiles: UInt64
  /// Empty for a sound log; at most `LogVerification.findingsMax`.
  package let findings: [LogFinding]
  package var isSound: Bool { findings.isEmpty }
}

/// Verifies a whole log from its files alone: the signature, every entry against its leaf hash,
/// every tile against those below, the root, and that the log still begins as an older checkpoint
/// said.
///
/// ```swift
/// let files = LogFiles { path in /* the bytes of DIR/path, or nil */ }
/// guard let key = VerifierKey(textOfSavedKey) else { … }   // kept apart from the log
/// let report = LogVerification(files: files, key: key).verify(older: savedCheckpoint)
/// report.isSound; for finding in report.findings { print(finding) }
/// ```
package struct LogVerification: Sendable {
  /// After so many findings reading stops: what matters is known by then.
  package static let findingsMax = 16

  private let files: LogFiles
  private let key: VerifierKey

  package init(files: LogFiles, key: VerifierKey) {
    self.files = files
    self.key = key
  }

  /// Reads everything once, a tile at a time.
  /// - Parameter older: a signed note saved earlier, for example by another machine; nil for none.
  package func verify(older: [UInt8]? = nil) -> LogReport {
    var findings: [LogFinding] = []
    guard let note = files.read(LogFiles.checkpointPath) else {
      return LogReport(checkpoint: nil, entries: 0, tiles: 0, findings: [.checkpointMissing])
    }
    let signed: Checkpoint
    do { signed = try Checkpoint.verified(note, by: key) } catch {
      return LogReport(checkpoint: nil, entries: 0, tiles: 0, findings: [.checkpoint(error)])
    }
    var earlier: Checkpoint?
    if let older {
      do { earlier = try Checkpoint.verified(older, by: key) } catch {
        findings.append(.olderCheckpoint(error))
      }
    }
    if let earlier, earlier.size > signed.size {
      findings.append(.rolledBack(from: earlier.size, to: signed.size))
    }
    var reading = Reading(files: files, signed: signed, earlier: earlier, findings: findings)
    reading.run()
    return LogReport(
      checkpoint: signed, entries: reading.entries, tiles: reading.tiles,
      findings: reading.findings)
  }
}

/// One pass over the files.
private struct Reading {
  let files: LogFiles
  let signed: Checkpoint
  let earlier: Checkpoint?
  var findings: [LogFinding]
  var entries: UInt64 = 0
  var tiles: UInt64 = 0
  private var edge = TileEdge()

  init(files: LogFiles, signed: Checkpoint, earlier: Checkpoint?, findings: [LogFinding]) {
    self.files = files
    self.signed = signed
    self.earlier = earlier
    self.findings = findings
  }

  mutating func run() {
    compareEarlier()
    while edge.size < signed.size {
      guard findings.count < LogVerification.findingsMax else { return }
      let leaf = TileAddress.Content.hashes(level: 0)
      // Both exist, since the edge is below the size.
      guard let address = TileAddress.holding(edge.size, of: leaf, size: signed.size),
        let bundle = TileAddress.holding(edge.size, of: .entries, size: signed.size)
      else { return }
      guard let recorded = hashes(address) else { return }
      compareEntries(bundle, with: recorded)
      for hash in recorded {
        for tile in edge.append(hash) where tile.address.content != leaf { compare(tile) }
        compareEarlier()
      }
    }
    for tile in edge.partialTiles where tile.address.content != .hashes(level: 0) { compare(tile) }
    if edge.root != signed.root { findings.append(.rootDiffers(size: signed.size)) }
  }

  /// The tile, counted; a fault becomes a finding, and without leaf hashes there is no going on.
  private mutating func hashes(_ address: TileAddress) -> [TreeHash]? {
    do {
      tiles += 1
      return try files.hashes(address)
    } catch {
      findings.append(
        error.isMissing ? .fileMissing(path: error.path) : .fileMalformed(path: error.path))
      return nil
    }
  }

  private mutating func compare(_ tile: HashTile) {
    guard let stored = hashes(tile.address) else { return }
    if stored != tile.hashes { findings.append(.tileDiffers(path: tile.address.path)) }
  }

  private mutating func compareEarlier() {
    guard let earlier, earlier.size == edge.size, earlier.root != edge.root else { return }
    findings.append(.forked(size: earlier.size))
  }

  private mutating func compareEntries(_ address: TileAddress, with recorded: [TreeHash]) {
    var path = address.path
    var bytes = files.read(path)
    if bytes == nil, address.isPartial {
      path = address.full.path
      bytes = files.read(path)
    }
    guard let bytes else { return findings.append(.fileMissing(path: address.path)) }
    guard let parsed = EntryBundle.parse(bytes) else {
      return findings.append(.fileMalformed(path: path))
    }
    // A full bundle that stands in for a partial one holds more than the checkpoint covers.
    let covered = path == address.path ? parsed[...] : parsed.prefix(address.width)
    entries += UInt64(covered.count)
    let found = covered.map { TreeHash.leaf($0) }
    guard found != recorded else { return }
    findings.append(difference(recorded, found, from: edge.size))
  }
}

/// Names what was done to entries, from the first place where they are not those that were logged.
private func difference(
  _ logged: [TreeHash], _ found: [TreeHash], from start: UInt64
) -> LogFinding {
  let place = zip(logged, found).prefix { $0 == $1 }.count
  let index = start + UInt64(place)
  if logged.count == found.count, Set(logged) == Set(found) {
    return .entriesReordered(index: index)
  }
  guard place < logged.count else { return .entryInserted(index: index) }
  guard place < found.count else { return .entryDropped(index: index) }
  if place + 1 < logged.count, logged[place + 1] == found[place] {
    return .entryDropped(index: index)
  }
  if place + 1 < found.count, found[place + 1] == logged[place] {
    return .entryInserted(index: index)
  }
  return .entryAltered(index: index)
}
