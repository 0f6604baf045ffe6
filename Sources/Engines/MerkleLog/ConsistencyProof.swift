/// A run of leaves that a tree hashes as one (Merkle Tree Certificates draft, §4.1).
package enum Subtree {
  /// True when the run begins at a multiple of the smallest power of two that holds it. An empty
  /// run is a subtree of any tree that reaches it.
  package static func isValid(_ range: Range<UInt64>) -> Bool {
    let count = range.upperBound - range.lowerBound
    guard count > 1 else { return true }
    let half = split(count)
    // Written with the mask of the doubled half, because doubling may overflow.
    return range.lowerBound & (half << 1 &- 1) == 0
  }
}

/// That a tree begins with an earlier tree (RFC 9162 §2.1.4), or contains a subtree (Merkle Tree
/// Certificates draft, §4.4).
package struct ConsistencyProof: Hashable, Sendable {
  /// The leaves of the subtree; from zero to the earlier size for an earlier tree.
  package let subtree: Range<UInt64>
  /// Leaves of the later tree.
  package let size: UInt64
  /// In the order of RFC 9162 §2.1.4.1; at most 65.
  package let hashes: [TreeHash]

  /// For a subtree of a tree.
  package init(subtree: Range<UInt64>, size: UInt64, hashes: [TreeHash]) {
    self.subtree = subtree
    self.size = size
    self.hashes = hashes
  }

  /// For an earlier and a later tree.
  package init(from first: UInt64, to second: UInt64, hashes: [TreeHash]) {
    self.init(subtree: 0..<first, size: second, hashes: hashes)
  }

  /// Collects the proof from the hashes of complete subtrees. Nil when the tree has no such
  /// subtree, or the subtree is empty: nothing follows from an empty tree.
  package static func make<Failure: Error>(
    subtree: Range<UInt64>, size: UInt64, _ hash: NodeHashes<Failure>
  ) throws(Failure) -> ConsistencyProof? {
    guard !subtree.isEmpty, subtree.upperBound <= size, Subtree.isValid(subtree) else { return nil }
    let walk = Walk(to: subtree, in: 0..<size)
    var hashes: [TreeHash] = []
    if let start = walk.start { hashes.append(try treeHash(of: start, hash)) }
    for step in walk.steps { hashes.append(try treeHash(of: step.sibling, hash)) }
    return ConsistencyProof(subtree: subtree, size: size, hashes: hashes)
  }

  /// Succeeds when the tree with `secondRoot` begins with the tree with `firstRoot`. An empty first
  /// tree is refused: any tree begins with it, so such a proof would prove nothing.
  package func verify(firstRoot: TreeHash, secondRoot: TreeHash) throws(ProofFlaw) {
    guard subtree.lowerBound == 0, !subtree.isEmpty else { throw .outOfRange }
    try verify(subtreeRoot: firstRoot, root: secondRoot)
  }

  /// Succeeds when the subtree with `subtreeRoot` stands at its place in the tree with `root`. The
  /// empty subtree is in every tree that reaches it, by definition.
  package func verify(subtreeRoot: TreeHash, root: TreeHash) throws(ProofFlaw) {
    guard subtree.upperBound <= size else { throw .outOfRange }
    guard Subtree.isValid(subtree) else { throw .notASubtree }
    guard !subtree.isEmpty else {
      guard hashes.isEmpty else { throw .wrongLength }
      guard subtreeRoot == .empty else { throw .earlierRootDiffers }
      return
    }
    let walk = Walk(to: subtree, in: 0..<size)
    var rest = hashes[...]
    guard rest.count == walk.steps.count + (walk.start == nil ? 0 : 1) else { throw .wrongLength }
    var later = subtreeRoot
    // Where the subtree is not itself a node of the later tree, it is rebuilt from the proof.
    var earlier = walk.start == nil ? nil : rest.popFirst()
    if let earlier { later = earlier }
    for (step, hash) in zip(walk.steps, rest) {
      switch step.side {
      case .rightOfBoth: later = .node(later, hash)
      case .leftOfLater: later = .node(hash, later)
      case .leftOfBoth:
        later = .node(hash, later)
        earlier = earlier.map { .node(hash, $0) }
      }
    }
    guard earlier == nil || earlier == subtreeRoot else { throw .earlierRootDiffers }
    guard later == root else { throw .rootDiffers }
  }
}

/// The way from a subtree up to the root of the later tree: which sibling joins at each step.
private struct Walk {
  enum Side { case rightOfBoth, leftOfLater, leftOfBoth }
  struct Step {
    let sibling: Range<UInt64>
    let side: Side
  }
  /// The part of the subtree with which the proof must begin; nil when the subtree is itself a
  /// node.
  let start: Range<UInt64>?
  /// From the bottom to the top.
  let steps: [Step]

  init(to subtree: Range<UInt64>, in tree: Range<UInt64>) {
    var wanted = subtree
    var range = tree
    var whole = true
    var steps: [Step] = []
    while range != wanted {
      // A valid subtree that is not the range itself is smaller, so the range has two leaves at
      // least.
      let middle = range.lowerBound + split(range.upperBound - range.lowerBound)
      let (left, right) = (range.lowerBound..<middle, middle..<range.upperBound)
      if wanted.upperBound <= middle {
        steps.append(Step(sibling: right, side: .rightOfBoth))
        range = left
      } else if wanted.lowerBound >= middle {
        steps.append(Step(sibling: left, side: .leftOfLater))
        range = right
      } else {
        // The subtree begins where the range begins, and ends within its right half.
        steps.append(Step(sibling: left, side: .leftOfBoth))
        wanted = middle..<wanted.upperBound
        range = right
        whole = false
      }
    }
    start = whole ? nil : range
    self.steps = steps.reversed()
  }
}
