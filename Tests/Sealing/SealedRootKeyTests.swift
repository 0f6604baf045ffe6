import Sealing
import StrictJSON
import Testing
import Vocabulary

@Suite struct `A root key under a passphrase` {
  private let key = [UInt8](0..<32)
  /// The cheapest that is taken, for a test that derives often.
  private let cheap = SealedRootKey.Cost(memoryKiB: 19_456, passes: 2)

  private func secret(_ text: String) -> Secret { Secret(Array(text.utf8)) }

  private func seal(_ passphrase: String) throws -> SealedRootKey {
    let secret = secret(passphrase)
    return try SealedRootKey(sealing: key, under: secret, cost: cheap, randomness: .system)
  }

  @Test func `is opened by the passphrase and by nothing else, also after it was written down`()
    throws
  {
    let sealed = try seal("correct horse battery")
    let read = try StrictJSON.decode(SealedRootKey.self, from: StrictJSON.encode(sealed))
    let right = secret("correct horse battery")
    #expect(try read.open(with: right) == key)
    for wrong in [
      "correct horse batterz", "correct horse battery ", "Correct horse battery", "", "x",
    ] {
      let wrong = secret(wrong)
      #expect(throws: SealedRootKey.Flaw.wrongPassphrase) { try read.open(with: wrong) }
    }
  }

  @Test func `looks different each time, and shows nothing of key or passphrase`() throws {
    let (first, second) = (try seal("correct horse battery"), try seal("correct horse battery"))
    #expect(first != second)
    let text = String(decoding: try StrictJSON.encode(first), as: UTF8.self)
    #expect(!text.contains(hexText(key)) && !text.contains("horse"))
    #expect(text.contains(#""argon2id_memory_kib":19456,"argon2id_passes":2"#))
  }

  @Test func `does not open where a byte or a parameter of it was changed`() throws {
    let text = String(decoding: try StrictJSON.encode(seal("correct horse battery")), as: UTF8.self)
    let right = secret("correct horse battery")
    let sealed = try #require(try JSON.parse(Array(text.utf8))["sealed"]?.string)
    let salt = try #require(try JSON.parse(Array(text.utf8))["salt"]?.string)
    func flipped(_ hex: String) -> String { hex.dropLast() + (hex.hasSuffix("0") ? "1" : "0") }
    let table: [(String, String, SealedRootKey.Flaw)] = [
      ("19456", "19457", .wrongPassphrase), ("passes\":2", "passes\":3", .wrongPassphrase),
      (salt, flipped(salt), .wrongPassphrase), (sealed, flipped(sealed), .wrongPassphrase),
      ("19456", "8", .malformed), ("19456", "1048577", .malformed),
      ("passes\":2", "passes\":1", .malformed), ("@v1", "@v2", .malformed),
      (salt, "00", .malformed),
      (sealed, "zz", .malformed), (sealed, "00", .malformed),
    ]
    for (old, new, flaw) in table {
      let altered = try StrictJSON.decode(
        SealedRootKey.self, from: Array(text.replacing(old, with: new).utf8))
      #expect(throws: flaw, "\(old) as \(new)") { try altered.open(with: right) }
    }
  }

  @Test func `is not sealed under too short a passphrase, nor too cheaply`() throws {
    for (passphrase, cost) in [
      ("elevenbytes", cheap), (String(repeating: "a", count: 1_025), cheap),
      ("correct horse battery", SealedRootKey.Cost(memoryKiB: 19_455, passes: 2)),
      ("correct horse battery", SealedRootKey.Cost(memoryKiB: 19_456, passes: 1)),
      ("correct horse battery", SealedRootKey.Cost(memoryKiB: 1_048_577, passes: 2)),
    ] {
      let passphrase = secret(passphrase)
      #expect(throws: SealedRootKey.Flaw.unfit) {
        try SealedRootKey(sealing: key, under: passphrase, cost: cost, randomness: .system)
      }
    }
  }
}
