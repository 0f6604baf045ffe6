/// A command as we print it for people: what stands there works where it is read, in the same folder and about the same
/// home. Each word is quoted for a shell (POSIX 1003.1-2024 §2.2) where it needs to be.
package struct PrintedCommand: Sendable {
  private let program: String
  private let home: [String]

  /// - Parameters:
  ///   - program: as it was called: `./strongroom`.
  ///   - home: what `--home` said; nil where nothing has to be said.
  package init(program: String, home: String?) {
    self.program = program
    self.home = home.map { ["--home", $0] } ?? []
  }

  /// - Parameter isAboutHome: false for a command that has no `--home`.
  package func text(_ words: String..., isAboutHome: Bool = true) -> String {
    ([program] + words + (isAboutHome ? home : [])).map(Self.quoted).joined(separator: " ")
  }

  package static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"),
        UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "@"),
        UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "="):
        true
      default: false
      }
    }
    guard !isPlain || word.isEmpty else { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
