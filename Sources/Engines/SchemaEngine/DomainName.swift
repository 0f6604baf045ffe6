import CICU

/// Internationalised domain names as IDNA 2008 has them (RFC 5890 to 5893). ICU checks joiners, other signs that depend on their
/// neighbours, and directions of writing (UTS #46); what UTS #46 maps or lets pass and IDNA 2008 does not is refused here.
enum DomainName {
  /// Longest name in UTF-8, in bytes; in its ASCII form it has 253 at most.
  private static let bytesMax = 1_024

  static func isValid(_ name: String) -> Bool {
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard !labels.contains(""), name.utf8.count <= bytesMax, let unicode = unicode(name) else {
      return false
    }
    let written = unicode.split(separator: ".", omittingEmptySubsequences: false)
    return labels.count == written.count
      && zip(labels, written).allSatisfy { label, written in
        // A label that is not ASCII is the U-label itself: a mapping has nothing left to do.
        (label.unicodeScalars.allSatisfy(\.isASCII)
          || label.unicodeScalars.elementsEqual(written.unicodeScalars))
          && written.unicodeScalars.allSatisfy(isValid)
      }
  }

  private static func unicode(_ name: String) -> String? {
    let text = Array(name.utf8)
    var written: Int32 = -1
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
      unsafe text.withUnsafeBytes { source in
        written = unsafe strongroom_domain_to_unicode(
          source.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(source.count),
          UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self),
          Int32(bytesMax))
      }
      count = min(max(0, Int(written)), bytesMax)
    }
    return written < 0 ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// The derived property of RFC 5892 §3, its exceptions (§2.6) first.
  private static func isValid(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x2d, 0xb7, 0xdf, 0x375, 0x3c2, 0x5f3, 0x5f4, 0x6fd, 0x6fe, 0xf0b, 0x200c, 0x200d,
      0x3007, 0x30fb:
      return true
    case 0x640, 0x7fa, 0x302e, 0x302f, 0x3031...0x3035, 0x303b: return false
    // Jamo of old Hangul (§2.9).
    case 0x1100...0x11ff, 0xa960...0xa97c, 0xd7b0...0xd7fb: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .lowercaseLetter, .uppercaseLetter, .otherLetter, .modifierLetter, .decimalNumber,
      .nonspacingMark, .spacingMark:
      return !scalar.properties.isDefaultIgnorableCodePoint
    default: return false
    }
  }
}
