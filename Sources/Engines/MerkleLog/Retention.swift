/// The log's own statement that the first entries' time is over and their bundles are gone. Signed, so that bundles that
/// somebody took away are not mistaken for such; the tiles stay, and with them every proof about what remains.
package struct Retention: Hashable, Sendable {
  /// Who the log is, as in its checkpoints.
  package let origin: String
  /// The first entry that is still kept; a multiple of `TileAddress.widthMax`.
  package let first: UInt64

  /// No checkpoint begins so: its second line is a number.
  private static let header = "strongroom/log-retention@v1"

  package init(origin: String, first: UInt64) {
    self.origin = origin
    self.first = first
  }

  /// The signed note, as in the file `retention`; nil when the origin is not a note's text.
  package func signed(by signer: NoteSigner) -> String? {
    signer.sign("\(Self.header)\n\(origin)\n\(first)\n")
  }

  /// From a signed note; nil unless the key signed it, for the log that is named as the key.
  package static func verified(_ note: [UInt8], by key: VerifierKey) -> Retention? {
    guard let text = try? SignedNote(note)?.verified(by: key) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, lines[3].isEmpty, lines[0] == header, lines[1] == key.name,
      let first = TileAddress.decimal(lines[2]), first % UInt64(TileAddress.widthMax) == 0
    else { return nil }
    return Retention(origin: key.name, first: first)
  }
}
