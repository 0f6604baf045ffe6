import Crypto
import Sealing
import TestKit
import Testing
import Vocabulary

private let context = SealingContext(
  tenant: "strongroom", table: "people", column: "name", row: "0190163d-8694-739b-aea5-966c26f8ad91"
)
private let plaintext = Array("Zoë Ŝtrongroom".utf8)

private func keyring(_ versions: [UInt32] = [1], sealsBefore: UInt64 = 0) throws -> Keyring {
  let keys = versions.map { ($0, Randomness.seeded(UInt64($0)).bytes(32)) }
  return try Keyring(
    keys: Dictionary(uniqueKeysWithValues: keys), current: versions.max() ?? 0,
    sealsBefore: sealsBefore, randomness: .seeded(99))
}

private func refusal(_ body: () throws(SealingRefusal) -> [UInt8]) -> SealingRefusal? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

@Suite struct `A sealed field` {
  @Test func `opens where it was sealed`() throws {
    let keys = try keyring([1, 7])
    for text in [[], plaintext, Array(repeating: 0, count: 10_000)] {
      let sealed = try keys.seal(text, context: context)
      #expect(sealed.count == text.count + SealingLimits.overhead)
      #expect(sealed.prefix(5) == [1, 0, 0, 0, 7])
      #expect(try Keyring.version(of: sealed) == 7)
      #expect(try keys.open(sealed, context: context) == text)
    }
    #expect(
      try keys.seal(plaintext, context: context) != keys.seal(plaintext, context: context))
  }

  @Test func `changed in any byte does not open`() throws {
    let keys = try keyring([1, 2])
    let sealed = try keys.seal(plaintext, context: context)
    for position in sealed.indices {
      for flip: UInt8 in [0x01, 0x03, 0x80] {
        var changed = sealed
        changed[position] ^= flip
        let expected: SealingRefusal =
          switch position {
          case 0: .malformed
          case 1..<5:
            // Version 2 ^ 3 is version 1, which the keyring holds: there only the authentication
            // stands in the way.
            position == 4 && flip == 3
              ? .notAuthentic : .unknownKey(version: try Keyring.version(of: changed))
          default: .notAuthentic
          }
        #expect(
          refusal { () throws(SealingRefusal) in try keys.open(changed, context: context) }
            == expected, "byte \(position) ^ \(flip)")
      }
    }
  }

  @Test func `cut or lengthened does not open`() throws {
    let keys = try keyring()
    let sealed = try keys.seal(plaintext, context: context)
    for count in 0..<sealed.count {
      let expected: SealingRefusal = count < SealingLimits.overhead ? .malformed : .notAuthentic
      #expect(
        refusal { () throws(SealingRefusal) in
          try keys.open(sealed.prefix(count), context: context)
        } == expected)
    }
    #expect(throws: SealingRefusal.notAuthentic) { try keys.open(sealed + [0], context: context) }
  }

  @Test func `moved to another place does not open`() throws {
    let keys = try keyring()
    let row = SealingContext(tenant: "ab", table: "c", column: "d", row: "e")
    let sealed = try keys.seal(plaintext, context: row)
    let others = [
      SealingContext(tenant: "x", table: "c", column: "d", row: "e"),
      SealingContext(tenant: "ab", table: "x", column: "d", row: "e"),
      SealingContext(tenant: "ab", table: "c", column: "x", row: "e"),
      SealingContext(tenant: "ab", table: "c", column: "d", row: "x"),
      // The same letters, divided otherwise.
      SealingContext(tenant: "a", table: "bc", column: "d", row: "e"),
      SealingContext(tenant: "ab", table: "c", column: "de", row: ""),
      SealingContext(tenant: "", table: "", column: "", row: "abcde"),
      SealingContext(tenant: "ab", table: "d", column: "c", row: "e"),
    ]
    for other in others {
      #expect(throws: SealingRefusal.notAuthentic) { try keys.open(sealed, context: other) }
    }
    #expect(try keys.open(sealed, context: row) == plaintext)
  }

  @Test func `outlives a rotation and ends with its key`() throws {
    let old = try keyring([1]).seal(plaintext, context: context)
    let rotated = try keyring([1, 2])
    #expect(try rotated.open(old, context: context) == plaintext)
    #expect(try Keyring.version(of: rotated.seal(plaintext, context: context)) == 2)
    #expect(throws: SealingRefusal.unknownKey(version: 1)) {
      try keyring([2]).open(old, context: context)
    }
  }

  @Test func `is held to its limits`() throws {
    let keys = try keyring()
    let most = [UInt8](repeating: 7, count: SealingLimits.plaintextBytesMax)
    #expect(try keys.open(keys.seal(most, context: context), context: context) == most)
    #expect(throws: SealingRefusal.tooLarge) { try keys.seal(most + [7], context: context) }
    let longest = String(repeating: "r", count: SealingLimits.contextPartBytesMax)
    #expect(throws: Never.self) {
      try keys.seal([], context: .init(tenant: "", table: "", column: "", row: longest))
    }
    #expect(throws: SealingRefusal.contextTooLarge) {
      try keys.seal([], context: .init(tenant: "", table: "", column: "", row: longest + "r"))
    }
  }
}

@Suite struct `A keyring` {
  @Test func `stops before its nonces run out and says so long before`() throws {
    let early = try keyring(sealsBefore: SealingLimits.sealsPerKeyAdvised - 1)
    #expect(!early.needsRotation)
    _ = try early.seal([], context: context)
    #expect(early.needsRotation)
    let late = try keyring(sealsBefore: SealingLimits.sealsPerKeyMax - 1)
    let last = try late.seal(plaintext, context: context)
    for _ in 0..<3 {
      #expect(throws: SealingRefusal.keyExhausted) { try late.seal([], context: context) }
    }
    #expect(try late.open(last, context: context) == plaintext)
  }

  @Test func `is refused when it makes no sense`() {
    let key = [UInt8](repeating: 1, count: 32)
    let many = (0...UInt32(SealingLimits.keysMax)).map { ($0, key) }
    #expect(throws: SealingRefusal.keyringRefused) { try Keyring(keys: [:], current: 0) }
    #expect(throws: SealingRefusal.keyringRefused) { try Keyring(keys: [1: key], current: 2) }
    for length in [0, 16, 31, 33] {
      let other = [UInt8](repeating: 1, count: length)
      #expect(throws: SealingRefusal.keyringRefused) { try Keyring(keys: [1: other], current: 1) }
    }
    #expect(throws: Never.self) {
      try Keyring(keys: Dictionary(uniqueKeysWithValues: many.dropLast()), current: 0)
    }
    #expect(throws: SealingRefusal.keyringRefused) {
      try Keyring(keys: Dictionary(uniqueKeysWithValues: many), current: 0)
    }
  }

  @Test func `gives each purpose keys of its own`() throws {
    let parent = try keyring([1, 2])
    let customers = parent.derived(label: "customers")
    let sealed = try customers.seal(plaintext, context: context)
    #expect(try parent.derived(label: "customers").open(sealed, context: context) == plaintext)
    for other in [parent, parent.derived(label: "audit"), customers.derived(label: "customers")] {
      #expect(throws: SealingRefusal.notAuthentic) { try other.open(sealed, context: context) }
    }
    let one = try parent.subkey(label: "a", version: 1).withBytes { Array($0) }
    #expect(try parent.subkey(label: "a", version: 1).withBytes { Array($0) } == one)
    #expect(try parent.subkey(label: "a", version: 2).withBytes { Array($0) } != one)
    #expect(try parent.subkey(label: "b", version: 1).withBytes { Array($0) } != one)
    // The parent's first key by RFC 5869, computed from its HMAC alone: extract without salt,
    // expand one block.
    let key = Randomness.seeded(1).bytes(32)
    let extracted = Array(
      HMAC<SHA256>.authenticationCode(
        for: key, using: SymmetricKey(data: [UInt8](repeating: 0, count: 32))))
    let expanded = HMAC<SHA256>.authenticationCode(
      for: Array("strongroom/v1/a".utf8) + [1], using: SymmetricKey(data: extracted))
    #expect(Array(expanded) == one)
  }

  @Test func `finds equal fields without opening them`() throws {
    let keys = try keyring([1, 2])
    let index = try keys.blindIndex(of: plaintext, table: "people", column: "name")
    #expect(index.count == 32)
    #expect(try keys.blindIndex(of: plaintext, table: "people", column: "name") == index)
    #expect(
      try keys.blindIndex(of: plaintext, table: "people", column: "name", version: 2) == index)
    let others = [
      try keys.blindIndex(of: plaintext + [0], table: "people", column: "name"),
      try keys.blindIndex(of: plaintext, table: "people", column: "email"),
      try keys.blindIndex(of: plaintext, table: "peoplen", column: "ame"),
      try keys.blindIndex(of: plaintext, table: "people", column: "name", version: 1),
    ]
    #expect(Set(others + [index]).count == 5)
    #expect(throws: SealingRefusal.unknownKey(version: 3)) {
      try keys.blindIndex(of: plaintext, table: "people", column: "name", version: 3)
    }
  }

  @Test func `is never printed`() throws {
    let keys = try Keyring(keys: [1: [UInt8](repeating: 0x5a, count: 32)], current: 1)
    var text = "\(keys) \(String(reflecting: keys))"
    dump(keys, to: &text)
    #expect(!text.contains("90") && !text.contains("5a"))
    #expect(text.hasPrefix("Keyring(versions [1], current 1)"))
  }
}
