package import HTTPLine
package import NIOCore
import NIOHTTP1

/// Header fields in the order they were sent. Names are lower case.
package struct Headers: Sendable, Hashable {
  package struct Field: Sendable, Hashable {
    package let name: String
    package let value: String
  }
  package private(set) var fields: [Field] = []

  package init() {}
  package init(_ pairs: [(String, String)]) {
    for (name, value) in pairs { add(name, value) }
  }

  /// The first value of a field, by its lower-case name.
  package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
  package func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

  package mutating func add(_ name: String, _ value: String) {
    let isLower = !name.utf8.contains { (65...90).contains($0) || $0 >= 128 }
    fields.append(Field(name: isLower ? name : name.lowercased(), value: value))
  }
  package mutating func set(_ name: String, _ value: String) {
    remove(name)
    add(name, value)
  }
  package mutating func remove(_ name: String) { fields.removeAll { $0.name == name.lowercased() } }
}

extension Headers: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }
}

/// One request as it crosses a hop; the body is whole.
package struct WireRequest: Sendable {
  package var method: String
  /// Origin form (RFC 9112 §3.2.1): path and query.
  package var target: String
  package var headers: Headers
  package var body: ByteBuffer

  package init(
    method: String, target: String, headers: Headers = Headers(), body: ByteBuffer = ByteBuffer()
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// One answer as it crosses a hop; the body is whole.
package struct WireResponse: Sendable {
  package var status: Int
  package var headers: Headers
  package var body: ByteBuffer

  package init(status: Int, headers: Headers = Headers(), body: ByteBuffer = ByteBuffer()) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

extension WireRequest {
  /// As it came in by a door.
  package init(_ request: LineRequest) {
    self.init(
      method: request.head.method.rawValue, target: request.head.uri,
      headers: Headers(request.head.headers), body: request.body)
  }

  /// As it leaves on a line, to `host`.
  package func sent(to host: String) -> LineRequest {
    var request = LineRequest(method, target, host: host, body: body)
    request.head.headers.reserveCapacity(headers.fields.count + 2)
    for field in headers.fields where field.name != "host" && field.name != "content-length" {
      request.add(field.name, field.value)
    }
    return request
  }
}

extension WireResponse {
  /// As it came in on a line.
  package init(_ answer: LineAnswer) {
    self.init(status: answer.status, headers: Headers(answer.headers), body: answer.body)
  }

  /// As it leaves by a door.
  package var sent: LineAnswer {
    var headers = HTTPHeaders()
    headers.reserveCapacity(self.headers.fields.count + 2)
    for field in self.headers.fields { headers.add(name: field.name, value: field.value) }
    return LineAnswer(status: status, headers: headers, body: body)
  }
}

extension Headers {
  fileprivate init(_ headers: HTTPHeaders) { self.init(headers.map { ($0.name, $0.value) }) }
}
