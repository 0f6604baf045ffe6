package import NIOHPACK

/// Reads a field section of HTTP/2 (RFC 9113 §8.3.1) into the head that HTTP/1.1 gives too. What is malformed by §8.2 and
/// §8.3 is told from the rest (`RequestFault.resetsStream`), and the rest is judged by what judges HTTP/1.1.
package struct StreamHead: Sendable {
  package let head: RequestHead
  /// What `content-length` says; nil when it was not sent.
  package let declared: Int?

  /// Counted for each field besides its bytes (RFC 9113 §6.5.2).
  package static let fieldOverhead = 32

  /// - Parameter endsStream: no content follows.
  package init(
    _ section: HPACKHeaders, endsStream: Bool, limits: EdgeLimits
  ) throws(RequestFault) {
    var pseudo = PseudoFields()
    var fields = HeadFields(fieldsMax: limits.fieldsMax, joinsCookies: true)
    var size = 0
    var isBehindFields = false
    for (name, value, _) in section {
      size += name.utf8.count + value.utf8.count + Self.fieldOverhead
      guard size <= limits.headBytesMax else { throw .headTooLarge }
      if name.utf8.first == 0x3a {
        guard !isBehindFields, pseudo.take(name, value) else { throw .pseudoField }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw .fieldSyntax }
      } else {
        isBehindFields = true
        try Self.checkConnection(name, value)
        try bytes(of: name) { name throws(RequestFault) in
          try bytes(of: value) { value throws(RequestFault) in
            try Self.checkSyntax(name, value)
            try fields.add(name, value)
          }
        }
      }
    }
    let line = try pseudo.line(limits)
    if let authority = pseudo.authority, fields[.host] == nil { fields.add(host: authority) }
    try fields.check(line)
    declared = try fields.contentLength()
    if endsStream, declared ?? 0 > 0 { throw .contentMismatch }
    // Without END_STREAM a request may still have no content; where it must have none, its first byte tells.
    let isEmpty = endsStream || !RequestHead.mayHaveContent(line.method)
    head = RequestHead(
      line: line, content: declared.map { .length($0) } ?? (isEmpty ? .length(0) : .marked),
      fields: fields.entries)
  }

  /// Whether fields behind the content are well formed; nobody reads them.
  package static func checkTrailers(_ section: HPACKHeaders) throws(RequestFault) {
    for (name, value, _) in section {
      guard name.utf8.first != 0x3a else { throw .pseudoField }
      try checkConnection(name, value)
      try bytes(of: name) { name throws(RequestFault) in
        try bytes(of: value) { value throws(RequestFault) in try checkSyntax(name, value) }
      }
    }
  }

  private static func checkConnection(_ name: String, _ value: String) throws(RequestFault) {
    switch name {
    case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
      throw .connectionField
    case "te" where value != "trailers": throw .connectionField
    default: return
    }
  }

  private static func checkSyntax(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) throws(RequestFault) {
    guard !name.isEmpty, name.allSatisfy({ isTokenByte($0) && lowercase($0) == $0 }),
      value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }),
      value.first.map(isBlank) != true, value.last.map(isBlank) != true
    else { throw .fieldSyntax }
  }
}

/// What stands in the place of a request line (RFC 9113 §8.3.1).
private struct PseudoFields {
  var method: String?
  var scheme: String?
  var authority: String?
  var path: String?

  /// False for one that is unknown or was there before.
  mutating func take(_ name: String, _ value: String) -> Bool {
    switch name {
    case ":method" where method == nil: method = value
    case ":scheme" where scheme == nil: scheme = value
    case ":authority" where authority == nil: authority = value
    case ":path" where path == nil: path = value
    default: return false
    }
    return true
  }

  func line(_ limits: EdgeLimits) throws(RequestFault) -> RequestLine {
    guard let method else { throw .pseudoField }
    guard method != "CONNECT" else {
      // RFC 9113 §8.5.
      guard scheme == nil, path == nil, authority != nil else { throw .pseudoField }
      return RequestLine(connectingTo: authority)
    }
    guard let scheme, let path, !path.isEmpty else { throw .pseudoField }
    guard scheme.lowercased() == "https" else { throw .target }
    return try bytes(of: method) { method throws(RequestFault) in
      try bytes(of: path) { path throws(RequestFault) in
        try RequestLine(method: method, target: path, authority: authority, limits)
      }
    }
  }
}

/// The bytes of a text, for as long as `body` runs.
private func bytes<Answer>(
  of text: String, _ body: (UnsafeRawBufferPointer) throws(RequestFault) -> Answer
) throws(RequestFault) -> Answer {
  var text = text
  let result: Result<Answer, RequestFault> = text.withUTF8 { bytes in
    Result { () throws(RequestFault) in try body(UnsafeRawBufferPointer(bytes)) }
  }
  return try result.get()
}
