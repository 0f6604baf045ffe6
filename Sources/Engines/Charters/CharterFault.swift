/// A position in a charter file: line and column count from 1, columns in Unicode scalars.
package struct Place: Hashable, Comparable, Sendable {
  /// The file as it was named to the loader.
  package let file: String
  /// 1 or more.
  package let line: Int
  /// 1 or more.
  package let column: Int

  /// A place; nothing is checked.
  package init(file: String, line: Int = 1, column: Int = 1) {
    self.file = file
    self.line = line
    self.column = column
  }
  /// By file, then line, then column.
  package static func < (left: Place, right: Place) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }
}

/// One thing wrong with a charter, where it stands, and what to do about it.
package struct CharterFault: Error, Hashable, Comparable, Sendable, CustomStringConvertible {
  /// What kind of fault it is; the raw value is stable and part of `charter check --json`.
  package enum Kind: String, Sendable, CaseIterable {
    case badYAML = "bad-yaml"
    case tooLarge = "too-large"
    case unknownField = "unknown-field"
    case missingField = "missing-field"
    case wrongType = "wrong-type"
    case badValue = "bad-value"
    case duplicate
    case contradiction
    case unknownService = "unknown-service"
    case unknownOperation = "unknown-operation"
    case oneSidedEdge = "one-sided-edge"
    case cycle
    case duplicatePort = "duplicate-port"
    case duplicateRoute = "duplicate-route"
    case unlistedDataClass = "unlisted-data-class"
    case openDoor = "open-door"
  }

  /// The stable kind.
  package let kind: Kind
  /// Where to look.
  package let place: Place
  /// What is wrong, one sentence without the full stop.
  package let message: String
  /// What to do, where that can be told.
  package let hint: String?

  /// A fault; nothing is checked.
  package init(_ kind: Kind, _ place: Place, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.place = place
    self.message = message
    self.hint = hint
  }

  /// The form that editors and terminals make clickable: `file:line:column: error: message (hint)`.
  package var description: String {
    "\(place.file):\(place.line):\(place.column): error: \(message)"
      + (hint.map { "\n    hint: \($0)" } ?? "")
  }

  /// By place, then message.
  package static func < (left: CharterFault, right: CharterFault) -> Bool {
    (left.place, left.message) < (right.place, right.message)
  }
}

/// All that is wrong with a set of charters, sorted by place; never empty.
package struct CharterFaults: Error, Sendable, CustomStringConvertible {
  /// Sorted by place.
  package let faults: [CharterFault]

  /// Sorts them.
  package init(_ faults: [CharterFault]) { self.faults = faults.sorted() }

  /// One fault a line, with its hint below.
  package var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// The candidate nearest to a mistyped word: two letters wrong (one in a short word), or a third of
/// its length, or a shared beginning of four letters. Nil when nothing is near.
package func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
  let typed = Array(word.lowercased().utf8)
  var best: (distance: Int, candidate: String)?
  for candidate in candidates.sorted() {
    let known = Array(candidate.lowercased().utf8)
    let allowed = max(known.count < 4 ? 1 : 2, known.count / 3)
    var distance = editDistance(typed, known)
    if distance > allowed, sharedPrefix(typed, known) >= 4 { distance = allowed }
    guard distance <= allowed, distance < best?.distance ?? .max else { continue }
    best = (distance, candidate)
  }
  return best?.candidate
}

/// The candidate that was probably meant: the same word but for case and outer blanks, or two letters wrong at the most.
/// Stricter than `nearest`, for places where another word may well be right. Nil for a word that is a candidate.
package func slip(of word: String, among candidates: some Sequence<String>) -> String? {
  let folded = word.foldedForSlips
  var best: (distance: Int, candidate: String)?
  for candidate in candidates.sorted() {
    if candidate == word { return nil }
    let known = candidate.foldedForSlips
    let distance = editDistance(Array(folded.utf8), Array(known.utf8))
    guard distance <= min(2, known.utf8.count / 4), distance < best?.distance ?? .max else {
      continue
    }
    best = (distance, candidate)
  }
  return best?.candidate
}

extension String {
  /// Without case and outer blanks: two words that are alike in this form are one word to whoever reads them.
  package var foldedForSlips: String {
    let blanks: (Character) -> Bool = { $0.isWhitespace }
    let start = drop(while: blanks)
    return String(start.reversed().drop(while: blanks).reversed()).lowercased()
  }
}

private func sharedPrefix(_ left: [UInt8], _ right: [UInt8]) -> Int {
  zip(left, right).prefix { $0 == $1 }.count
}

/// Levenshtein distance, one row at a time.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var row = Array(0...right.count)
  for (index, byte) in left.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in right.indices {
      let substituted = diagonal + (byte == right[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, row[column] + 1, row[column + 1] + 1)
    }
  }
  return row[right.count]
}
