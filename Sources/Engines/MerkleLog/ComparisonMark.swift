/// The log's own word on how far its records were compared with its files, and how far the round has come that looks at all
/// of them again. Signed, so that nobody can spare an altered past from being looked at by writing down a higher number.
package struct ComparisonMark: Hashable, Sendable {
  /// So many entries, full bundles only, and what they come to.
  package struct Place: Hashable, Sendable {
    package let size: UInt64
    package let root: TreeHash

    package init(size: UInt64, root: TreeHash) {
      self.size = size
      self.root = root
    }
  }

  /// Who the log is, as in its checkpoints.
  package let origin: String
  /// All entries before it were compared.
  package let compared: Place
  /// Those before it were compared in the round that is under way, too.
  package let round: Place

  /// No checkpoint begins so: its second line is a number.
  private static let header = "strongroom/log-compared@v1"

  package init(origin: String, compared: Place, round: Place) {
    self.origin = origin
    self.compared = compared
    self.round = round
  }

  /// The signed note, as in the file `compared`; nil when the origin is not a note's text.
  package func signed(by signer: NoteSigner) -> String? {
    let lines =
      [Self.header, origin] + [compared, round].flatMap { ["\($0.size)", $0.root.base64] }
    return signer.sign(lines.map { $0 + "\n" }.joined())
  }

  /// From a signed note; nil unless the key signed it, for the log that is named as the key.
  package static func verified(_ note: [UInt8], by key: VerifierKey) -> ComparisonMark? {
    guard let text = try? SignedNote(note)?.verified(by: key) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 7, lines[6].isEmpty, lines[0] == header, lines[1] == key.name,
      let compared = place(lines[2], lines[3]), let round = place(lines[4], lines[5])
    else { return nil }
    return ComparisonMark(origin: key.name, compared: compared, round: round)
  }

  private static func place(_ size: Substring, _ root: Substring) -> Place? {
    guard let size = TileAddress.decimal(size), size % UInt64(TileAddress.widthMax) == 0,
      let root = TreeHash(base64: root)
    else { return nil }
    return Place(size: size, root: root)
  }
}
