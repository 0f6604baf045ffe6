/// Why a field was not sealed or not opened. Never the fault of a request: each is a defect, an
/// attack on the store, or a key that must be rotated.
package enum SealingRefusal: Error, Hashable, Sendable {
  /// Shorter than the shortest sealed field, or of an unknown format.
  case malformed
  /// Sealed under a key that this keyring does not hold (any more).
  case unknownKey(version: UInt32)
  /// Changed after it was sealed, or moved here from another tenant, table, column or row. The two
  /// look the same on purpose.
  case notAuthentic
  /// Longer than `SealingLimits.plaintextBytesMax`.
  case tooLarge
  /// A part of the context is longer than `SealingLimits.contextPartBytesMax`.
  case contextTooLarge
  /// The current key has sealed `SealingLimits.sealsPerKeyMax` fields: rotate it first.
  case keyExhausted
  /// A keyring without keys, with two keys of one version, without its current version, with too
  /// many keys, or with a key that is not 32 bytes.
  case keyringRefused
}

/// Bounds of sealing.
package enum SealingLimits {
  /// Largest field, in bytes.
  package static let plaintextBytesMax = 1_048_576
  /// Longest part of a context, in bytes.
  package static let contextPartBytesMax = 65_535
  /// Most fields sealed with one key: 2^32. Nonces are 96 random bits, and up to here the chance
  /// that any two of them are equal, which would give both fields away, stays below 2^-32 (NIST SP
  /// 800-38D §8.3).
  package static let sealsPerKeyMax: UInt64 = 1 << 32
  /// From here on `Keyring.needsRotation` is true: a quarter of the bound, so that there is time.
  package static let sealsPerKeyAdvised: UInt64 = 1 << 30
  /// Most key versions in one keyring. Far above `versionsKeptMax`: a home of an earlier build may have up to 1,000, and
  /// all of them must be read.
  package static let keysMax = 1_024
  /// Most versions of one service's key that are kept at a time: a rotation beyond is refused until the service has sealed
  /// anew what is under the old ones.
  package static let versionsKeptMax = 63
  /// Bytes that sealing adds: format, key version, nonce and tag.
  package static let overhead = 1 + 4 + 12 + 16
}
