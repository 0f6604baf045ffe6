/// A complete subtree: the 2^`height` leaves from `index` · 2^`height` on. Once these leaves exist,
/// its hash never changes again.
package struct CompleteNode: Hashable, Sendable {
  /// 0 for a leaf, at most 63.
  package let height: Int
  /// Position among the complete subtrees of this height, from the left, from zero.
  package let index: UInt64
  package init(height: Int, index: UInt64) {
    self.height = height
    self.index = index
  }
}

/// Answers the hash of a complete subtree. Throws what its storage throws.
package typealias NodeHashes<Failure: Error> = (CompleteNode) throws(Failure) -> TreeHash

/// The largest power of two smaller than `size` (RFC 9162 §2.1.1); `size` is at least 2.
func split(_ size: UInt64) -> UInt64 { 1 << UInt64(63 - (size - 1).leadingZeroBitCount) }

/// The complete subtrees that make up the leaves `range`, from the left. In a range that RFC 9162
/// hashes as one tree, their heights fall, so folding from the right gives the tree's hash.
func completeNodes(_ range: Range<UInt64>) -> [CompleteNode] {
  var nodes: [CompleteNode] = []
  var start = range.lowerBound
  while start < range.upperBound {
    let fits = 63 - (range.upperBound - start).leadingZeroBitCount
    let height = min(fits, start.trailingZeroBitCount)
    nodes.append(CompleteNode(height: height, index: start >> UInt64(height)))
    start += 1 << UInt64(height)
  }
  return nodes
}

/// MTH of the leaves `range` as one tree, from the hashes of complete subtrees.
/// - Precondition: `range` is a tree or a subtree of one, in the sense of `Subtree.isValid`.
package func treeHash<Failure: Error>(
  of range: Range<UInt64>, _ hash: NodeHashes<Failure>
) throws(Failure) -> TreeHash {
  var folded: TreeHash?
  for node in completeNodes(range).reversed() {
    let left = try hash(node)
    folded = folded.map { .node(left, $0) } ?? left
  }
  return folded ?? .empty
}

/// The right edge of a growing tree: as many hashes as its size has one bits. Enough to append and
/// to know the root.
package struct Frontier: Hashable, Sendable {
  /// Number of leaves.
  package private(set) var size: UInt64 = 0
  private var peaks: [TreeHash] = []

  package init() {}

  /// Adds a leaf by its hash; constant time on average.
  package mutating func append(_ leaf: TreeHash) {
    var carried = leaf
    for _ in 0..<(~size).trailingZeroBitCount {
      // The size's low one bits are peaks of these heights, so there is one for each round.
      guard let left = peaks.popLast() else { break }
      carried = .node(left, carried)
    }
    peaks.append(carried)
    size += 1
  }

  /// MTH of all leaves.
  package var root: TreeHash {
    guard var folded = peaks.last else { return .empty }
    for peak in peaks.dropLast().reversed() { folded = .node(peak, folded) }
    return folded
  }
}
