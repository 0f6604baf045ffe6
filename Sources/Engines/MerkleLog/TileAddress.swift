/// The name of one file of a tiled log (C2SP tlog-tiles): hashes of one level, or entries.
package struct TileAddress: Hashable, Sendable {
  /// What the file holds.
  package enum Content: Hashable, Sendable {
    /// Hashes of complete subtrees of height 8 · level; level 0 holds the leaf hashes. 0–63.
    case hashes(level: Int)
    /// The entries themselves, each after its length.
    case entries
  }

  /// Hashes or entries in a full file.
  package static let widthMax = 256
  /// Height of the subtree that a full file stands for.
  package static let height = 8
  /// Longest path that is a name of a tile, in bytes.
  package static let pathBytesMax = 64

  package let content: Content
  /// Zero-based place among the files of this kind, from the left.
  package let index: UInt64
  /// 1–256; below 256 the tile is partial, the rightmost of some tree.
  package let width: Int

  /// - Precondition: `width` in 1–256.
  package init(_ content: Content, index: UInt64, width: Int = TileAddress.widthMax) {
    precondition((1...Self.widthMax).contains(width), "a tile holds 1 to 256 hashes")
    self.content = content
    self.index = index
    self.width = width
  }

  /// The full tile at the same place.
  package var full: TileAddress { TileAddress(content, index: index) }
  /// Whether it is less than full.
  package var isPartial: Bool { width < Self.widthMax }

  /// The rightmost tile of `level` that a tree of `size` leaves needs when it covers hash number
  /// `position` of that level; nil when that tree has no such hash.
  package static func holding(
    _ position: UInt64, of content: Content, size: UInt64
  ) -> TileAddress? {
    let level = if case .hashes(let level) = content { level } else { 0 }
    let shift = UInt64(level * height)
    let count = shift < 64 ? size >> shift : 0
    guard position < count else { return nil }
    let index = position / UInt64(widthMax)
    let width = min(UInt64(widthMax), count - index * UInt64(widthMax))
    return TileAddress(content, index: index, width: Int(width))
  }

  /// The files that a tree of `size` leaves has beyond those that are full in the tree of its first `first` leaves.
  /// - Precondition: `first` is at most `size`.
  package static func files(of size: UInt64, from first: UInt64) -> [TileAddress] {
    var files: [TileAddress] = []
    var (count, full) = (size, first / UInt64(widthMax))
    var level = 0
    while count > 0 {
      let contents: [Content] =
        level == 0 ? [.entries, .hashes(level: 0)] : [.hashes(level: level)]
      for index in full..<(count + UInt64(widthMax) - 1) / UInt64(widthMax) {
        let width = min(UInt64(widthMax), count - index * UInt64(widthMax))
        files += contents.map { TileAddress($0, index: index, width: Int(width)) }
      }
      count /= UInt64(widthMax)
      full /= UInt64(widthMax)
      level += 1
    }
    return files
  }

  /// `tile/0/x001/x234/067`, `tile/entries/000.p/5`.
  package var path: String {
    var groups: [String] = []
    var rest = index
    repeat {
      let digits = String(rest % 1_000)
      let padded = String(repeating: "0", count: 3 - digits.count) + digits
      groups.append(groups.isEmpty ? padded : "x" + padded)
      rest /= 1_000
    } while rest > 0
    let kind = if case .hashes(let level) = content { String(level) } else { "entries" }
    let suffix = isPartial ? ".p/\(width)" : ""
    return "tile/\(kind)/\(groups.reversed().joined(separator: "/"))\(suffix)"
  }

  /// Strict: one tile has one name. So a path from outside that parses cannot leave the log's
  /// folder.
  package init?(path: String) {
    guard path.utf8.count <= Self.pathBytesMax else { return nil }
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3, parts.removeFirst() == "tile" else { return nil }
    let kind = parts.removeFirst()
    var width = Self.widthMax
    if parts.count >= 2, parts[parts.count - 2].hasSuffix(".p") {
      guard let partial = Self.decimal(parts.removeLast()), (1..<256).contains(partial) else {
        return nil
      }
      width = Int(partial)
      parts[parts.count - 1].removeLast(2)
    }
    var index: UInt64 = 0
    for (position, part) in parts.enumerated() {
      let isLast = position == parts.count - 1
      guard isLast || part.hasPrefix("x") else { return nil }
      let digits = Array((isLast ? part : String(part.dropFirst())).utf8)
      guard digits.count == 3, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
      let group = digits.reduce(0) { $0 * 10 + UInt64($1 - 48) }
      let (scaled, over) = index.multipliedReportingOverflow(by: 1_000)
      let (sum, more) = scaled.addingReportingOverflow(group)
      guard !over, !more else { return nil }
      index = sum
    }
    switch kind {
    case "entries": self.init(.entries, index: index, width: width)
    default:
      guard let level = Self.decimal(kind), level <= 63 else { return nil }
      self.init(.hashes(level: Int(level)), index: index, width: width)
    }
    // Leading zero groups would be a second name.
    guard self.path == path else { return nil }
  }

  /// ASCII digits without leading zeroes.
  static func decimal(_ text: some StringProtocol) -> UInt64? {
    guard let first = text.utf8.first, text.utf8.allSatisfy({ (48...57).contains($0) }),
      first != 48 || text.utf8.count == 1
    else { return nil }
    return UInt64(text)
  }
}
