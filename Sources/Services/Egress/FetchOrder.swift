package import Charters
package import EgressAPI
package import OutsideReach
import Tokens
package import Vocabulary

/// A request that may be made: whoever holds one need not check again. Pure.
package struct FetchOrder: Sendable {
  package let method: FetchRequest.Method
  package let url: OutsideURL
  package let destination: CharterDestination
  package let fields: [HTTPField]
  package let body: [UInt8]

  /// - Parameters:
  ///   - caller: whose charter says where it may go; nil where there is none.
  ///   - goesAnywhere: leaves that out; only in a test build, see `Weakness`.
  package init(
    _ request: FetchRequest, of caller: Charter?, goesAnywhere: Bool = false
  ) throws(FetchRefusal) {
    method = request.method
    do {
      url = try OutsideURL(request.url)
    } catch {
      throw .badURL(error)
    }
    guard let destination = caller?.destination(url) ?? (goesAnywhere ? .any(url) : nil) else {
      throw .notNamed(url)
    }
    self.destination = destination
    fields = try Self.checked(request.fields)
    body = try Self.body(of: request)
  }

  private static func checked(_ fields: [HTTPField]) throws(FetchRefusal) -> [HTTPField] {
    guard fields.count <= EgressOperations.fieldsMax else { throw .badField("fields") }
    var seen: Set<String> = []
    for field in fields {
      guard EgressOperations.requestFields.contains(field.name), seen.insert(field.name).inserted,
        isValue(field.value)
      else { throw .badField(String(field.name.prefix(64))) }
    }
    return fields
  }

  /// RFC 9110 §5.5, in ASCII: nothing in it ends the field or the head.
  private static func isValue(_ text: String) -> Bool {
    (1...EgressOperations.fieldBytesMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
      && text.first != " " && text.last != " "
  }

  private static func body(of request: FetchRequest) throws(FetchRefusal) -> [UInt8] {
    guard let text = request.body else { return [] }
    guard request.method != .get, let bytes = Base64URL.decode(text),
      bytes.count <= EgressOperations.bodyBytesMax
    else { throw .badBody }
    return bytes
  }
}

/// Why nothing was sent.
package enum FetchRefusal: Refusal, Hashable {
  case badURL(OutsideURL.Fault)
  case notNamed(OutsideURL)
  case badField(String)
  case badBody
  /// The caller has too many calls on their way.
  case tooManyAtOnce
  /// The caller asks too often.
  case tooMany(retryAfterSeconds: Int)
  case noAddress
  case notPublic(IPAddress, SpecialPurpose)
  case unreachable
  /// The server did not prove to have the name.
  case notProven

  package var problem: Problem {
    switch self {
    case .badURL(let fault):
      Problem(
        EgressProblem.badURL, 400, "The URL cannot be read in one way only",
        detail: fault.rawValue, fields: ["field": "url"])
    case .notNamed:
      Problem(
        EgressProblem.notNamed, 403, "The caller's charter does not name this destination",
        detail: "host, port and protocol must stand under 'egress' in the charter")
    case .badField(let name):
      Problem.malformed("not a field that is sent, or not its value", field: name)
    case .badBody: Problem.malformed("base64url, 1 MiB at most, and none with GET", field: "body")
    case .tooManyAtOnce:
      Problem(
        "too-many-at-once", 429, "Too many calls are on their way", retryAfterSeconds: 1)
    case .tooMany(let seconds):
      Problem("too-many-calls", 429, "Too many calls", retryAfterSeconds: seconds)
    case .noAddress:
      Problem(
        "destination-not-found", 502, "The name leads nowhere just now", kind: .unavailable)
    case .notPublic(let address, let special):
      Problem(
        EgressProblem.notPublic, 403, "The name leads to an address that is not public",
        kind: .policy, detail: "\(address): \(special.name) (\(special.source))")
    case .unreachable:
      Problem("destination-unreachable", 502, "Nobody answers there", kind: .unavailable)
    case .notProven:
      Problem(
        "destination-not-proven", 502, "The server did not prove to have the name",
        kind: .unavailable)
    }
  }
}

/// The request went, and no answer came that can be told. It may have been carried out.
package enum FetchFailure: String, Refusal, Hashable {
  case late, lost, malformed, large

  package var problem: Problem {
    switch self {
    case .late:
      Problem("destination-late", 504, "No answer came in time", kind: .unknown)
    case .lost:
      Problem("answer-lost", 502, "The connection went before the answer came", kind: .unknown)
    case .malformed:
      Problem("answer-malformed", 502, "The answer is no HTTP/1.1", kind: .unknown)
    case .large:
      Problem("answer-too-large", 502, "The answer is larger than is taken", kind: .unknown)
    }
  }
}

extension CharterDestination {
  /// For a test build without this defence.
  fileprivate static func any(_ url: OutsideURL) -> CharterDestination {
    CharterDestination(
      host: url.host, port: url.port, transfer: .https, addresses: [], reason: "any")
  }
}
