import Chassis
import Foundation
import Launcher
import Sealing
import Testing
import Vocabulary

@Suite struct `A home's root key` {
  private let cheap = SealedRootKey.Cost(memoryKiB: 19_456, passes: 2)
  private func passphrase(_ text: String = "correct horse battery") -> Secret {
    Secret(Array(text.utf8))
  }

  private func prepare(_ home: Home, _ key: HandedRootKey? = nil) throws {
    try HomeSetup.prepare(
      home, platform: Platform(), charters: `A home`.charters, rootKey: key, randomness: .system)
  }

  @Test func `is sealed and laid open again, the same key each time`() throws {
    let scratch = try Scratch()
    let home = scratch.home
    try prepare(home)
    #expect(try RootKeyFile.state(in: home) == .open)
    let open = try WholeFile.read(home.rootKeyFile)
    let secret = passphrase()
    try RootKeyFile.protect(home, with: secret, cost: cheap, randomness: .system)
    #expect(!WholeFile.exists(home.rootKeyFile))
    #expect(try Scratch.mode(home.sealedRootKeyFile) == 0o600)
    let other = passphrase("correct horse batterz")
    #expect(throws: SealedRootKey.Flaw.wrongPassphrase) {
      try RootKeyFile.unprotect(home, with: other)
    }
    #expect(!WholeFile.exists(home.rootKeyFile))
    guard case .sealed(let sealed) = try RootKeyFile.state(in: home) else {
      Issue.record("it is not sealed")
      return
    }
    let handed = try HandedRootKey(opening: sealed, with: secret)
    #expect(handed.line == open)
    try RootKeyFile.unprotect(home, with: secret)
    #expect(try RootKeyFile.state(in: home) == .open)
    #expect(try WholeFile.read(home.rootKeyFile) == open)
  }

  @Test func `of a new home is never there in clear where a passphrase was given`() throws {
    let scratch = try Scratch()
    let home = scratch.home
    let secret = passphrase()
    let made = try HandedRootKey(newUnder: secret, randomness: .system)
    // As it comes to the launcher: by a pipe.
    let handed = try #require(HandedRootKey(handover: made.handover))
    try prepare(home, handed)
    #expect(!WholeFile.exists(home.rootKeyFile))
    guard case .sealed(let sealed) = try RootKeyFile.state(in: home) else {
      Issue.record("it is not sealed")
      return
    }
    #expect(try HandedRootKey(opening: sealed, with: secret).line == made.line)
    // A later start brings the key and no file, and leaves what lies there.
    let before = try WholeFile.read(home.sealedRootKeyFile)
    try prepare(home, try HandedRootKey(opening: sealed, with: secret))
    #expect(try WholeFile.read(home.sealedRootKeyFile) == before)
  }

  @Test func `that is sealed keeps a home from starting without it`() throws {
    let scratch = try Scratch()
    let home = scratch.home
    try prepare(home)
    let secret = passphrase()
    try RootKeyFile.protect(home, with: secret, cost: cheap, randomness: .system)
    #expect { try prepare(home) } throws: { "\($0)".contains("sealed under a passphrase") }
    #expect(!WholeFile.exists(home.rootKeyFile))
  }

  @Test func `that was left open and sealed is refused, and made whole by either command`() throws {
    let scratch = try Scratch()
    let home = scratch.home
    try prepare(home)
    let secret = passphrase()
    let open = try #require(try WholeFile.read(home.rootKeyFile))
    try RootKeyFile.protect(home, with: secret, cost: cheap, randomness: .system)
    try WholeFile.write(open, to: home.rootKeyFile)
    #expect(try RootKeyFile.state(in: home) == .both)
    #expect { try prepare(home) } throws: { "\($0)".contains("cut short") }
    try RootKeyFile.protect(home, with: secret, cost: cheap, randomness: .system)
    #expect(!WholeFile.exists(home.rootKeyFile))
    try WholeFile.write(open, to: home.rootKeyFile)
    try RootKeyFile.unprotect(home, with: secret)
    #expect(try RootKeyFile.state(in: home) == .open)
    #expect(try WholeFile.read(home.rootKeyFile) == open)
  }

  @Test func `is handed over whole or not at all`() {
    let digits = String(repeating: "ab", count: 32)
    for text in [
      "", "\n", digits, "\(digits.dropLast(2))\n", "\(digits)00\n", "zz\(digits.dropFirst(2))\n",
    ] {
      #expect(HandedRootKey(handover: Array(text.utf8)) == nil, "\(text)")
    }
    #expect(HandedRootKey(handover: Array("\(digits)\n".utf8))?.line == Array("\(digits)\n".utf8))
  }
}
