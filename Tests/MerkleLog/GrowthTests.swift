import MerkleLog
import Testing

/// The fast code against the definition in RFC 9162, for every small tree and for random greater
/// ones.
@Suite struct `A growing tree` {
  @Test func `has the root of the definition at every size`() {
    let entries = SampleLog.entries(600)
    var frontier = Frontier()
    var edge = TileEdge()
    #expect(frontier.root == .empty && edge.root == .empty)
    for (count, entry) in entries.enumerated() {
      frontier.append(.leaf(entry))
      _ = edge.append(.leaf(entry))
      let wanted = Definition.treeHash(entries.prefix(count + 1))
      #expect(frontier.root == wanted && edge.root == wanted, "at \(count + 1)")
    }
  }

  @Test func `proves every leaf of every small tree`() throws {
    for size in 1...40 {
      let (entries, hashes) = tree(size)
      let root = Definition.treeHash(entries)
      for index in 0..<size {
        let proof = try #require(
          try InclusionProof.make(index: UInt64(index), size: UInt64(size), hashes))
        #expect(proof.hashes == Definition.path(index, entries))
        try proof.verify(leaf: .leaf(entries[index]), root: root)
        let liar = InclusionProof(
          index: UInt64((index + 1) % size), size: UInt64(size), hashes: proof.hashes)
        if size > 1 {
          #expect(throws: ProofFlaw.self) {
            try liar.verify(leaf: .leaf(entries[index]), root: root)
          }
        }
      }
      #expect(try InclusionProof.make(index: UInt64(size), size: UInt64(size), hashes) == nil)
    }
  }

  @Test func `is consistent with every subtree of every small tree`() throws {
    var subtrees = 0
    for size in 1...40 {
      let (entries, hashes) = tree(size)
      let root = Definition.treeHash(entries)
      for start in 0..<size {
        for end in start + 1...size {
          let range = UInt64(start)..<UInt64(end)
          let proof = try ConsistencyProof.make(subtree: range, size: UInt64(size), hashes)
          #expect((proof != nil) == Subtree.isValid(range))
          guard let proof else { continue }
          subtrees += 1
          #expect(proof.hashes == Definition.subproof(start, end, entries))
          let subtreeRoot = Definition.treeHash(entries[start..<end])
          try proof.verify(subtreeRoot: subtreeRoot, root: root)
          if start == 0 { try proof.verify(firstRoot: subtreeRoot, secondRoot: root) }
          #expect(throws: ProofFlaw.self) { try proof.verify(subtreeRoot: .empty, root: root) }
          #expect(throws: ProofFlaw.self) {
            try proof.verify(subtreeRoot: subtreeRoot, root: .empty)
          }
        }
      }
    }
    #expect(subtrees > 2_000)
  }

  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func `proves random leaves and ages of greater trees from its tiles`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let size = Int.random(in: 256...3_000, using: &random)
    let log = SampleLog(SampleLog.entries(size, salt: "seed-\(seed)"))
    let source = log.reader.nodeHashes(size: UInt64(size))
    let root = Definition.treeHash(log.entries[...])
    for _ in 0..<20 {
      let index = Int.random(in: 0..<size, using: &random)
      let inclusion = try #require(
        try InclusionProof.make(index: UInt64(index), size: UInt64(size), source))
      #expect(inclusion.hashes == Definition.path(index, log.entries[...]), "seed \(seed)")
      try inclusion.verify(leaf: .leaf(log.entries[index]), root: root)
      let first = Int.random(in: 1...size, using: &random)
      let consistency = try #require(
        try ConsistencyProof.make(subtree: 0..<UInt64(first), size: UInt64(size), source))
      #expect(consistency.hashes == Definition.subproof(0, first, log.entries[...]), "seed \(seed)")
      try consistency.verify(
        firstRoot: Definition.treeHash(log.entries[..<first]), secondRoot: root)
      try spoil(inclusion, leaf: .leaf(log.entries[index]), root: root, &random)
    }
  }

  /// One bit flipped anywhere in a proof must be noticed.
  private func spoil(
    _ proof: InclusionProof, leaf: TreeHash, root: TreeHash, _ random: inout SeededGenerator
  ) throws {
    guard !proof.hashes.isEmpty else { return }
    var hashes = proof.hashes
    let place = Int.random(in: 0..<hashes.count, using: &random)
    var bytes = hashes[place].bytes
    bytes[Int.random(in: 0..<32, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
    hashes[place] = try #require(TreeHash(bytes))
    let spoilt = InclusionProof(index: proof.index, size: proof.size, hashes: hashes)
    #expect(throws: ProofFlaw.rootDiffers) { try spoilt.verify(leaf: leaf, root: root) }
  }

  private func tree(_ size: Int) -> (ArraySlice<[UInt8]>, NodeHashes<TileFault>) {
    let entries = SampleLog.entries(size)[...]
    return (
      entries,
      { node in
        let start = Int(node.index) << node.height
        return Definition.treeHash(entries[start..<start + 1 << node.height])
      }
    )
  }
}
