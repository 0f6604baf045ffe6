/// Why a proof does not prove what it is said to prove.
package enum ProofFlaw: Error, Hashable, Sendable {
  /// The place asked about does not exist in a tree of this size, or the tree is empty.
  case outOfRange
  /// The leaves named are not a subtree that this tree's shape has.
  case notASubtree
  /// More or fewer hashes than the shape of the tree needs.
  case wrongLength
  /// The hashes lead to another root.
  case rootDiffers
  /// The hashes lead to another root of the earlier tree, or of the subtree.
  case earlierRootDiffers
}

/// That one leaf is in a tree (RFC 9162 §2.1.3), or in a subtree of one.
package struct InclusionProof: Hashable, Sendable {
  /// Zero-based place of the leaf.
  package let index: UInt64
  /// Leaves of the tree.
  package let size: UInt64
  /// From the leaf's sibling to the root's child; at most 64.
  package let hashes: [TreeHash]

  package init(index: UInt64, size: UInt64, hashes: [TreeHash]) {
    self.index = index
    self.size = size
    self.hashes = hashes
  }

  /// Collects the proof from the hashes of complete subtrees.
  package static func make<Failure: Error>(
    index: UInt64, size: UInt64, _ hash: NodeHashes<Failure>
  ) throws(Failure) -> InclusionProof? {
    guard index < size else { return nil }
    var hashes: [TreeHash] = []
    for sibling in siblings(of: index, in: 0..<size) {
      hashes.append(try treeHash(of: sibling, hash))
    }
    return InclusionProof(index: index, size: size, hashes: hashes)
  }

  /// Succeeds when the leaf hash stands at `index` of the tree of `size` leaves with this root.
  package func verify(leaf: TreeHash, root: TreeHash) throws(ProofFlaw) {
    try verify(leaf: leaf, subtree: 0..<size, subtreeRoot: root)
  }

  /// The same within a subtree of a greater tree (Merkle Tree Certificates draft, §4.3); `size` is
  /// of no account then. A lone leaf's subtree is the leaf.
  package func verify(
    leaf: TreeHash, subtree: Range<UInt64>, subtreeRoot: TreeHash
  ) throws(ProofFlaw) {
    guard subtree.contains(index) else { throw .outOfRange }
    guard Subtree.isValid(subtree) else { throw .notASubtree }
    let sides = Self.siblings(of: index, in: subtree)
    guard sides.count == hashes.count else { throw .wrongLength }
    var climbed = leaf
    for (sibling, hash) in zip(sides, hashes) {
      climbed = sibling.lowerBound > index ? .node(climbed, hash) : .node(hash, climbed)
    }
    guard climbed == subtreeRoot else { throw .rootDiffers }
  }

  /// The ranges of leaves that the proof's hashes stand for, from the leaf upwards.
  static func siblings(of index: UInt64, in tree: Range<UInt64>) -> [Range<UInt64>] {
    var range = tree
    var siblings: [Range<UInt64>] = []
    while range.upperBound - range.lowerBound > 1 {
      let middle = range.lowerBound + split(range.upperBound - range.lowerBound)
      let (left, right) = (range.lowerBound..<middle, middle..<range.upperBound)
      siblings.append(index < middle ? right : left)
      range = index < middle ? left : right
    }
    return siblings.reversed()
  }
}
