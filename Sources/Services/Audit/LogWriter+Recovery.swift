import MerkleLog
import Storage

/// What a start looks at.
extension LogWriter {
  /// Takes the state up from the checkpoint: what our key signed must follow from the newest records and, before them,
  /// from the tiles. After a crash the store may be ahead; `publish` follows. Takes the same time however long the log
  /// is; `comparePast` looks at the rest that no life before has compared.
  /// - Throws: `LogFault` with the place of the first disagreement.
  package func recover() async throws {
    guard try folder.lock() else { throw LogFault.locked }
    if let mark = folder.read(Self.shutPath) {
      throw LogFault.shut(String(decoding: mark, as: UTF8.self))
    }
    try keepVerifierKey()
    let noted = try await store.publishedNote()
    guard let note = folder.read(LogFiles.checkpointPath) else {
      guard let noted else {
        mayLetGo = true
        return
      }
      throw LogFault.checkpointMissing(published: try verified(noted).size)
    }
    let signed = try verified(note)
    remembered = try noted.map { try verified($0) }
    if let remembered, remembered.size > signed.size {
      throw LogFault.folderOlder(files: signed.size, published: remembered.size)
    }
    let records = try await store.count()
    guard records >= signed.size else {
      throw LogFault.storeOlder(records: records, files: signed.size)
    }
    let progress = try await store.progress()
    let mark = keptMark()
    past = try start(after: progress.expired, at: mark?.compared, of: signed.size)
    round = try start(after: progress.expired, at: mark?.round, of: signed.size)
    let newest = signed.size - min(signed.size, Self.recordsComparedAtStart)
    comparedFrom = max(newest - newest % AuditStore.bundleRecords, progress.expired)
    mayLetGo = progress.moved >= comparedFrom
    let before = try start(at: comparedFrom, of: signed.size)
    rootBefore = before.root
    if past.size > comparedFrom { past = before }
    growth = try await replay(before, to: signed.size)
    for file in growth.partialFiles { try compare(file) }
    guard growth.root == signed.root else { throw LogFault.rootDiffers(size: signed.size) }
    published.replace(.init(checkpoint: signed, note: String(decoding: note, as: UTF8.self)))
    sweep()
  }

  /// Removes partial files that were to go later: as the process ends, or after it ended too soon to.
  package func sweep() {
    var count = growth.size / AuditStore.bundleRecords
    for index in (count - min(count, Self.bundlesSwept))..<count {
      folder.removePartials(of: TileAddress(.entries, index: index))
    }
    var level = 0
    while count > 0 {
      for index in (count - min(count, Self.bundlesSwept))..<count {
        folder.removePartials(of: TileAddress(.hashes(level: level), index: index))
      }
      count /= AuditStore.bundleRecords
      level += 1
    }
  }

  private func keepVerifierKey() throws {
    let line = Array("\(signer.verifierKey)\n".utf8)
    switch folder.read(LogFiles.verifierKeyPath) {
    case nil: try folder.write([(LogFiles.verifierKeyPath, line)])
    case line: break
    default: throw LogFault.keyDiffers
    }
  }

  private func verified(_ note: [UInt8]) throws(LogFault) -> Checkpoint {
    do { return try Checkpoint.verified(note, by: signer.verifierKey) } catch {
      throw .checkpoint(error)
    }
  }

  /// The log at the place to which an earlier life has come, by its signed word; where there is none, from where records are
  /// still kept on. What is kept no longer cannot be compared; the tiles of it are part of the root all the same.
  private func start(
    after expired: UInt64, at place: ComparisonMark.Place?, of total: UInt64
  ) throws(LogFault) -> LogGrowth {
    guard let place, place.size > expired, place.size <= total else {
      return try start(at: expired, of: total)
    }
    let growth = try start(at: place.size, of: total)
    guard growth.root == place.root else { throw .rootDiffers(size: place.size) }
    return growth
  }

  func start(at size: UInt64, of total: UInt64) throws(LogFault) -> LogGrowth {
    do { return try LogGrowth(size: size, of: total, files: folder.files) } catch {
      throw error.isMissing ? .fileMissing(path: error.path) : .fileDiffers(path: error.path)
    }
  }

  /// Goes on with records, those that the store holds and those that the log alone holds, and compares the files that
  /// they complete.
  func replay(_ begun: LogGrowth, to size: UInt64) async throws -> LogGrowth {
    var replayed = begun
    while replayed.size < size {
      let left = min(size - replayed.size, UInt64(Self.recordsPerCheckpointMax))
      if let page = try await waiting(from: replayed.size, limit: Int(left)) {
        guard !page.isEmpty else { throw LogFault.storeGap(index: replayed.size) }
        for entry in page {
          guard entry.sequence == replayed.size else {
            throw LogFault.storeGap(index: replayed.size)
          }
          try replay(entry.bytes, onto: &replayed)
        }
      } else {
        // Bundles leave the store whole, so this one begins here.
        let address = TileAddress(.entries, index: replayed.size / AuditStore.bundleRecords)
        guard let bundle = try? folder.files.entries(address) else {
          let isThere = folder.files.read(address.path) != nil
          throw isThere
            ? LogFault.fileDiffers(path: address.path) : .fileMissing(path: address.path)
        }
        guard bundle.count == TileAddress.widthMax else {
          throw LogFault.fileDiffers(path: address.path)
        }
        for entry in bundle { try replay(Array(entry), onto: &replayed) }
      }
    }
    return replayed
  }

  private func replay(_ entry: [UInt8], onto replayed: inout LogGrowth) throws(LogFault) {
    let index = replayed.size
    guard let files = try? replayed.append(entry) else { throw .entryDiffers(index: index) }
    for file in files { try compare(file) }
    if let remembered, remembered.size == replayed.size, remembered.root != replayed.root {
      // Which record it is, the files of that size tell where they are still there.
      do { for file in replayed.partialFiles { try compare(file) } } catch {
        if case .entryDiffers = error { throw error }
      }
      throw LogFault.rootDiffers(size: remembered.size)
    }
  }

  /// Records that the store gives, but not as they were written, were altered too.
  private func waiting(from first: UInt64, limit: Int) async throws -> [AuditStore.Entry]? {
    do {
      return try await store.waiting(from: first, limit: limit)
    } catch let error as StoreError {
      switch error {
      case .unexpectedColumn, .corrupt, .constraint: throw LogFault.storeUnreadable(from: first)
      default: throw error
      }
    }
  }

  /// The file must be, byte for byte, what follows from the records; where not, the first entry that differs is named.
  private func compare(_ file: LogFile) throws(LogFault) {
    let path = file.address.path
    guard let stored = folder.files.read(path) else { throw .fileMissing(path: path) }
    guard stored != file.bytes else { return }
    let place: Int
    switch file.address.content {
    case .entries:
      guard let ours = EntryBundle.parse(file.bytes), let theirs = EntryBundle.parse(stored) else {
        throw .fileDiffers(path: path)
      }
      place = zip(ours, theirs).prefix { $0 == $1 }.count
    case .hashes(level: 0):
      // An entry that the log alone holds is another than when its hash was written.
      guard let ours = HashTile(file.address, bytes: file.bytes),
        let theirs = HashTile(file.address, bytes: stored)
      else { throw .fileDiffers(path: path) }
      place = zip(ours.hashes, theirs.hashes).prefix { $0 == $1 }.count
    case .hashes: throw .fileDiffers(path: path)
    }
    throw .entryDiffers(index: file.address.index * AuditStore.bundleRecords + UInt64(place))
  }
}
