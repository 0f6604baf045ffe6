/// The fields of one head, gathered and judged the same way whichever version of HTTP brought them.
struct HeadFields {
  /// Those that are read here, in the order in which they came.
  private(set) var entries: [(field: EdgeField, value: String)] = []
  private var count = 0
  private let fieldsMax: Int
  private let joinsCookies: Bool

  /// - Parameter joinsCookies: HTTP/2 may send the pairs of one cookie field in pieces (RFC 9113 §8.2.3).
  init(fieldsMax: Int, joinsCookies: Bool = false) {
    self.fieldsMax = fieldsMax
    self.joinsCookies = joinsCookies
    entries.reserveCapacity(8)
  }

  subscript(_ field: EdgeField) -> String? { RequestHead.value(of: field, in: entries) }

  /// - Parameters:
  ///   - name: a token, in any case.
  ///   - value: without any control but HTAB; blanks around it are dropped.
  mutating func add(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) throws(RequestFault) {
    let field = EdgeField.named(name)
    let known = field.flatMap { field in entries.firstIndex { $0.field == field } }
    let isCrumb = joinsCookies && field == .cookie && known != nil
    // The pieces of a cookie are one field.
    if !isCrumb { count += 1 }
    guard count <= fieldsMax else { throw .tooManyFields }
    guard let field else { return }
    guard value.allSatisfy({ $0 < 0x80 }) else { throw .byte }
    var first = 0
    var end = value.count
    while first < end, isBlank(value[first]) { first += 1 }
    while end > first, isBlank(value[end - 1]) { end -= 1 }
    let text = String(
      decoding: UnsafeRawBufferPointer(rebasing: value[first..<end]), as: UTF8.self)
    guard let known else { return entries.append((field, text)) }
    guard field.isList || isCrumb else { throw .repeated(field) }
    entries[known].value += (isCrumb ? "; " : ", ") + text
  }

  /// The authority of a request that sent no Host of its own (RFC 9113 §8.3.1).
  mutating func add(host: String) { entries.append((.host, host)) }

  /// What every head must have and must not have; how its content ends is for each version to say.
  func check(_ line: RequestLine) throws(RequestFault) {
    guard let host = self[.host], isAuthority(host) else { throw .host }
    if let authority = line.authority, authority.lowercased() != host.lowercased() {
      throw .authorityMismatch
    }
    if self[.contentEncoding] != nil { throw .contentEncoding }
    if let expected = self[.expect], expected.lowercased() != "100-continue" { throw .expectation }
  }

  /// Bytes that are declared; nil when none are.
  func contentLength() throws(RequestFault) -> Int? {
    guard let length = self[.contentLength] else { return nil }
    // Twelve digits are beyond any body a charter may allow, and far from overflow.
    guard (1...12).contains(length.utf8.count),
      length.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int(length)
    else { throw .contentLength }
    return count
  }
}
