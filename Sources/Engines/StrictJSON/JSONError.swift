package import Vocabulary

/// What a parser may spend on input that nobody has vouched for yet. Past a limit the input is
/// refused, never cut.
package struct JSONLimits: Hashable, Sendable {
  /// Longest text, in bytes (1–2^31).
  package let bytesMax: Int
  /// Most arrays and objects inside each other (1–256); a bare scalar has depth 0.
  package let depthMax: Int
  /// Most values and member names together; bounds the memory at sixteen bytes each.
  package let valuesMax: Int

  /// Longest spelling of one number, in bytes; enough for every exact double and far more than any
  /// amount.
  package static let numberBytesMax = 1_024
  /// Longest JSON Pointer that an error carries, in bytes; longer ones are cut, for they quote the
  /// sender's names.
  package static let pointerBytesMax = 256

  package init(bytesMax: Int = 4_194_304, depthMax: Int = 32, valuesMax: Int = 1_000_000) {
    self.bytesMax = min(max(bytesMax, 1), 1 << 31)
    self.depthMax = min(max(depthMax, 1), 256)
    self.valuesMax = max(valuesMax, 1)
  }

  /// 4 MiB, depth 32, a million values.
  package static let standard = JSONLimits()
}

/// Why a JSON text was refused. The reason never quotes values of the text, since they may be
/// personal data; the pointer quotes member names only.
package struct JSONError: Error, Hashable, Sendable {
  /// Where: a JSON Pointer (RFC 6901); empty for the whole text.
  package let pointer: String
  /// What is wrong, for a person.
  package let reason: String
  /// Byte position in the text, where the fault is one of spelling and not of meaning.
  package let offset: Int?

  package init(pointer: String, reason: String, offset: Int? = nil) {
    self.pointer = pointer
    self.reason = reason
    self.offset = offset
  }
}

extension JSONError: Refusal {
  package var problem: Problem {
    .malformed(reason, field: pointer.isEmpty ? nil : pointer)
  }
}

extension JSONError: CustomStringConvertible {
  package var description: String {
    let place = pointer.isEmpty ? "the text" : pointer
    return offset.map { "\(place), byte \($0): \(reason)" } ?? "\(place): \(reason)"
  }
}

/// Joins reference tokens into a JSON Pointer, escaping `~` and `/` (RFC 6901 §3), cut at the
/// limit.
func jsonPointer(_ tokens: some Sequence<String>) -> String {
  var pointer: [UInt8] = []
  for token in tokens {
    pointer.append(UInt8(ascii: "/"))
    for byte in token.utf8 {
      switch byte {
      case UInt8(ascii: "~"): pointer.append(contentsOf: "~0".utf8)
      case UInt8(ascii: "/"): pointer.append(contentsOf: "~1".utf8)
      default: pointer.append(byte)
      }
    }
    if pointer.count > JSONLimits.pointerBytesMax { break }
  }
  guard pointer.count > JSONLimits.pointerBytesMax else {
    return String(decoding: pointer, as: UTF8.self)
  }
  var end = JSONLimits.pointerBytesMax
  while end > 0, pointer[end] & 0xc0 == 0x80 { end -= 1 }
  return String(decoding: pointer[..<end], as: UTF8.self) + "…"
}
