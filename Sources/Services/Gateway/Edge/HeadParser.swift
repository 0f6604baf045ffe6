/// Parses one head whose bytes are already known to hold no control but HTAB and CRLF pairs, ending
/// in an empty line. A byte beyond ASCII (obs-text, RFC 9110 §5.5) may stand in the value of a field
/// that nobody here reads, and nowhere else.
struct HeadParser {
  private let bytes: UnsafeRawBufferPointer
  private let limits: EdgeLimits

  init(_ bytes: UnsafeRawBufferPointer, _ limits: EdgeLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  func parse() throws(RequestFault) -> RequestHead {
    var start = 0
    let requestLine = try RequestLine(nextLine(&start), limits)
    var fields: [(field: EdgeField, value: String)] = []
    fields.reserveCapacity(8)
    var count = 0
    while true {
      let line = nextLine(&start)
      guard !line.isEmpty else { break }
      count += 1
      guard count <= limits.fieldsMax else { throw .tooManyFields }
      try Self.add(line, to: &fields)
    }
    try Self.checkHost(fields, requestLine)
    if RequestHead.value(of: .contentEncoding, in: fields) != nil { throw .contentEncoding }
    if let expected = RequestHead.value(of: .expect, in: fields),
      expected.lowercased() != "100-continue"
    {
      throw .expectation
    }
    let content = try Self.framing(fields)
    return RequestHead(line: requestLine, content: content, fields: fields)
  }

  /// The line at `start` without its CRLF; the scan before guarantees that there is one.
  private func nextLine(_ start: inout Int) -> UnsafeRawBufferPointer {
    var end = start
    while end < bytes.count, bytes[end] != 0x0d { end += 1 }
    defer { start = min(end + 2, bytes.count) }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  private static func add(
    _ line: UnsafeRawBufferPointer, to fields: inout [(field: EdgeField, value: String)]
  ) throws(RequestFault) {
    var colon = 0
    // A space before the colon or at the start of the line (obs-fold) is no token byte, so both
    // stop here.
    while colon < line.count, isTokenByte(line[colon]) { colon += 1 }
    guard colon > 0, colon < line.count, line[colon] == 0x3a else { throw .fieldLine }
    guard let field = EdgeField.named(UnsafeRawBufferPointer(rebasing: line[0..<colon])) else {
      return
    }
    guard line[colon...].allSatisfy({ $0 < 0x80 }) else { throw .byte }
    var first = colon + 1
    var end = line.count
    while first < end, isBlank(line[first]) { first += 1 }
    while end > first, isBlank(line[end - 1]) { end -= 1 }
    let value = String(
      decoding: UnsafeRawBufferPointer(rebasing: line[first..<end]), as: UTF8.self)
    if let index = fields.firstIndex(where: { $0.field == field }) {
      guard field.isList else { throw .repeated(field) }
      fields[index].value += ", " + value
    } else {
      fields.append((field, value))
    }
  }

  private static func checkHost(
    _ fields: [(field: EdgeField, value: String)], _ line: RequestLine
  ) throws(RequestFault) {
    guard let host = RequestHead.value(of: .host, in: fields), isAuthority(host) else {
      throw .host
    }
    guard let authority = line.authority else { return }
    guard authority.lowercased() == host.lowercased() else { throw .authorityMismatch }
  }

  private static func framing(
    _ fields: [(field: EdgeField, value: String)]
  ) throws(RequestFault) -> ContentFraming {
    let length = RequestHead.value(of: .contentLength, in: fields)
    let coding = RequestHead.value(of: .transferEncoding, in: fields)
    switch (length, coding) {
    case (nil, nil): return .length(0)
    case (.some, .some): throw .twoLengths
    case (nil, let coding?):
      guard coding.lowercased() == "chunked" else { throw .transferEncoding }
      return .chunked
    case (let length?, nil):
      // Twelve digits are beyond any body a charter may allow, and far from overflow.
      guard (1...12).contains(length.utf8.count),
        length.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int(length)
      else { throw .contentLength }
      return .length(count)
    }
  }
}

extension RequestLine {
  /// Longest method name; the longest registered one has 17 bytes.
  static let methodBytesMax = 32

  /// `METHOD SP target SP HTTP/1.1`, nothing else between or around.
  init(_ line: UnsafeRawBufferPointer, _ limits: EdgeLimits) throws(RequestFault) {
    guard line.allSatisfy({ $0 < 0x80 }) else { throw .byte }
    guard let gap = line.firstIndex(of: 0x20), (1...Self.methodBytesMax).contains(gap),
      line[0..<gap].allSatisfy(isTokenByte)
    else { throw .requestLine }
    var end = gap + 1
    while end < line.count, line[end] != 0x20 {
      guard line[end] != 0x09 else { throw .requestLine }
      end += 1
    }
    guard end > gap + 1, end < line.count else { throw .requestLine }
    guard end - gap - 1 <= limits.targetBytesMax else { throw .targetTooLong }
    let version = String(
      decoding: UnsafeRawBufferPointer(rebasing: line[(end + 1)...]), as: UTF8.self)
    guard version == "HTTP/1.1" else {
      let isVersion = version.utf8.count == 8 && version.hasPrefix("HTTP/")
      throw isVersion ? .version : .requestLine
    }
    method = String(decoding: UnsafeRawBufferPointer(rebasing: line[0..<gap]), as: UTF8.self)
    var target = UnsafeRawBufferPointer(rebasing: line[(gap + 1)..<end])
    if method == "CONNECT", isAuthority(String(decoding: target, as: UTF8.self)) {
      // Authority-form (RFC 9112 §3.2.3) names no resource; the method is refused as such.
      (path, query, authority) = ("", "", nil)
      return
    }
    if target[0] == 0x2f {
      authority = nil
    } else {
      let text = String(decoding: target, as: UTF8.self)
      guard text.lowercased().hasPrefix("https://") else { throw .target }
      let named = text.dropFirst(8).prefix { $0 != "/" && $0 != "?" }
      guard isAuthority(String(named)) else { throw .target }
      authority = String(named)
      target = UnsafeRawBufferPointer(rebasing: target[(8 + named.utf8.count)...])
    }
    let mark = target.firstIndex(of: 0x3f) ?? target.count
    let path = UnsafeRawBufferPointer(rebasing: target[0..<mark])
    let query = UnsafeRawBufferPointer(rebasing: target[min(mark + 1, target.count)...])
    guard isNormalPath(path), isQuery(query) else { throw .target }
    self.path = String(decoding: path, as: UTF8.self)
    self.query = String(decoding: query, as: UTF8.self)
  }
}

/// RFC 9110 §5.6.2.
@inline(__always)
func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 48...57, 65...90, 97...122: true
  case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e, 0x5f, 0x60, 0x7c, 0x7e: true
  default: false
  }
}

@inline(__always)
private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// Unreserved, sub-delims, colon and at (RFC 3986 §3.3), without percent-encoding.
@inline(__always)
private func isPathByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 48...57, 64...90, 97...122: true
  case 0x21, 0x24, 0x26...0x2e, 0x3a, 0x3b, 0x3d, 0x5f, 0x7e: true
  default: false
  }
}

/// Our paths are words and identifiers: nothing in them needs percent-encoding, so an encoded one
/// is somebody trying two readings of one path.
private func isNormalPath(_ path: UnsafeRawBufferPointer) -> Bool {
  guard path.first == 0x2f else { return false }
  var segment = 1
  for index in 1..<path.count + 1 {
    if index == path.count || path[index] == 0x2f {
      let length = index - segment
      // An empty last segment is a trailing slash: well formed, and no route has one.
      if length == 0, index < path.count { return false }
      if length == 1, path[segment] == 0x2e { return false }
      if length == 2, path[segment] == 0x2e, path[segment + 1] == 0x2e { return false }
      segment = index + 1
    } else if !isPathByte(path[index]) {
      return false
    }
  }
  return true
}

/// RFC 3986 §3.4 with whole percent triplets only.
private func isQuery(_ query: UnsafeRawBufferPointer) -> Bool {
  var index = 0
  while index < query.count {
    let byte = query[index]
    if byte == 0x25 {
      guard index + 2 < query.count, isHexDigit(query[index + 1]), isHexDigit(query[index + 2])
      else { return false }
      index += 2
    } else if !isPathByte(byte), byte != 0x2f, byte != 0x3f {
      return false
    }
    index += 1
  }
  return true
}

@inline(__always)
func isHexDigit(_ byte: UInt8) -> Bool {
  switch byte {
  case 48...57, 65...70, 97...102: true
  default: false
  }
}

/// `name`, `name:port`, `[v6]` or `[v6]:port`; 255 bytes at most.
func isAuthority(_ text: String) -> Bool {
  guard (1...255).contains(text.utf8.count) else { return false }
  var host = text[...]
  if host.first == "[" {
    guard let close = host.firstIndex(of: "]") else { return false }
    let address = host[host.index(after: host.startIndex)..<close]
    guard !address.isEmpty,
      address.utf8.allSatisfy({ isHexDigit($0) || $0 == 0x3a || $0 == 0x2e })
    else { return false }
    host = host[host.index(after: close)...]
  } else {
    let name = host.prefix { $0 != ":" }
    guard !name.isEmpty,
      name.utf8.allSatisfy({
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
          || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
      })
    else { return false }
    host = host[name.endIndex...]
  }
  guard !host.isEmpty else { return true }
  let port = host.dropFirst()
  return host.first == ":" && (1...5).contains(port.utf8.count)
    && port.utf8.allSatisfy { (48...57).contains($0) }
}
