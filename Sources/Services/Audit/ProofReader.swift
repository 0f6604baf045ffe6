package import AuditAPI
package import MerkleLog
import StrictJSON
import Vocabulary

/// Answers with proofs from the log's files, always about the newest published checkpoint.
package struct ProofReader: Sendable {
  private let store: AuditStore
  private let files: LogFiles
  private let published: PublishedLog
  private let key: VerifierKey

  package init(store: AuditStore, files: LogFiles, published: PublishedLog, key: VerifierKey) {
    self.store = store
    self.files = files
    self.published = published
    self.key = key
  }

  /// The newest checkpoint and the key that signed it.
  package func checkpoint() throws -> PublishedCheckpoint {
    let statement = try statement()
    return PublishedCheckpoint(
      origin: statement.checkpoint.origin, size: Int64(statement.checkpoint.size),
      rootHash: statement.checkpoint.root.base64, note: statement.note,
      verifierKey: key.description)
  }

  /// - Parameter size: nil for the newest checkpoint's.
  /// - Throws: `Problem.notFound`, `AuditRefusal`; `TileFault` is a defect.
  package func inclusion(
    of record: AuditRecordID, size: UInt64?
  ) async throws -> InclusionProofAnswer {
    guard let entry = try await store.entry(record) else { throw Problem.notFound }
    let newest = try statement().checkpoint
    guard entry.sequence < newest.size else { throw AuditRefusal.notCoveredYet }
    let size = try bounded(size, newest)
    // What is complete in a smaller tree is complete in the newest, whose tiles exist for sure.
    let hashes = files.nodeHashes(size: newest.size)
    guard let proof = try InclusionProof.make(index: entry.sequence, size: size, hashes) else {
      throw AuditRefusal.notInTree(size: size)
    }
    return InclusionProofAnswer(
      record: record, leafIndex: Int64(entry.sequence), treeSize: Int64(size),
      leafHash: TreeHash.leaf(entry.bytes).base64,
      rootHash: try treeHash(of: 0..<size, hashes).base64, hashes: proof.hashes.map(\.base64))
  }

  /// - Parameter second: nil for the newest checkpoint's size.
  /// - Throws: `AuditRefusal`, `Problem`.
  package func consistency(first: UInt64, second: UInt64?) throws -> ConsistencyProofAnswer {
    let newest = try statement().checkpoint
    let second = try bounded(second, newest)
    let hashes = files.nodeHashes(size: newest.size)
    guard let proof = try ConsistencyProof.make(subtree: 0..<first, size: second, hashes) else {
      throw Problem.malformed("must be from 1 to the second size", field: "first")
    }
    return ConsistencyProofAnswer(
      first: Int64(first), second: Int64(second),
      firstRootHash: try treeHash(of: 0..<first, hashes).base64,
      secondRootHash: try treeHash(of: 0..<second, hashes).base64,
      hashes: proof.hashes.map(\.base64))
  }

  /// - Throws: `Problem.notFound`, `AuditRefusal.notCoveredYet`.
  package func receipt(for record: AuditRecordID) async throws -> ReceiptAnswer {
    guard let entry = try await store.entry(record) else { throw Problem.notFound }
    let statement = try statement()
    let size = statement.checkpoint.size
    guard
      let proof = try InclusionProof.make(
        index: entry.sequence, size: size, files.nodeHashes(size: size))
    else { throw AuditRefusal.notCoveredYet }
    let receipt = Receipt(
      entry: entry.bytes, index: entry.sequence, hashes: proof.hashes, checkpoint: statement.note)
    // A receipt that does not verify must not leave the house: the files were altered under us.
    try receipt.verify(key: key)
    return ReceiptAnswer(
      index: Int64(entry.sequence),
      record: try StrictJSON.decode(AuditRecord.self, from: entry.bytes), receipt: receipt.text)
  }

  private func statement() throws -> PublishedLog.Statement {
    guard let statement = published.statement else { throw Problem.unavailable() }
    return statement
  }

  private func bounded(_ size: UInt64?, _ newest: Checkpoint) throws -> UInt64 {
    let size = size ?? newest.size
    guard size <= newest.size else { throw AuditRefusal.beyondCheckpoint(size: newest.size) }
    return size
  }
}
