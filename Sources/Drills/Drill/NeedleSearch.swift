import Foundation
import Vocabulary

/// Looks for many short byte strings in much data at once: a table of two-byte beginnings says where it is worth comparing.
struct NeedleSearch: Sendable {
  /// A string shorter than this would be found by chance.
  static let bytesMin = 6

  private let byStart: [UInt16: [[UInt8]]]
  private let starts: [Bool]
  let count: Int
  /// Length of the longest string.
  let bytesMax: Int

  /// - Parameter needles: those shorter than `bytesMin` are left out.
  init(_ needles: [[UInt8]]) {
    let usable = Set(needles).filter { $0.count >= Self.bytesMin }
    byStart = Dictionary(grouping: usable) { UInt16($0[0]) | UInt16($0[1]) << 8 }
    var starts = [Bool](repeating: false, count: 65_536)
    for start in byStart.keys { starts[Int(start)] = true }
    self.starts = starts
    count = usable.count
    bytesMax = usable.map(\.count).max() ?? 0
  }

  func finds(in data: Data) -> Bool {
    data.withUnsafeBytes { bytes in
      starts.withUnsafeBufferPointer { starts in
        guard bytes.count >= Self.bytesMin else { return false }
        for place in 0...(bytes.count - Self.bytesMin) {
          let start = UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
          guard starts[Int(start)] else { continue }
          // By memcmp: what reads byte by byte takes minutes for a home in a debug build.
          guard let rest = bytes.baseAddress.map({ $0 + place }) else { return false }
          let left = bytes.count - place
          for needle in byStart[start] ?? []
          where needle.count <= left && memcmp(rest, needle, needle.count) == 0 { return true }
        }
        return false
      }
    }
  }

  /// The spellings in which something may lie about: clear, hex, UTF-16, and base64 wherever in a longer text it begins.
  static func spellings(of word: String) -> [[UInt8]] {
    let clear = Array(word.utf8)
    let base64 = (0..<3).map { shift -> [UInt8] in
      let text = Data([UInt8](repeating: 0, count: shift) + clear).base64EncodedString()
      // What depends on its neighbours is left out, at both ends.
      let head = shift == 0 ? 0 : shift + 1
      let tail = (shift + clear.count) % 3 == 0 ? 0 : 4
      return Array(text.utf8.dropFirst(head).dropLast(tail))
    }
    return [clear, Array(hexText(clear).utf8), clear.flatMap { [$0, 0] }] + base64
  }
}
