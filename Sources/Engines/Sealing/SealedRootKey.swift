import CArgon2
package import Vocabulary

/// A root key sealed under a passphrase, as `DIR/keys/root.key.sealed` has it: argon2id (RFC 9106) makes a key of the
/// passphrase, AES-256-GCM seals with that one. What it takes to open it, but for the passphrase, stands in it; whoever guesses
/// pays that cost for each guess.
package struct SealedRootKey: Hashable, Sendable, Codable {
  /// What a derivation costs.
  package struct Cost: Hashable, Sendable {
    package let memoryKiB: Int
    package let passes: Int

    /// 64 MiB, three passes, one lane: about a fifth of a second (RFC 9106 §4, the second recommended option but for its lanes).
    package static let `default` = Cost(memoryKiB: 65_536, passes: 3)
    /// Enough to be slow, not enough to stop the machine.
    package static let memoryRange = 19_456...1_048_576
    package static let passesRange = 2...16

    package init(memoryKiB: Int, passes: Int) {
      self.memoryKiB = memoryKiB
      self.passes = passes
    }
    var isSound: Bool {
      Self.memoryRange.contains(memoryKiB) && Self.passesRange.contains(passes)
    }
  }

  /// Why a key is not sealed or opened.
  package enum Flaw: Error, Hashable, Sendable {
    /// A passphrase has `passphraseBytes`, a root key 32 bytes, and a cost is within its ranges.
    case unfit
    /// The file is not one that was written here.
    case malformed
    /// Another passphrase, or the file was altered: nobody can tell which.
    case wrongPassphrase
    /// The derivation's memory cannot be had.
    case outOfMemory(mebibytes: Int)
  }

  package static let passphraseBytes = 12...1_024
  private static let keyBytes = 32
  private static let saltBytes = 16
  private static let formatName = "strongroom/root-key@v1"

  private let format: String
  /// Hexadecimal, as `sealed`.
  private let salt: String
  private let memoryKiB: Int
  private let passes: Int
  private let sealed: String

  enum CodingKeys: String, CodingKey {
    case format, salt
    case memoryKiB = "argon2id_memory_kib"
    case passes = "argon2id_passes"
    case sealed
  }

  /// - Throws: `Flaw.unfit`, `.outOfMemory`.
  package init(
    sealing key: [UInt8], under passphrase: borrowing Secret, cost: Cost = .default,
    randomness: Randomness
  ) throws(Flaw) {
    guard key.count == Self.keyBytes, Self.passphraseBytes.contains(passphrase.count), cost.isSound
    else { throw .unfit }
    let salt = randomness.bytes(Self.saltBytes)
    let keyring = try Self.keyring(of: passphrase, salt, cost, randomness)
    do {
      sealed = hexText(try keyring.seal(key, context: Self.context(hexText(salt), cost)))
    } catch {
      throw .unfit
    }
    format = Self.formatName
    self.salt = hexText(salt)
    memoryKiB = cost.memoryKiB
    passes = cost.passes
  }

  /// The root key.
  /// - Throws: `Flaw`.
  package func open(with passphrase: borrowing Secret) throws(Flaw) -> [UInt8] {
    let cost = Cost(memoryKiB: memoryKiB, passes: passes)
    guard format == Self.formatName, cost.isSound, let salt = bytes(hex: salt),
      salt.count == Self.saltBytes, let sealed = bytes(hex: sealed)
    else { throw .malformed }
    guard Self.passphraseBytes.contains(passphrase.count) else { throw .wrongPassphrase }
    let keyring = try Self.keyring(of: passphrase, salt, cost, .system)
    do {
      return try keyring.open(sealed, context: Self.context(self.salt, cost))
    } catch {
      throw error == .malformed ? .malformed : .wrongPassphrase
    }
  }

  /// What the key was sealed with is authenticated with it.
  private static func context(_ salt: String, _ cost: Cost) -> SealingContext {
    SealingContext(
      tenant: "platform", table: "root-key", column: "argon2id/\(cost.memoryKiB)/\(cost.passes)",
      row: salt)
  }

  private static func keyring(
    of passphrase: borrowing Secret, _ salt: [UInt8], _ cost: Cost, _ randomness: Randomness
  ) throws(Flaw) -> Keyring {
    var key = [UInt8](repeating: 0, count: keyBytes)
    let status = passphrase.withBytes { bytes in
      argon2id_hash_raw(
        UInt32(cost.passes), UInt32(cost.memoryKiB), 1, bytes.baseAddress, bytes.count, salt,
        salt.count, &key, key.count)
    }
    defer { for index in key.indices { key[index] = 0 } }
    guard status == ARGON2_OK.rawValue else {
      throw .outOfMemory(mebibytes: cost.memoryKiB / 1_024)
    }
    do {
      return try Keyring(keys: [1: key], current: 1, randomness: randomness)
    } catch {
      throw .unfit
    }
  }
}
