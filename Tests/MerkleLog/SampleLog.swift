import MerkleLog

/// A log as a dictionary of files, built with the machinery under test, to be read and tampered
/// with.
struct SampleLog {
  var files: [String: [UInt8]] = [:]
  var entries: [[UInt8]]
  let signer: NoteSigner
  static let origin = "test.strongroom.local/audit"

  init(_ entries: [[UInt8]], signer: NoteSigner = SampleLog.signer(1)) {
    self.entries = entries
    self.signer = signer
    publish()
  }

  static func signer(_ seed: UInt8) -> NoteSigner {
    // Thirty-two bytes are a seed and the origin is a name, so there is a signer.
    NoteSigner(name: origin, seed: [UInt8](repeating: seed, count: 32))!
  }

  static func entries(_ count: Int, salt: String = "record") -> [[UInt8]] {
    (0..<count).map { Array("{\"\(salt)\":\($0)}".utf8) }
  }

  var key: VerifierKey { signer.verifierKey }
  var reader: LogFiles {
    let files = files
    return LogFiles { files[$0] }
  }

  /// Writes every file anew from the entries, as an attacker with the log's key could.
  mutating func publish() {
    files = [:]
    var growth = LogGrowth()
    for entry in entries {
      for file in (try? growth.append(entry)) ?? [] { files[file.address.path] = file.bytes }
    }
    for file in growth.partialFiles { files[file.address.path] = file.bytes }
    let checkpoint = Checkpoint(origin: Self.origin, size: growth.size, root: growth.root)
    files["checkpoint"] = checkpoint.signed(by: signer).map { Array($0.utf8) }
  }

  /// Writes only the entries, as an attacker with the folder could.
  mutating func writeBundles() {
    for path in files.keys where path.hasPrefix("tile/entries/") { files[path] = nil }
    for start in stride(from: 0, to: entries.count, by: 256) {
      let some = entries[start..<min(start + 256, entries.count)]
      let address = TileAddress(.entries, index: UInt64(start / 256), width: some.count)
      files[address.path] = some.flatMap { EntryBundle.framed($0) ?? [] }
    }
  }

  func verify(
    older: [UInt8]? = nil, _ extent: LogVerification.Extent = .whole, key: VerifierKey? = nil
  ) -> LogReport {
    LogVerification(files: reader, key: key ?? self.key).verify(older: older, extent)
  }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// RFC 9162 §2.1, word for word and slow: what the fast code is compared with.
enum Definition {
  static func treeHash(_ leaves: ArraySlice<[UInt8]>) -> TreeHash {
    guard leaves.count > 1 else { return leaves.first.map { .leaf($0) } ?? .empty }
    let k = leaves.startIndex + half(leaves.count)
    return .node(treeHash(leaves[..<k]), treeHash(leaves[k...]))
  }

  static func path(_ m: Int, _ leaves: ArraySlice<[UInt8]>) -> [TreeHash] {
    guard leaves.count > 1 else { return [] }
    let k = half(leaves.count)
    let (left, right) = (leaves.prefix(k), leaves.dropFirst(k))
    return m < k
      ? path(m, left) + [treeHash(right)] : path(m - k, right) + [treeHash(left)]
  }

  static func subproof(
    _ start: Int, _ end: Int, _ leaves: ArraySlice<[UInt8]>, whole: Bool = true
  ) -> [TreeHash] {
    if start == 0, end == leaves.count { return whole ? [] : [treeHash(leaves)] }
    let k = half(leaves.count)
    let (left, right) = (leaves.prefix(k), leaves.dropFirst(k))
    if end <= k { return subproof(start, end, left, whole: whole) + [treeHash(right)] }
    if start >= k { return subproof(start - k, end - k, right, whole: whole) + [treeHash(left)] }
    return subproof(0, end - k, right, whole: false) + [treeHash(left)]
  }

  private static func half(_ count: Int) -> Int {
    var k = 1
    while k * 2 < count { k *= 2 }
    return k
  }
}
