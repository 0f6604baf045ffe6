import FoundationEssentials

/// What a process did to its files, in order, as the library `CPowerCut` has recorded it; the format is told
/// in `CPowerCut.h`.
package struct DiskTrace {
  enum Kind: UInt16 {
    case opened = 1
    case written, cut, synced, removed, syncFailed, began, renamed
  }
  struct Record {
    let kind: Kind
    let file: Int
    let position: Int
    /// In `bytes`.
    let data: Range<Int>
  }
  private static let magic: UInt32 = 0x5750_4353
  private static let headBytes = 24
  let bytes: [UInt8]
  let records: [Record]

  /// - Throws: `SoakFailure`. A last record that the killed process did not finish is left out.
  package init(path: String) throws {
    guard let data = try? Data(contentsOf: URL(filePath: path)) else {
      throw SoakFailure.file(path)
    }
    bytes = Array(data)
    var records: [Record] = []
    var offset = 0
    try bytes.withUnsafeBytes { bytes in
      while offset + Self.headBytes <= bytes.count {
        func number<Number: FixedWidthInteger>(_ place: Int, _: Number.Type) -> Number {
          Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + place, as: Number.self))
        }
        guard number(0, UInt32.self) == Self.magic,
          let kind = Kind(rawValue: number(4, UInt16.self)),
          let length = Int(exactly: number(16, UInt64.self))
        else { throw SoakFailure.trace("no record at \(offset)") }
        let start = offset + Self.headBytes
        guard length <= bytes.count - start else { break }
        records.append(
          Record(
            kind: kind, file: Int(number(6, UInt16.self)),
            position: Int(truncatingIfNeeded: number(8, UInt64.self)), data: start..<start + length)
        )
        offset = start + length
      }
    }
    self.records = records
  }

  package var count: Int { records.count }
}
