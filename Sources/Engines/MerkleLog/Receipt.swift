/// Proof that one record is in the log, complete in one text: C2SP tlog-proof, with the record's
/// bytes as its extra data. Nothing in it is believed before `verify`.
package struct Receipt: Hashable, Sendable {
  /// Longest text of a receipt, in bytes.
  package static let bytesMax = 262_144
  /// Most hashes on the way to the root of a tree.
  package static let hashesMax = 64
  private static let header = "c2sp.org/tlog-proof@v1"

  /// The record, as it was hashed into the log.
  package let entry: [UInt8]
  package let index: UInt64
  package let hashes: [TreeHash]
  /// The signed note.
  package let checkpoint: String

  package init(entry: [UInt8], index: UInt64, hashes: [TreeHash], checkpoint: String) {
    self.entry = entry
    self.index = index
    self.hashes = hashes
    self.checkpoint = checkpoint
  }

  /// The file; its name should end in `.tlog-proof`.
  package var text: String {
    let lines =
      [Self.header, "extra \(Base64.encode(entry))", "index \(index)"] + hashes.map(\.base64)
    return lines.joined(separator: "\n") + "\n\n" + checkpoint
  }

  /// Nil for anything that is not a tlog-proof with extra data.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.bytesMax, let text = String(validating: bytes, as: UTF8.self) else {
      return nil
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    guard lines.popFirst() == Self.header[...],
      let extra = lines.popFirst(), extra.hasPrefix("extra "),
      let entry = Base64.decode(extra.dropFirst(6)),
      let place = lines.popFirst(), place.hasPrefix("index "),
      let index = TileAddress.decimal(place.dropFirst(6))
    else { return nil }
    var hashes: [TreeHash] = []
    while let line = lines.popFirst(), !line.isEmpty {
      guard hashes.count < Self.hashesMax, let hash = TreeHash(base64: line) else { return nil }
      hashes.append(hash)
    }
    self.init(
      entry: entry, index: index, hashes: hashes, checkpoint: lines.joined(separator: "\n"))
  }

  /// Why a receipt does not prove that its record is in the log.
  package enum Flaw: Error, Hashable, Sendable {
    case checkpoint(Checkpoint.Flaw)
    /// The record, its place or the hashes were altered, or belong to another checkpoint.
    case proof(ProofFlaw)
  }

  /// Succeeds, offline, when the log with this key vouches for the record at its place. The key
  /// must come from somewhere else than the receipt.
  @discardableResult
  package func verify(key: VerifierKey) throws(Flaw) -> Checkpoint {
    let signed: Checkpoint
    do { signed = try Checkpoint.verified(Array(checkpoint.utf8), by: key) } catch {
      throw .checkpoint(error)
    }
    let proof = InclusionProof(index: index, size: signed.size, hashes: hashes)
    do { try proof.verify(leaf: .leaf(entry), root: signed.root) } catch { throw .proof(error) }
    return signed
  }
}
