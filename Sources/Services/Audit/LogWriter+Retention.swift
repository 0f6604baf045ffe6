import AuditAPI
import MerkleLog
package import Vocabulary

/// The end of the log: records whose time is over go, bundle by bundle; the hashes of them stay, and with them every proof
/// about the rest.
extension LogWriter {
  /// Bundles that go in one round, at most.
  package static let bundlesPerRound = 64

  /// Lets bundles go in which every record came before a moment, the oldest first. Their going is signed before it
  /// happens, so that it is never mistaken for theft.
  /// - Returns: the records that went in this round, as a range of the log; nil where there was nothing.
  /// - Throws: `LogFault`, `LogFolder.Failure`, or what the store throws.
  package func expire(before moment: Instant) async throws -> Range<UInt64>? {
    guard mayLetGo, past.size >= comparedFrom, !published.isShut else { return nil }
    let progress = try await store.progress()
    var going: [(address: TileAddress, records: [AuditRecord])] = []
    var index = progress.expired / AuditStore.bundleRecords
    while index < progress.moved / AuditStore.bundleRecords, going.count < Self.bundlesPerRound {
      let address = TileAddress(.entries, index: index)
      // Missing where an earlier round was cut short behind its last step but one.
      let entries = try? folder.files.entries(address)
      let records = try entries?.map { try AuditRecord(entry: Array($0)) } ?? []
      guard records.allSatisfy({ ($0.received ?? $0.at) < moment }) else { break }
      going.append((address, records))
      index += 1
    }
    guard !going.isEmpty else { return nil }
    let end = index * AuditStore.bundleRecords
    let retention = Retention(origin: signer.verifierKey.name, first: end)
    guard let note = retention.signed(by: signer) else { throw LogFault.keyUnreadable }
    try folder.write([(LogFiles.retentionPath, Array(note.utf8))])
    for bundle in going {
      try await store.expire(bundle: bundle.address.index, bundle.records)
    }
    folder.remove(going.map(\.address))
    return progress.expired..<end
  }
}
