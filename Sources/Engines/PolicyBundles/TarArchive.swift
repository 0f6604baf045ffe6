/// A tar archive of plain files (POSIX.1-2017, pax, "ustar Interchange Format").
enum TarArchive {
  /// Most files of one archive.
  static let filesMax = 10_000
  private static let block = 512

  /// - Throws: `ArchiveError` for a name that does not fit.
  static func packed(_ files: [(name: String, bytes: [UInt8])]) throws(ArchiveError) -> [UInt8] {
    var packed: [UInt8] = []
    for (name, bytes) in files {
      packed += try header(name, size: bytes.count)
      packed += bytes
      packed += [UInt8](repeating: 0, count: (block - bytes.count % block) % block)
    }
    // Two empty blocks end it.
    return packed + [UInt8](repeating: 0, count: 2 * block)
  }

  /// A header that says nothing of who built it, or when.
  private static func header(_ name: String, size: Int) throws(ArchiveError) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: block)
    func put(_ text: String, at start: Int) {
      for (offset, byte) in text.utf8.enumerated() { header[start + offset] = byte }
    }
    func octal(_ value: Int, digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    if name.utf8.count <= 100 {
      put(name, at: 0)
    } else {
      // The longest beginning that fits in front of a `/`.
      guard
        let cut = name.indices.filter({ name[$0] == "/" && name[..<$0].utf8.count <= 155 }).last,
        name[name.index(after: cut)...].utf8.count <= 100
      else { throw ArchiveError("the name '\(name)' is too long for a bundle") }
      put(String(name[name.index(after: cut)...]), at: 0)
      put(String(name[..<cut]), at: 345)
    }
    put("0000600", at: 100)
    put("0000000", at: 108)
    put("0000000", at: 116)
    put(octal(size, digits: 11), at: 124)
    put(octal(0, digits: 11), at: 136)
    put("        ", at: 148)
    put("0", at: 156)
    put("ustar", at: 257)
    put("00", at: 263)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(octal(sum, digits: 6), at: 148)
    (header[154], header[155]) = (0, UInt8(ascii: " "))
    return header
  }

  /// The plain files; folders are passed over, anything else is refused.
  /// - Throws: `ArchiveError`.
  static func unpacked(_ packed: [UInt8]) throws(ArchiveError) -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = []
    var position = 0
    var longName: String?
    while position + block <= packed.count {
      let header = packed[position..<position + block]
      if header.allSatisfy({ $0 == 0 }) { return files }
      position += block
      func text(_ range: Range<Int>) -> String {
        let field = header.dropFirst(range.lowerBound).prefix(range.count)
        return String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
      }
      let spelled = text(124..<136).filter { $0 != " " }
      guard let size = Int(spelled, radix: 8), size >= 0, size <= packed.count - position else {
        throw ArchiveError("tar archive is damaged or ends early")
      }
      let bytes = Array(packed[position..<position + size])
      position += (size + block - 1) / block * block
      let prefix = text(345..<500)
      let short = prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
      let name = longName ?? short
      longName = nil
      switch header[header.startIndex + 156] {
      case UInt8(ascii: "0"), 0:
        files.append((try checked(name), bytes))
        guard files.count <= filesMax else { throw ArchiveError("more than \(filesMax) files") }
      case UInt8(ascii: "5"), UInt8(ascii: "g"): break
      case UInt8(ascii: "x"): longName = pathRecord(bytes)
      default: throw ArchiveError("'\(name)' is no plain file")
      }
    }
    throw ArchiveError("tar archive ends early")
  }

  /// Without `/` or `./` in front; a way out of the archive is refused.
  private static func checked(_ name: String) throws(ArchiveError) -> String {
    let parts = name.split(separator: "/").filter { $0 != "." }
    guard !parts.isEmpty, !parts.contains("..") else {
      throw ArchiveError("'\(name)' is no name for a file of a bundle")
    }
    return parts.joined(separator: "/")
  }

  /// `path` of a pax extended header: lines of `LENGTH KEY=VALUE`.
  private static func pathRecord(_ bytes: [UInt8]) -> String? {
    for line in bytes.split(separator: 0x0a) {
      let text = String(decoding: line, as: UTF8.self)
      if let range = text.firstRange(of: " path=") { return String(text[range.upperBound...]) }
    }
    return nil
  }
}
