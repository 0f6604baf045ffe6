import MerkleLog
import Testing

@Suite struct `A tile` {
  @Test(
    arguments: [
      (TileAddress(.hashes(level: 0), index: 0), "tile/0/000"),
      (TileAddress(.hashes(level: 0), index: 1_234_067), "tile/0/x001/x234/067"),
      (TileAddress(.hashes(level: 2), index: 5, width: 112), "tile/2/005.p/112"),
      (TileAddress(.hashes(level: 63), index: 999, width: 1), "tile/63/999.p/1"),
      (TileAddress(.entries, index: 1_000, width: 255), "tile/entries/x001/000.p/255"),
    ])
  func `has one name`(address: TileAddress, path: String) {
    #expect(address.path == path)
    #expect(TileAddress(path: path) == address)
  }

  @Test(
    arguments: [
      "", "tile", "tile/0", "tile/0/", "tile/0/00", "tile/0/0000", "tile/64/000", "tile/00/000",
      "tile/-1/000", "tile/0/001/067", "tile/0/x001", "tile/0/x000/001", "tile/0/000.p/0",
      "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/000.p/", "tile/data/000",
      "tile/0/../checkpoint", "/tile/0/000", "tile/0/000/", "tile//000", "tile/0/x001/067.q/5",
      "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/٠٠٠", "tile/entries/000\n",
    ])
  func `has no other name`(path: String) {
    #expect(TileAddress(path: path) == nil)
  }

  @Test func `of a tree of 70,000 leaves is where the specification says`() {
    func last(_ level: Int, _ position: UInt64) -> TileAddress? {
      .holding(position, of: .hashes(level: level), size: 70_000)
    }
    #expect(last(0, 0) == TileAddress(.hashes(level: 0), index: 0))
    #expect(last(0, 69_999) == TileAddress(.hashes(level: 0), index: 273, width: 112))
    #expect(last(0, 70_000) == nil)
    #expect(last(1, 272) == TileAddress(.hashes(level: 1), index: 1, width: 17))
    #expect(last(1, 273) == nil)
    #expect(last(2, 0) == TileAddress(.hashes(level: 2), index: 0, width: 1))
    #expect(last(3, 0) == nil)
  }

  @Test func `is full at 256 hashes and makes a hash one level up`() {
    var edge = TileEdge()
    for entry in SampleLog.entries(255) { #expect(edge.append(.leaf(entry)).isEmpty) }
    #expect(edge.partialTiles.map(\.address.path) == ["tile/0/000.p/255"])
    let completed = edge.append(.leaf([0]))
    #expect(completed.map(\.address.path) == ["tile/0/000"])
    #expect(completed.first?.bytes.count == 8_192)
    #expect(edge.partialTiles.map(\.address.path) == ["tile/1/000.p/1"])
    #expect(edge.partialTiles.first?.hashes.first == edge.root)
  }

  @Test func `survives writing and reading, and nothing shorter or longer does`() {
    let address = TileAddress(.hashes(level: 0), index: 0, width: 3)
    let hashes: [TreeHash] = [.leaf([1]), .leaf([2]), .leaf([3])]
    let bytes = hashes.flatMap(\.bytes)
    #expect(HashTile(address, bytes: bytes)?.hashes == hashes)
    #expect(HashTile(address, bytes: bytes + [0]) == nil)
    #expect(HashTile(address, bytes: bytes.dropLast()) == nil)
  }

  @Test func `of entries holds up to 65,535 bytes each`() throws {
    let longest = [UInt8](repeating: 7, count: EntryBundle.entryBytesMax)
    let framed = try #require(EntryBundle.framed(longest))
    #expect(EntryBundle.framed(longest + [7]) == nil)
    let bundle = framed + [0, 0] + [0, 1, 9]
    #expect(EntryBundle.parse(bundle)?.map(Array.init) == [longest, [], [9]])
    #expect(EntryBundle.parse(bundle + [0]) == nil)
    #expect(EntryBundle.parse(bundle + [0, 2, 1]) == nil)
    #expect(EntryBundle.parse([UInt8](repeating: 0, count: 512))?.count == 256)
    #expect(EntryBundle.parse([UInt8](repeating: 0, count: 514)) == nil)
  }
}

@Suite struct `Base64 text` {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"),
  ])
  func `follows RFC 4648`(plain: String, text: String) {
    #expect(Base64.encode(Array(plain.utf8)) == text)
    #expect(Base64.decode(text) == Array(plain.utf8))
  }

  @Test(arguments: ["Zg=", "Zg", "Zh==", "Zm9=", "Zm9v\n", "Z===", "====", "Zm-v", "Zg==Zg=="])
  func `has no second text for the same bytes`(text: String) {
    #expect(Base64.decode(text) == nil)
  }
}
