/// The outcome of reading a log.
package struct LogReport: Hashable, Sendable {
  /// The newest checkpoint; nil when it is missing or not to be believed.
  package let checkpoint: Checkpoint?
  /// Entries hashed.
  package let entries: UInt64
  /// Files of hashes compared.
  package let tiles: UInt64
  /// Entries before this one were not looked at: only their hashes are in what was verified. Zero for a whole log.
  package var from: UInt64 = 0
  /// Entries whose time is over, by the log's own signed word, and whose bundles are gone.
  package var expired: UInt64 = 0
  /// Empty for a sound log; at most `LogVerification.findingsMax`.
  package let findings: [LogFinding]
  package var isSound: Bool { findings.isEmpty }
}

/// Verifies a log from its files alone: the signature, every entry against its leaf hash, every tile against those below,
/// the root, and that the log still begins as an older checkpoint said.
///
/// The log may grow meanwhile: the checkpoint is read first, and then only what it covers. Of that nothing ever goes but
/// partial files, for which the full ones stand in, and bundles whose time is over.
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
  /// How far a verification is: entries looked at, of how many.
  package typealias Progress = (_ entries: UInt64, _ of: UInt64) -> Void

  /// Which entries are looked at. The hashes of those before are taken from the tiles, and are as certain: they lead to
  /// the signed root with the rest.
  package enum Extent: Hashable, Sendable {
    case whole
    /// Those that came after the older checkpoint.
    case sinceOlder
    /// The last full bundles, so many, and what follows them.
    case newestBundles(UInt64)
  }

  private let files: LogFiles
  private let key: VerifierKey

  package init(files: LogFiles, key: VerifierKey) {
    self.files = files
    self.key = key
  }

  /// Reads each file once, a tile at a time.
  /// - Parameters:
  ///   - older: a signed note saved earlier, for example by another machine; nil for none.
  ///   - progress: told after each bundle.
  package func verify(
    older: [UInt8]? = nil, _ extent: Extent = .whole, progress: Progress = { _, _ in }
  ) -> LogReport {
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
    let first = first(extent, signed, earlier)
    var reading = Reading(
      files: files, key: key, signed: signed, earlier: earlier, first: first, findings: findings)
    reading.run(progress)
    return LogReport(
      checkpoint: signed, entries: reading.entries, tiles: reading.tiles, from: first,
      expired: reading.expired, findings: reading.findings)
  }

  /// The first entry that is looked at: the first of a bundle.
  private func first(_ extent: Extent, _ signed: Checkpoint, _ earlier: Checkpoint?) -> UInt64 {
    let width = UInt64(TileAddress.widthMax)
    let bundles = signed.size / width
    return switch extent {
    case .whole: 0
    case .sinceOlder: min((earlier?.size ?? 0) / width, bundles) * width
    case .newestBundles(let count): (bundles - min(count, bundles)) * width
    }
  }
}

/// One pass over the files.
private struct Reading {
  let files: LogFiles
  let key: VerifierKey
  let signed: Checkpoint
  let earlier: Checkpoint?
  let first: UInt64
  var findings: [LogFinding]
  var entries: UInt64 = 0
  var tiles: UInt64 = 0
  var expired: UInt64 = 0
  private var edge = TileEdge()
  /// The first entry that is kept, as the log said when that was last of interest.
  private var kept: UInt64 = 0

  init(
    files: LogFiles, key: VerifierKey, signed: Checkpoint, earlier: Checkpoint?, first: UInt64,
    findings: [LogFinding]
  ) {
    self.files = files
    self.key = key
    self.signed = signed
    self.earlier = earlier
    self.first = first
    self.findings = findings
  }

  mutating func run(_ progress: LogVerification.Progress) {
    guard begin() else { return }
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
      progress(edge.size - first, signed.size - first)
    }
    for tile in edge.partialTiles where tile.address.content != .hashes(level: 0) { compare(tile) }
    if edge.root != signed.root { findings.append(.rootDiffers(size: signed.size)) }
  }

  /// Takes the hashes before `first` from the tiles, which only the root at the end makes certain; an earlier checkpoint
  /// of less is held against them by a proof.
  private mutating func begin() -> Bool {
    guard first > 0 else { return true }
    do {
      edge = try TileEdge(size: first, of: signed.size, files: files)
      guard let earlier, earlier.size < first, earlier.size > 0 else { return true }
      let hashes = files.nodeHashes(size: signed.size)
      let proof = try ConsistencyProof.make(
        subtree: 0..<earlier.size, size: signed.size, hashes)
      let isProven: Void? = try? proof?.verify(firstRoot: earlier.root, secondRoot: signed.root)
      if isProven == nil { findings.append(.forked(size: earlier.size)) }
      return true
    } catch {
      findings.append(
        error.isMissing ? .fileMissing(path: error.path) : .fileMalformed(path: error.path))
      return false
    }
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
    let covered: [ArraySlice<UInt8>]
    do {
      guard let found = try files.entries(address) else {
        if isOver(address) { return expired += UInt64(address.width) }
        return findings.append(.fileMissing(path: address.path))
      }
      covered = found
    } catch {
      return findings.append(.fileMalformed(path: error.path))
    }
    entries += UInt64(covered.count)
    let found = covered.map { TreeHash.leaf($0) }
    guard found != recorded else { return }
    findings.append(difference(recorded, found, from: edge.size))
  }

  /// Whether the log says that the entries of a missing bundle are kept no longer. It is asked anew where it did not, for
  /// their time may have come since.
  private mutating func isOver(_ address: TileAddress) -> Bool {
    let end = (address.index + 1) * UInt64(TileAddress.widthMax)
    if end > kept, let note = files.read(LogFiles.retentionPath) {
      kept = Retention.verified(note, by: key)?.first ?? kept
    }
    return end <= kept
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
