import CPasswordWords

/// How soon somebody who tries the likely ones first comes to a password. The password is laid out in pieces (passwords that
/// are tried first, also in leet; walks over the keyboard; runs; what stands twice; years; single signs), each with the bits that
/// choosing it is worth, and the cheapest layout counts. The measure is zxcvbn's (Wheeler, USENIX Security 2016), simplified:
/// it refuses what is certainly guessed, and says nothing of how good the rest is. In tenths of a bit.
struct PasswordGuesses {
  /// Below this a password is guessed: about 70 million tries.
  static let fewest = 260

  /// The longest piece looked up in a list.
  static let pieceMax = 32
  private static let pieceMin = 3
  private static let walkMin = 4
  private static let runMin = 3
  /// For everything that is no ASCII: no list of ours knows it.
  private static let foreign: UInt8 = 0xff

  private let letters: [UInt8]
  /// The same with the letters that digits and signs stand for; `1` is read as `i` and as `l`.
  private let spoken: [[UInt8]]
  private let own: Set<ArraySlice<UInt8>>

  /// - Parameter own: words that are close to this person, such as the parts of the login.
  init(_ password: String, own: [String] = []) {
    let letters = password.lowercased().unicodeScalars.map {
      $0.isASCII ? UInt8($0.value) : Self.foreign
    }
    self.letters = letters
    spoken = [UInt8(ascii: "i"), UInt8(ascii: "l")].map { one in
      letters.map { $0 == UInt8(ascii: "1") ? one : Self.leet[$0] ?? $0 }
    }
    self.own = Set(
      own.map { Array($0.lowercased().utf8)[...] }.filter { $0.count >= Self.pieceMin })
  }

  /// The cheapest layout, in tenths of a bit.
  var tenths: Int {
    var best = [0] + [Int](repeating: .max / 2, count: letters.count)
    for start in letters.indices {
      for (end, cost) in pieces(from: start) where best[start] + cost < best[end] {
        best[end] = best[start] + cost
      }
    }
    return best[letters.count]
  }

  /// Each piece that begins there: where it ends, and what it is worth.
  private func pieces(from start: Int) -> [(end: Int, cost: Int)] {
    [(start + 1, Self.single(letters[start]))] + words(from: start) + walks(from: start)
      + runs(from: start) + echoes(from: start) + years(from: start)
  }

  private func words(from start: Int) -> [(end: Int, cost: Int)] {
    let last = min(letters.count, start + Self.pieceMax)
    guard start + Self.pieceMin <= last else { return [] }
    return (start + Self.pieceMin...last).flatMap { end -> [(end: Int, cost: Int)] in
      let plain = letters[start..<end]
      var costs: [Int] = []
      if let rank = Self.ranks[plain] { costs.append(Self.bits(rank)) }
      for reading in spoken.map({ $0[start..<end] }) {
        if let rank = Self.ranks[reading] { costs.append(Self.bits(rank) + 10) }
        if own.contains(reading) { costs.append(10) }
      }
      if own.contains(plain) { costs.append(10) }
      return costs.map { (end, $0) }
    }
  }

  /// `qwertz`, `1q2w3e`: each key beside the one before.
  private func walks(from start: Int) -> [(end: Int, cost: Int)] {
    var found: [(end: Int, cost: Int)] = []
    var end = start + 1
    while end < letters.count, Self.areNeighbours(letters[end - 1], letters[end]) {
      end += 1
      if end - start >= Self.walkMin { found.append((end, 80)) }
    }
    return found
  }

  /// `abcd`, `4321`, `aaaa`.
  private func runs(from start: Int) -> [(end: Int, cost: Int)] {
    [1, -1, 0].flatMap { step -> [(end: Int, cost: Int)] in
      var found: [(end: Int, cost: Int)] = []
      var end = start + 1
      while end < letters.count, letters[end] != Self.foreign,
        Int(letters[end]) - Int(letters[end - 1]) == step
      {
        end += 1
        if end - start >= Self.runMin {
          found.append((end, Self.single(letters[start]) + Self.bits(end - start)))
        }
      }
      return found
    }
  }

  /// What stood just before, once more.
  private func echoes(from start: Int) -> [(end: Int, cost: Int)] {
    let most = min(start, letters.count - start)
    guard most > 0 else { return [] }
    return (1...most).compactMap { width in
      let isEcho =
        letters[start - width..<start] == letters[start..<start + width]
        && !letters[start..<start + width].contains(Self.foreign)
      return isEcho ? (start + width, 10) : nil
    }
  }

  private func years(from start: Int) -> [(end: Int, cost: Int)] {
    guard start + 4 <= letters.count else { return [] }
    let digits = letters[start..<start + 4]
    let text = String(decoding: digits, as: UTF8.self)
    guard text.hasPrefix("19") || text.hasPrefix("20"),
      digits.allSatisfy({ (48...57).contains($0) })
    else { return [] }
    return [(start + 4, 50)]
  }

  /// Twice as many choices, one bit more.
  private static func bits(_ choices: Int) -> Int {
    10 * (Int.bitWidth - max(choices, 1).leadingZeroBitCount)
  }

  private static func single(_ letter: UInt8) -> Int {
    switch letter {
    case 48...57: 33
    case 97...122: 47
    case 32: 20
    default: 55
    }
  }

  // MARK: What is known

  /// Words of ours that are tried first here, besides the list.
  private static let extra = [
    "strongroom", "passwort", "administrator", "correcthorsebatterystaple", "treasury", "vault",
  ]

  /// Each word with its place in the list, from 1.
  private static let ranks: [ArraySlice<UInt8>: Int] = {
    // A constant of the module, of that length.
    let text = Array(
      UnsafeRawBufferPointer(start: cpasswordwords_text(), count: cpasswordwords_bytes()))
    var ranks: [ArraySlice<UInt8>: Int] = [:]
    for (place, word) in text.split(separator: UInt8(ascii: "\n")).enumerated()
    where word.count >= pieceMin {
      ranks[word] = min(ranks[word] ?? .max, place + 1)
    }
    for word in extra { ranks[Array(word.utf8)[...]] = 1 }
    return ranks
  }()

  private static let leet: [UInt8: UInt8] = {
    let pairs = zip("0345679820@$!|+", "oeasgtgbzoasilt")
    return Dictionary(
      pairs.compactMap { sign, letter in
        guard let sign = sign.asciiValue, let letter = letter.asciiValue else { return nil }
        return (sign, letter)
      }, uniquingKeysWith: { first, _ in first })
  }()

  /// Keys of an English keyboard with their rows, and how far a row stands to the right, in quarters of a key.
  private static let keys: [UInt8: (across: Int, down: Int)] = {
    let rows = ["`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./"]
    let shifted = ["~!@#$%^&*()_+", "QWERTYUIOP{}|", "ASDFGHJKL:\"", "ZXCVBNM<>?"]
    let indents = [0, 6, 7, 9]
    var keys: [UInt8: (across: Int, down: Int)] = [:]
    for (down, row) in rows.enumerated() {
      for text in [row, shifted[down]] {
        for (place, key) in text.utf8.enumerated() { keys[key] = (place * 4 + indents[down], down) }
      }
    }
    return keys
  }()

  private static func areNeighbours(_ left: UInt8, _ right: UInt8) -> Bool {
    guard let one = keys[left], let other = keys[right] else { return false }
    return abs(one.down - other.down) <= 1 && abs(one.across - other.across) <= 5
  }
}
