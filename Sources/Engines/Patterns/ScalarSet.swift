/// Unicode scalars by range and by property.
struct ScalarSet: Sendable {
  private(set) var ranges: [ClosedRange<UInt32>] = []
  private var properties: [(property: ScalarProperty, isNegated: Bool)] = []
  private var isNegated = false
  /// ASCII once more, as bits: nearly all texts that are looked at are.
  private var low: (UInt64, UInt64) = (0, 0)

  init(_ ranges: [ClosedRange<UInt32>] = [], isNegated: Bool = false) {
    self.ranges = ranges
    self.isNegated = isNegated
    settle()
  }

  init(_ property: ScalarProperty, isNegated: Bool) {
    properties = [(property, isNegated)]
    settle()
  }

  /// ECMA-262 §22.2.2.9: `\d`, `\w`, and `\s` with all white space and line ends of the language.
  static let digits = ScalarSet([48...57])
  static let word = ScalarSet([48...57, 65...90, 95...95, 97...122])
  static let space = ScalarSet([
    9...13, 32...32, 0xa0...0xa0, 0x1680...0x1680, 0x2000...0x200a, 0x2028...0x2029,
    0x202f...0x202f, 0x205f...0x205f, 0x3000...0x3000, 0xfeff...0xfeff,
  ])
  /// What `.` takes: all but line ends.
  static let dot = ScalarSet([10...10, 13...13, 0x2028...0x2029], isNegated: true)

  var negated: ScalarSet {
    var other = self
    other.isNegated.toggle()
    other.settle()
    return other
  }

  /// The one scalar that it holds, where it holds one.
  var single: UInt32? {
    guard !isNegated, properties.isEmpty, ranges.count == 1, ranges[0].count == 1 else {
      return nil
    }
    return ranges[0].lowerBound
  }

  /// Whether its ranges say all of it.
  var isPlain: Bool { !isNegated && properties.isEmpty }

  mutating func insert(_ range: ClosedRange<UInt32>) {
    ranges.append(range)
    settle()
  }

  mutating func insert(_ set: ScalarSet) {
    if set.isNegated {
      properties.append((.set(set.negated), true))
    } else {
      ranges += set.ranges
      properties += set.properties
    }
    settle()
  }

  func contains(_ scalar: UInt32) -> Bool {
    switch scalar {
    case ..<64: low.0 >> UInt64(scalar) & 1 == 1
    case ..<128: low.1 >> UInt64(scalar - 64) & 1 == 1
    default: look(scalar)
    }
  }

  private func look(_ scalar: UInt32) -> Bool {
    let isInside =
      ranges.contains { $0.contains(scalar) }
      || properties.contains { $0.property.contains(scalar) != $0.isNegated }
    return isInside != isNegated
  }

  private mutating func settle() {
    var bits: (UInt64, UInt64) = (0, 0)
    for scalar in UInt32(0)..<64 {
      if look(scalar) { bits.0 |= 1 << UInt64(scalar) }
      if look(scalar + 64) { bits.1 |= 1 << UInt64(scalar) }
    }
    low = bits
  }
}

/// What `\p{…}` may ask for.
indirect enum ScalarProperty: Sendable {
  case any, ascii, alphabetic, whiteSpace, uppercase, lowercase
  /// Letters of general categories: `L` for all letters, `Lu` for one kind.
  case category(String)
  case set(ScalarSet)

  /// ECMA-262 table 67 and 68, by both names; scripts are not known here.
  init?(name: String) {
    let value =
      name.hasPrefix("General_Category=")
      ? String(name.dropFirst(17)) : name.hasPrefix("gc=") ? String(name.dropFirst(3)) : name
    switch value {
    case "Any": self = .any
    case "ASCII": self = .ascii
    case "Alphabetic", "Alpha": self = .alphabetic
    case "White_Space", "space": self = .whiteSpace
    case "Uppercase", "Upper": self = .uppercase
    case "Lowercase", "Lower": self = .lowercase
    default:
      guard let short = Self.categories[value] else { return nil }
      self = .category(short)
    }
  }

  private static let categories: [String: String] = {
    let names = [
      "L": "Letter", "Lu": "Uppercase_Letter", "Ll": "Lowercase_Letter", "Lt": "Titlecase_Letter",
      "Lm": "Modifier_Letter", "Lo": "Other_Letter", "M": "Mark", "Mn": "Nonspacing_Mark",
      "Mc": "Spacing_Mark", "Me": "Enclosing_Mark", "N": "Number", "Nd": "Decimal_Number",
      "Nl": "Letter_Number", "No": "Other_Number", "P": "Punctuation",
      "Pc": "Connector_Punctuation", "Pd": "Dash_Punctuation", "Ps": "Open_Punctuation",
      "Pe": "Close_Punctuation", "Pi": "Initial_Punctuation", "Pf": "Final_Punctuation",
      "Po": "Other_Punctuation", "S": "Symbol", "Sm": "Math_Symbol", "Sc": "Currency_Symbol",
      "Sk": "Modifier_Symbol", "So": "Other_Symbol", "Z": "Separator", "Zs": "Space_Separator",
      "Zl": "Line_Separator", "Zp": "Paragraph_Separator", "C": "Other", "Cc": "Control",
      "Cf": "Format", "Cs": "Surrogate", "Co": "Private_Use", "Cn": "Unassigned",
    ]
    var all = Dictionary(uniqueKeysWithValues: names.map { ($1, $0) })
    for short in names.keys { all[short] = short }
    for (alias, short) in ["digit": "Nd", "punct": "P", "cntrl": "Cc", "Combining_Mark": "M"] {
      all[alias] = short
    }
    return all
  }()

  func contains(_ value: UInt32) -> Bool {
    if case .set(let set) = self { return set.contains(value) }
    guard let scalar = Unicode.Scalar(value) else { return false }
    let properties = scalar.properties
    return switch self {
    case .any, .set: true
    case .ascii: value < 128
    case .alphabetic: properties.isAlphabetic
    case .whiteSpace: properties.isWhitespace
    case .uppercase: properties.isUppercase
    case .lowercase: properties.isLowercase
    case .category(let name): Self.short(properties.generalCategory).hasPrefix(name)
    }
  }

  private static func short(_ category: Unicode.GeneralCategory) -> String {
    switch category {
    case .uppercaseLetter: "Lu"
    case .lowercaseLetter: "Ll"
    case .titlecaseLetter: "Lt"
    case .modifierLetter: "Lm"
    case .otherLetter: "Lo"
    case .nonspacingMark: "Mn"
    case .spacingMark: "Mc"
    case .enclosingMark: "Me"
    case .decimalNumber: "Nd"
    case .letterNumber: "Nl"
    case .otherNumber: "No"
    case .connectorPunctuation: "Pc"
    case .dashPunctuation: "Pd"
    case .openPunctuation: "Ps"
    case .closePunctuation: "Pe"
    case .initialPunctuation: "Pi"
    case .finalPunctuation: "Pf"
    case .otherPunctuation: "Po"
    case .mathSymbol: "Sm"
    case .currencySymbol: "Sc"
    case .modifierSymbol: "Sk"
    case .otherSymbol: "So"
    case .spaceSeparator: "Zs"
    case .lineSeparator: "Zl"
    case .paragraphSeparator: "Zp"
    case .control: "Cc"
    case .format: "Cf"
    case .surrogate: "Cs"
    case .privateUse: "Co"
    case .unassigned: "Cn"
    @unknown default: "Cn"
    }
  }
}
