/// Comma-separated values, read strictly (RFC 4180): fields may be in quotes, and then hold commas, quotes written twice, and
/// line ends. Lines end in CRLF or LF. Lines are counted as an editor counts them: blank ones too.
package struct CSVReader {
  /// One record and the line on which it begins, from 1.
  package struct Record: Hashable, Sendable {
    package let line: Int
    package let fields: [String]
  }
  /// Why a record could not be read.
  package struct Fault: Error, Hashable, Sendable {
    package let line: Int
    package let reason: String
  }

  /// Longest record in bytes.
  package static let recordBytesMax = 65_536

  private let bytes: [UInt8]
  private var place = 0
  private var line = 1

  /// - Parameter bytes: a whole file; a byte order mark before it is passed over.
  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { place = 3 }
  }

  /// The next record; nil at the end. Blank lines are passed over.
  /// - Throws: `Fault`; the reader then stands behind the line on which it was found.
  package mutating func next() throws(Fault) -> Record? {
    while place < bytes.count, isLineEnd(place) { endLine() }
    guard place < bytes.count else { return nil }
    let began = (line: line, place: place)
    var fields: [String] = []
    while true {
      let field = try bytes[place...].first == UInt8(ascii: "\"") ? quoted(began.line) : plain()
      guard place - began.place <= Self.recordBytesMax else {
        throw skip(began.line, "is longer than \(Self.recordBytesMax) bytes")
      }
      fields.append(field)
      guard place < bytes.count, !isLineEnd(place) else { break }
      guard bytes[place] == UInt8(ascii: ",") else {
        throw skip(began.line, "has text behind a closing quote")
      }
      place += 1
    }
    if place < bytes.count { endLine() }
    return Record(line: began.line, fields: fields)
  }

  private mutating func plain() throws(Fault) -> String {
    let start = place
    while place < bytes.count, bytes[place] != UInt8(ascii: ","), !isLineEnd(place) {
      guard bytes[place] != UInt8(ascii: "\""), bytes[place] != UInt8(ascii: "\r") else {
        throw skip(line, "has a quote or a carriage return inside a field without quotes")
      }
      place += 1
    }
    return try text(bytes[start..<place], line)
  }

  private mutating func quoted(_ began: Int) throws(Fault) -> String {
    place += 1
    var content: [UInt8] = []
    while place < bytes.count {
      let byte = bytes[place]
      if byte == UInt8(ascii: "\"") {
        guard bytes[(place + 1)...].first == byte else {
          place += 1
          return try text(content[...], began)
        }
        place += 1
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      content.append(byte)
      place += 1
      guard content.count <= Self.recordBytesMax else { break }
    }
    throw skip(began, "begins a field in quotes that does not end")
  }

  private mutating func text(_ bytes: ArraySlice<UInt8>, _ began: Int) throws(Fault) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw skip(began, "is not UTF-8")
    }
    return text
  }

  private func isLineEnd(_ place: Int) -> Bool {
    bytes[place] == UInt8(ascii: "\n")
      || bytes[place] == UInt8(ascii: "\r") && bytes[(place + 1)...].first == UInt8(ascii: "\n")
  }

  private mutating func endLine() {
    place += bytes[place] == UInt8(ascii: "\r") ? 2 : 1
    line += 1
  }

  /// Goes behind the line on which something was wrong.
  private mutating func skip(_ began: Int, _ reason: String) -> Fault {
    while place < bytes.count, bytes[place] != UInt8(ascii: "\n") { place += 1 }
    if place < bytes.count { endLine() }
    return Fault(line: began, reason: reason)
  }
}
