package import Chassis
import Glibc
package import Sealing
import StrictJSON
package import Vocabulary

/// The root key as it lies in a home: open in `keys/root.key`, or sealed under a passphrase in `keys/root.key.sealed`.
package enum RootKeyFile {
  package enum State: Hashable, Sendable {
    case absent
    case open
    case sealed(SealedRootKey)
    /// A change from one to the other was cut short.
    case both
  }

  /// - Throws: `LaunchFailure.badHome` for a sealed key that is damaged.
  package static func state(in home: Home) throws(LaunchFailure) -> State {
    let isOpen = WholeFile.exists(home.rootKeyFile)
    guard let bytes = try WholeFile.read(home.sealedRootKeyFile) else {
      return isOpen ? .open : .absent
    }
    guard !isOpen else { return .both }
    guard let sealed = try? StrictJSON.decode(SealedRootKey.self, from: bytes) else {
      throw .badHome(
        path: home.sealedRootKeyFile,
        reason: "it is not a sealed root key. Restore it from your backup")
    }
    return .sealed(sealed)
  }

  package static let isInBetween =
    "the root key lies here open and sealed, for 'root-key protect' or 'unprotect' was cut short: run it again"

  /// Seals an open key and takes the open one away. What a disk keeps of a file that was overwritten and removed is the disk's:
  /// a key that must never have been there in clear is made sealed, at the first `up`.
  /// - Throws: `LaunchFailure.badHome`, `.system`; `SealedRootKey.Flaw`.
  package static func protect(
    _ home: Home, with passphrase: borrowing Secret, cost: SealedRootKey.Cost,
    randomness: Randomness
  ) throws {
    let key = try openKey(in: home)
    let sealed = try SealedRootKey(
      sealing: key, under: passphrase, cost: cost, randomness: randomness)
    try WholeFile.write(bytes(of: sealed), to: home.sealedRootKeyFile)
    // What was written is read again before the only other copy goes.
    guard let written = try WholeFile.read(home.sealedRootKeyFile),
      try StrictJSON.decode(SealedRootKey.self, from: written).open(with: passphrase) == key
    else {
      throw LaunchFailure.badHome(path: home.sealedRootKeyFile, reason: "it does not open again")
    }
    try overwrite(home.rootKeyFile, bytes: key.count * 2 + 1)
    unlink(home.rootKeyFile)
  }

  /// Lays the key down open and takes the sealed one away.
  /// - Throws: as `protect`.
  package static func unprotect(_ home: Home, with passphrase: borrowing Secret) throws {
    guard let written = try WholeFile.read(home.sealedRootKeyFile),
      let sealed = try? StrictJSON.decode(SealedRootKey.self, from: written)
    else {
      throw LaunchFailure.badHome(
        path: home.sealedRootKeyFile, reason: "it is not a sealed root key")
    }
    let key = try sealed.open(with: passphrase)
    try WholeFile.write(Array(hexText(key).utf8) + [0x0a], to: home.rootKeyFile)
    unlink(home.sealedRootKeyFile)
  }

  static func bytes(of sealed: SealedRootKey) throws(LaunchFailure) -> [UInt8] {
    guard let bytes = try? StrictJSON.encode(sealed) else {
      throw .system(call: "encode the sealed root key", code: EINVAL)
    }
    return bytes + [0x0a]
  }

  private static func openKey(in home: Home) throws(LaunchFailure) -> [UInt8] {
    let text = try WholeFile.read(home.rootKeyFile) ?? []
    guard
      let key = Vocabulary.bytes(hex: String(decoding: text, as: UTF8.self).filter { $0 != "\n" }),
      key.count == HandedRootKey.bytesCount
    else { throw .badHome(path: home.rootKeyFile, reason: "it is not 32 bytes in hex") }
    return key
  }

  private static func overwrite(_ path: String, bytes count: Int) throws(LaunchFailure) {
    let file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw .system(call: "open \(path)", code: errno) }
    defer { close(file) }
    guard writeAll([UInt8](repeating: UInt8(ascii: "0"), count: count), to: file), fsync(file) == 0
    else { throw .system(call: "overwrite \(path)", code: errno) }
  }
}

/// The root key on its way from whoever had the passphrase to the authority: by pipes and in memory, never in an argument, a
/// variable or a file. A class: it is zeroed when its last holder lets go of it.
package final class HandedRootKey: Sendable {
  static let bytesCount = 32
  /// Longest hand-over, bytes: less than any pipe takes without a reader (pipe(7)).
  package static let handoverBytesMax = 4_096

  private let key: Secret
  /// What `keys/root.key.sealed` is to hold where there is no key yet.
  let newFile: [UInt8]?

  /// Of a home that has one.
  /// - Throws: `SealedRootKey.Flaw`.
  package init(
    opening sealed: SealedRootKey, with passphrase: borrowing Secret
  ) throws(SealedRootKey.Flaw) {
    key = Secret(try sealed.open(with: passphrase))
    newFile = nil
  }

  /// A new one, for a home that has none.
  /// - Throws: `SealedRootKey.Flaw`, `LaunchFailure`.
  package init(newUnder passphrase: borrowing Secret, randomness: Randomness) throws {
    let bytes = randomness.bytes(Self.bytesCount)
    key = Secret(bytes)
    newFile = try RootKeyFile.bytes(
      of: SealedRootKey(sealing: bytes, under: passphrase, randomness: randomness))
  }

  /// From `handover`; nil for anything else.
  package init?(handover: [UInt8]) {
    let lines = handover.split(separator: 0x0a, maxSplits: 1, omittingEmptySubsequences: false)
    guard lines.count == 2,
      let bytes = Vocabulary.bytes(hex: String(decoding: lines[0], as: UTF8.self)),
      bytes.count == Self.bytesCount
    else { return nil }
    key = Secret(bytes)
    newFile = lines[1].isEmpty ? nil : Array(lines[1])
  }

  /// For the launcher, on its standard input.
  package var handover: [UInt8] { line + (newFile ?? []) }

  /// For the authority, on its standard input: 64 hexadecimal digits.
  package var line: [UInt8] { Array((key.withBytes { hexText($0) } + "\n").utf8) }
}
