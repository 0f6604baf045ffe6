/// A type whose members travel in snake_case: `openedAt` is `opened_at` in JSON, without a list of coding keys. Strict JSON
/// spells and reads them so. A member that no rule can spell (`memoryMiB`) needs keys of its own.
package protocol SnakeCased {}

/// The rule, in one place: a capital letter begins a word where a small letter or a digit stands before it, or where it ends a
/// run of capitals (`nationalID` → `national_id`, `idOfURLPath` → `id_of_url_path`). Other than ASCII stays as it is.
package enum SnakeCase {
  /// The member's name as it travels.
  package static func spell(_ name: String) -> String {
    guard name.utf8.contains(where: isCapital) else { return name }
    var spelled: [UInt8] = []
    spelled.reserveCapacity(name.utf8.count + 4)
    visit(name) { byte in
      spelled.append(byte)
      return true
    }
    return String(decoding: spelled, as: UTF8.self)
  }

  /// Whether these bytes are the name as it travels; allocates nothing.
  package static func isSpelling(_ bytes: some Collection<UInt8>, of name: String) -> Bool {
    var rest = bytes[...]
    let isSame = visit(name) { byte in rest.popFirst() == byte }
    return isSame && rest.isEmpty
  }

  /// Hands out the spelling byte by byte, until somebody has seen enough.
  /// - Returns: whether all was handed out.
  @discardableResult
  private static func visit(_ name: String, _ body: (UInt8) -> Bool) -> Bool {
    let utf8 = name.utf8
    var before: UInt8?
    var place = utf8.startIndex
    while place < utf8.endIndex {
      let byte = utf8[place]
      let next = utf8.index(after: place)
      if isCapital(byte) {
        let endsRun = next < utf8.endIndex && isSmall(utf8[next])
        if let before, isSmall(before) || isDigit(before) || (isCapital(before) && endsRun) {
          guard body(UInt8(ascii: "_")) else { return false }
        }
        guard body(byte | 0x20) else { return false }
      } else {
        guard body(byte) else { return false }
      }
      before = byte
      place = next
    }
    return true
  }

  private static func isCapital(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) }
  private static func isSmall(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
