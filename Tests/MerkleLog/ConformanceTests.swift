import Foundation
import MerkleLog
import Testing

/// The cases of transparency-dev/merkle in `testdata/merkle`: good proofs, and each way to spoil
/// one.
@Suite struct `The public cases for Merkle proofs` {
  struct Inclusion: Decodable {
    let leafIdx: UInt64
    let treeSize, start, end: UInt64?
    let root, leafHash: String?
    let proof: [String]?
    let desc: String
    let wantErr: Bool
  }
  struct Consistency: Decodable {
    let size1, size2, start, end, size: UInt64?
    let root1, root2: String?
    let proof: [String]?
    let desc: String
    let wantErr: Bool
  }

  @Test func `inclusion`() throws {
    try run("merkle-inclusion.json") { (item: Inclusion) in
      let proof = InclusionProof(
        index: item.leafIdx, size: item.treeSize ?? 0, hashes: try hashes(item.proof))
      try proof.verify(leaf: try hash(item.leafHash), root: try hash(item.root))
    }
  }

  @Test func `inclusion in a subtree`() throws {
    try run("merkle-subtreeinclusion.json") { (item: Inclusion) in
      guard let start = item.start, let end = item.end, start <= end else { throw Malformed() }
      let proof = InclusionProof(index: item.leafIdx, size: end, hashes: try hashes(item.proof))
      try proof.verify(
        leaf: try hash(item.leafHash), subtree: start..<end, subtreeRoot: try hash(item.root))
    }
  }

  @Test func `consistency`() throws {
    try run("merkle-consistency.json") { (item: Consistency) in
      let proof = ConsistencyProof(
        from: item.size1 ?? 0, to: item.size2 ?? 0, hashes: try hashes(item.proof))
      try proof.verify(firstRoot: try hash(item.root1), secondRoot: try hash(item.root2))
    }
  }

  @Test func `consistency of a subtree`() throws {
    try run("merkle-subtreeconsistency.json") { (item: Consistency) in
      guard let start = item.start, let end = item.end, start <= end else { throw Malformed() }
      let proof = ConsistencyProof(
        subtree: start..<end, size: item.size ?? 0, hashes: try hashes(item.proof))
      try proof.verify(subtreeRoot: try hash(item.root1), root: try hash(item.root2))
    }
  }

  // MARK: - Reading the cases

  struct Malformed: Error {}

  private func run<Case: Decodable>(_ file: String, _ verify: (Case) throws -> Void) throws {
    guard let folder = Self.folder else { return print("\(file): skipped: no testdata") }
    let data = try Data(contentsOf: folder.appending(path: file))
    let cases = try JSONDecoder().decode([Case].self, from: data)
    var passed = 0
    for item in cases {
      let refused: Bool
      do {
        try verify(item)
        refused = false
      } catch { refused = true }
      let wanted = Mirror(reflecting: item).children.first { $0.label == "wantErr" }?.value as? Bool
      if refused == wanted { passed += 1 } else { Issue.record("\(file): \(item)") }
    }
    print("\(file): \(passed) of \(cases.count) passed")
    #expect(!cases.isEmpty && passed == cases.count)
  }

  private func hashes(_ texts: [String]?) throws -> [TreeHash] {
    try (texts ?? []).map { try hash($0) }
  }

  /// Upstream writes the words "don't care 1" where any root would do; they are no hash, so the
  /// hash of the words stands in for them.
  private func hash(_ text: String?) throws -> TreeHash {
    let data = Data(base64Encoded: text ?? "") ?? Data()
    if data.starts(with: Data("don't care".utf8)) { return .leaf(data) }
    guard let hash = TreeHash(data) else { throw Malformed() }
    return hash
  }

  private static var folder: URL? {
    let root =
      ProcessInfo.processInfo.environment["STRONGROOM_TESTDATA"].map { URL(filePath: $0) }
      ?? URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../../shared/testdata")
    let folder = root.appending(path: "merkle")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }
}
