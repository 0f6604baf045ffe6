/// A block of PEM (RFC 7468), as Go's `pem.Decode` finds it.
struct PEMBlock {
  let type: String
  let bytes: [UInt8]

  /// Most blocks of one text.
  static let blocksMax = 100

  /// All blocks of a text, whatever stands between them. One that is damaged is left out.
  static func all(in text: String) -> [PEMBlock] {
    var blocks: [PEMBlock] = []
    var type: String?
    var body = ""
    for line in text.split(whereSeparator: \.isNewline) where blocks.count < blocksMax {
      if let name = name(line, after: "-----BEGIN ") {
        (type, body) = (name, "")
      } else if let name = name(line, after: "-----END ") {
        if name == type, let bytes = try? Base64.decode(body, .standard) {
          blocks.append(PEMBlock(type: name, bytes: bytes))
        }
        type = nil
      } else if type != nil, !line.contains(":") {
        body += line.filter { !$0.isWhitespace }
      }
    }
    return blocks
  }

  private static func name(_ line: Substring, after mark: String) -> String? {
    var end = line
    while end.last?.isWhitespace ?? false { end.removeLast() }
    guard end.hasPrefix(mark), end.hasSuffix("-----"), end.count >= mark.count + 5 else {
      return nil
    }
    return String(end.dropFirst(mark.count).dropLast(5))
  }
}
