import Foundation
import FuzzTargets
import TestKit
import Testing
import Vocabulary

/// What the fuzzer found worth keeping, and changes of it. `./strongroom soak fuzz` looks for more.
@Suite struct `Whatever outsiders send` {
  private static let folder =
    (#filePath.components(separatedBy: "/CorpusTests.swift").first ?? ".") + "/Corpus"
  /// Changed copies of the files of a target that are tried, by every run with another seed.
  private static let changes = 2_000

  @Test(arguments: FuzzTarget.allCases)
  func `is read or refused, and breaks no law`(target: FuzzTarget) throws {
    let folder = Self.folder + "/" + target.rawValue
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    try #require(!names.isEmpty, "there is no corpus for \(target.rawValue)")
    let randomness = Randomness.seeded(testSeed("fuzz \(target.rawValue)"))
    let changesEach = Self.changes / names.count + 1
    for name in names {
      let bytes = Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
      target.run(bytes)
      for _ in 0..<changesEach { target.run(changed(bytes, randomness)) }
    }
  }

  /// One to four flips, cuts, doublings or foreign bytes.
  private func changed(_ bytes: [UInt8], _ randomness: Randomness) -> [UInt8] {
    var bytes = bytes
    for _ in 0...Int(randomness.next() % 4) {
      let place = bytes.isEmpty ? 0 : Int(randomness.next() % UInt64(bytes.count))
      let length = min(Int(randomness.next() % 32), bytes.count - place)
      switch randomness.next() % 4 {
      case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(randomness.next() % 8)
      case 1: bytes.removeSubrange(place..<(place + length))
      case 2: bytes.insert(contentsOf: Array(bytes[place..<(place + length)]), at: place)
      default: bytes.insert(UInt8(truncatingIfNeeded: randomness.next()), at: place)
      }
    }
    return bytes
  }
}
