import Crypto
import Synchronization
package import Vocabulary

/// Versioned 256-bit keys: the current one seals, all of them open. The keys live in the zeroing
/// memory of the cryptographic library and are never printed.
package final class Keyring: Sendable {
  // A class: copies of one keyring must share the count of seals.
  private let keys: [UInt32: SymmetricKey]
  /// The version that seals.
  package let currentVersion: UInt32
  private let current: SymmetricKey
  private let seals: Atomic<UInt64>
  private let randomness: Randomness

  /// - Parameters:
  ///   - keys: 32 bytes by version.
  ///   - current: the version that seals.
  ///   - sealsBefore: how many fields the current key has sealed in earlier lives, where that is known. A keyring counts
  ///     from there.
  ///   - randomness: where nonces come from: the system's, except in tests.
  /// - Throws: `SealingRefusal.keyringRefused`.
  package convenience init(
    keys: [UInt32: [UInt8]], current: UInt32, sealsBefore: UInt64 = 0,
    randomness: Randomness = .system
  ) throws(SealingRefusal) {
    guard keys.values.allSatisfy({ $0.count == 32 }) else { throw .keyringRefused }
    try self.init(
      keys.mapValues { SymmetricKey(data: $0) }, current, sealsBefore, randomness)
  }

  private init(
    _ keys: [UInt32: SymmetricKey], _ version: UInt32, _ sealsBefore: UInt64,
    _ randomness: Randomness
  ) throws(SealingRefusal) {
    guard let current = keys[version], keys.count <= SealingLimits.keysMax else {
      throw .keyringRefused
    }
    self.keys = keys
    self.current = current
    self.randomness = randomness
    currentVersion = version
    seals = Atomic(sealsBefore)
  }

  /// All versions, oldest first.
  package var versions: [UInt32] { keys.keys.sorted() }

  /// Fields sealed with the current key, as far as this keyring knows.
  package var sealCount: UInt64 { seals.load(ordering: .relaxed) }
  /// True from a quarter of the bound on.
  package var needsRotation: Bool { sealCount >= SealingLimits.sealsPerKeyAdvised }

  /// Seals one field: format byte 1, key version (4 bytes, most significant first), nonce (12),
  /// ciphertext, tag (16). AES-256-GCM with a random nonce (NIST SP 800-38D §8.2.2); the first five
  /// bytes and the context are authenticated.
  /// - Throws: `.tooLarge`, `.contextTooLarge`, `.keyExhausted`.
  package func seal(
    _ plaintext: some Collection<UInt8>, context: SealingContext
  ) throws(SealingRefusal) -> [UInt8] {
    guard plaintext.count <= SealingLimits.plaintextBytesMax else { throw .tooLarge }
    let head = Self.head(version: currentVersion)
    let associated = head + (try context.bytes())
    let before = seals.wrappingAdd(1, ordering: .relaxed).oldValue
    guard before < SealingLimits.sealsPerKeyMax else {
      seals.wrappingSubtract(1, ordering: .relaxed)
      throw .keyExhausted
    }
    return head
      + (try AEAD.seal(
        Array(plaintext), key: current, nonce: randomness.bytes(12), associated: associated))
  }

  /// Opens a field that was sealed for exactly this context, with whichever key it names.
  /// - Throws: `.malformed`, `.unknownKey`, `.contextTooLarge`, `.notAuthentic`, in this order.
  package func open(
    _ sealed: some Collection<UInt8>, context: SealingContext
  ) throws(SealingRefusal) -> [UInt8] {
    let bytes = Array(sealed)
    let version = try Self.version(of: bytes)
    guard let key = keys[version] else { throw .unknownKey(version: version) }
    let associated = bytes[..<5] + (try context.bytes())
    return try AEAD.open(bytes[5...], key: key, associated: Array(associated))
  }

  /// The key version that a sealed field names, for finding those to seal anew after a rotation.
  /// - Throws: `SealingRefusal.malformed`.
  package static func version(of sealed: [UInt8]) throws(SealingRefusal) -> UInt32 {
    guard sealed.count >= SealingLimits.overhead, sealed[0] == format,
      sealed.count <= SealingLimits.overhead + SealingLimits.plaintextBytesMax
    else { throw .malformed }
    return sealed[1..<5].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The first bytes of every field that is sealed now, for finding in a store those that are not.
  package var fieldHead: [UInt8] { Self.head(version: currentVersion) }

  /// The version that a field's first bytes name; nil where no sealed field begins so.
  package static func version(ofHead head: [UInt8]) -> UInt32? {
    guard head.count == headBytes, head[0] == format else { return nil }
    return head[1...].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Bytes of a sealed field that say how it is sealed.
  package static let headBytes = 5
  private static let format: UInt8 = 1
  private static func head(version: UInt32) -> [UInt8] {
    [format] + stride(from: 24, through: 0, by: -8).map { UInt8(version >> UInt32($0) & 0xff) }
  }
}

// MARK: Derived keys

extension Keyring {
  /// A keyring for one purpose, each version derived from ours by HKDF-SHA256 (RFC 5869). Who holds
  /// it learns nothing about this one or its other children.
  /// - Parameter label: names the purpose; the same label gives the same keys.
  package func derived(label: String) -> Keyring {
    let children = keys.mapValues { Self.derive($0, label: label) }
    do {
      return try Keyring(children, currentVersion, 0, randomness)
    } catch {
      // The children have the versions of this keyring, which has passed the same checks.
      preconditionFailure("a derived keyring has the shape of its parent")
    }
  }

  /// Thirty-two bytes for another algorithm or for handing to their one owner, derived like
  /// `derived(label:)`.
  /// - Throws: `SealingRefusal.unknownKey`.
  package func subkey(label: String, version: UInt32) throws(SealingRefusal) -> Secret {
    guard let key = keys[version] else { throw .unknownKey(version: version) }
    return Secret(Self.derive(key, label: label).withUnsafeBytes { Array($0) })
  }

  private static func derive(_ key: SymmetricKey, label: String) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: key, info: Array("strongroom/v1/\(label)".utf8), outputByteCount: 32)
  }

  /// A value to find equal fields by, without opening them: HMAC-SHA256 over the plaintext under a
  /// key of the table and column. It tells who can read the store which rows are equal, and nothing
  /// else; not for fields of few values.
  /// - Parameter version: nil for the current key; after a rotation search for the older versions
  /// too.
  /// - Throws: `.unknownKey`.
  package func blindIndex(
    of plaintext: some Collection<UInt8>, table: String, column: String, version: UInt32? = nil
  ) throws(SealingRefusal) -> [UInt8] {
    let version = version ?? currentVersion
    guard let key = keys[version] else { throw .unknownKey(version: version) }
    // The length of the table's name keeps "a"+"bc" and "ab"+"c" apart.
    let label = "blind-index/\(table.utf8.count)/\(table)/\(column)"
    let code = HMAC<SHA256>.authenticationCode(
      for: Array(plaintext), using: Self.derive(key, label: label))
    return Array(code)
  }
}

extension Keyring: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "Keyring(versions \(versions), current \(currentVersion))" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
