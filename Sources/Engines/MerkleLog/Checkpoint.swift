/// A log's statement about itself at one size (C2SP tlog-checkpoint).
package struct Checkpoint: Hashable, Sendable {
  /// Who the log is; a key name of signed notes.
  package let origin: String
  /// Number of entries.
  package let size: UInt64
  package let root: TreeHash

  package init(origin: String, size: UInt64, root: TreeHash) {
    self.origin = origin
    self.size = size
    self.root = root
  }

  /// Why bytes are not a checkpoint of this log.
  package enum Flaw: Error, Hashable, Sendable {
    /// Not a signed note, or its text not a checkpoint.
    case malformed
    /// No signature of the log's key.
    case notSignedByKey
    /// Altered after signing, or forged.
    case signatureInvalid
    /// Signed by the key, but for another log.
    case foreignOrigin
  }

  /// The note's text, without signatures.
  package var text: String { "\(origin)\n\(size)\n\(root.base64)\n" }

  /// The signed note, as in the file `checkpoint`; nil when the origin is not a note's text.
  package func signed(by signer: NoteSigner) -> String? { signer.sign(text) }

  /// From a signed note, believed only when the key signed it and its origin is the key's name.
  /// Extension lines are refused: our logs write none, and what nobody audits should not be there.
  package static func verified(_ note: [UInt8], by key: VerifierKey) throws(Flaw) -> Checkpoint {
    guard let parsed = SignedNote(note) else { throw .malformed }
    let text: String
    do { text = try parsed.verified(by: key) } catch {
      switch error {
      case .notSignedByKey: throw .notSignedByKey
      case .signatureInvalid: throw .signatureInvalid
      }
    }
    guard let checkpoint = Checkpoint(text: text) else { throw .malformed }
    guard checkpoint.origin == key.name else { throw .foreignOrigin }
    return checkpoint
  }

  private init?(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, lines[3].isEmpty, !lines[0].isEmpty,
      let size = TileAddress.decimal(lines[1]), let root = TreeHash(base64: lines[2])
    else { return nil }
    self.init(origin: String(lines[0]), size: size, root: root)
  }
}
