import FoundationEssentials
import MerkleLog
import StrictJSON
import Vocabulary

extension ConformanceSuite {
  /// transparency-dev/merkle: good proofs, and each way to spoil one; RFC 8785 pairs.
  static let merkle = ConformanceSuite(
    "merkle", "RFC 6962 proofs, RFC 8785 canonical JSON", folder: "merkle"
  ) { folder, told in
    for kind in MerkleCase.Kind.allCases {
      let file = "merkle-\(kind.rawValue).json"
      for (number, item) in try folder.cases(file).enumerated() {
        let refusal = MerkleCase(item).refusal(of: kind)
        told(
          CaseResult(
            "\(file)[\(number)] \(item["desc"]?.string ?? "")",
            accepts: item["wantErr"]?.bool == false, accepted: refusal == nil, because: refusal))
      }
    }
    for name in folder.names(ending: ".json") where name.hasPrefix("jcs/input/") {
      let output = name.replacing("jcs/input/", with: "jcs/output/")
      let wanted = try folder.bytes(output)
      let came = (try? JSON.parse(folder.bytes(name)))?.canonicalBytes
      told(
        CaseResult(
          name, expected: String(decoding: wanted, as: UTF8.self),
          came: came.map { String(decoding: $0, as: UTF8.self) } ?? "refused",
          verdict: came == wanted ? .passed : .failed))
    }
  }
}

/// One proof of the suite.
private struct MerkleCase {
  enum Kind: String, CaseIterable {
    case inclusion, consistency, subtreeinclusion, subtreeconsistency
  }
  private struct Malformed: Error {}

  private let item: JSON

  init(_ item: JSON) { self.item = item }

  /// Nil where the proof is believed.
  func refusal(of kind: Kind) -> String? {
    do {
      switch kind {
      case .inclusion:
        try InclusionProof(index: number("leafIdx"), size: number("treeSize"), hashes: proof())
          .verify(leaf: hash("leafHash"), root: hash("root"))
      case .consistency:
        try ConsistencyProof(from: number("size1"), to: number("size2"), hashes: proof())
          .verify(firstRoot: hash("root1"), secondRoot: hash("root2"))
      case .subtreeinclusion:
        let subtree = try self.subtree()
        try InclusionProof(index: number("leafIdx"), size: subtree.upperBound, hashes: proof())
          .verify(leaf: hash("leafHash"), subtree: subtree, subtreeRoot: hash("root"))
      case .subtreeconsistency:
        try ConsistencyProof(subtree: subtree(), size: number("size"), hashes: proof())
          .verify(subtreeRoot: hash("root1"), root: hash("root2"))
      }
      return nil
    } catch is Malformed {
      return "malformed"
    } catch {
      return "\(error)"
    }
  }

  private func number(_ name: String) -> UInt64 {
    if let integer = item[name]?.integer { return UInt64(bitPattern: integer) }
    // Beyond 2^63 a JSON number is a double: one less than nothing, as the suite has it, is beyond every size.
    return item[name]?.number.map { UInt64(exactly: $0) ?? .max } ?? 0
  }

  private func subtree() throws -> Range<UInt64> {
    guard item["start"]?.integer != nil, item["end"]?.integer != nil,
      number("start") <= number("end")
    else { throw Malformed() }
    return number("start")..<number("end")
  }

  private func proof() throws -> [TreeHash] {
    try (item["proof"]?.array ?? []).map { try hash(of: $0.string) }
  }

  private func hash(_ name: String) throws -> TreeHash { try hash(of: item[name]?.string) }

  /// Upstream writes the words "don't care 1" where any root would do; they are no hash, so the hash of the words stands in
  /// for them.
  private func hash(of text: String?) throws -> TreeHash {
    let data = Data(base64Encoded: text ?? "") ?? Data()
    if data.starts(with: Array("don't care".utf8)) { return .leaf(data) }
    guard let hash = TreeHash(data) else { throw Malformed() }
    return hash
  }
}
