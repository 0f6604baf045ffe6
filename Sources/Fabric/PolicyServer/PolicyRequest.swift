import PolicyEngine

/// One request to the policy server; the body is whole.
package struct PolicyRequest: Sendable {
  package let method: String
  /// Names of the path, decoded; `/` is one empty name, as in OPA's authorization input.
  package let path: [String]
  package let parameters: [(name: String, value: String)]
  /// In the order they were sent.
  package let headers: [(name: String, value: String)]
  package let body: [UInt8]
  /// Address and port of the caller.
  package let caller: String
  /// Who the caller is: a bearer token, or the subject of its certificate; nil: nobody asked.
  package let identity: String?

  /// - Parameter target: path and query (RFC 9112 §3.2.1).
  /// - Throws: `PolicyRefusal` where that is malformed.
  package init(
    method: String, target: String, headers: [(name: String, value: String)] = [],
    body: [UInt8] = [], caller: String = "", identity: String? = nil
  ) throws(PolicyRefusal) {
    let (path, query) = Self.parts(target)
    guard path.hasPrefix("/") else { throw .invalid("bad path: \(path)") }
    var names: [String] = []
    for name in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let decoded = Self.decoded(name, plusIsSpace: false) else {
        throw .invalid("bad path: \(path)")
      }
      names.append(decoded)
    }
    var parameters: [(String, String)] = []
    for pair in query.split(separator: "&") {
      let name = pair.prefix { $0 != "=" }
      guard let decodedName = Self.decoded(name, plusIsSpace: true),
        let value = Self.decoded(pair.dropFirst(name.count + 1), plusIsSpace: true)
      else { throw .invalid("bad query parameter: \(name)") }
      parameters.append((decodedName, value))
    }
    self.method = method
    self.path = names
    self.parameters = parameters
    self.headers = headers
    self.body = body
    self.caller = caller
    self.identity = identity
  }

  private static func parts(_ target: String) -> (Substring, Substring) {
    let path = target.prefix { $0 != "?" }
    return (path, target.dropFirst(path.count + 1))
  }

  /// `PercentEncoding` of the vocabulary refuses line breaks, which an input document and a query
  /// may have. Nil for a broken triplet and for what is no UTF-8.
  private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
      return String(text)
    }
    var bytes: [UInt8] = []
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(Self.digit),
          let low = iterator.next().flatMap(Self.digit)
        else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  /// The first value of a field, by its lower-case name.
  func header(_ name: String) -> String? {
    headers.first { $0.name.utf8.count == name.utf8.count && $0.name.lowercased() == name }?.value
  }

  /// The last value of a parameter.
  func parameter(_ name: String) -> String? { parameters.last { $0.name == name }?.value }

  /// A flag such as `pretty`: on where it has no value, or is `true`.
  func flag(_ name: String) -> Bool {
    let values = parameters.filter { $0.name == name }.map(\.value)
    return values == [""] || values.contains { $0.lowercased() == "true" }
  }

  /// The body as a document, JSON or, where the content type says so, YAML; nil: no body.
  /// - Throws: `PolicyRefusal`.
  func document() throws(PolicyRefusal) -> Value? {
    guard !body.isEmpty else { return nil }
    if header("content-type")?.contains("yaml") == true {
      do {
        return try Value.parse(yaml: String(decoding: body, as: UTF8.self))
      } catch {
        throw .invalid("body contains malformed input document: \(error)")
      }
    }
    do {
      return try Value.parse(json: body)
    } catch {
      throw .invalid(
        "body contains malformed input document: \(error.reason) at byte \(error.offset)")
    }
  }
}
