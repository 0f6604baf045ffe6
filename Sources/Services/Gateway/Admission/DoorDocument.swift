import Crypto
import GatewayAPI
import NIOCore
package import StrictJSON
package import Vocabulary

/// What the door answers by itself, to everybody: its health, the contracts of all public operations, and the list of
/// these (RFC 9727). Made at start, so that a request only compares.
package struct DoorDocument: Sendable, Hashable {
  /// How long anybody may keep a contract without asking again; then its entity tag saves sending it.
  static let caching = "public, max-age=300"
  /// The methods of all of them.
  static let methods = ["GET", "HEAD"]

  private let type: String
  private let content: ByteBuffer
  /// Nil for what must not be kept.
  private let entityTag: String?

  private init(_ json: JSON, type: String, isKept: Bool) {
    let bytes = json.canonicalBytes
    self.type = type
    content = ByteBuffer(bytes: bytes)
    entityTag = isKept ? "\"\(hexText(SHA256.hash(data: bytes).prefix(16)))\"" : nil
  }

  /// By path.
  /// - Parameters:
  ///   - contracts: an OpenAPI document of each service that has public operations, with nothing else in it.
  ///   - issuer: the outside address of the door, which the documents name as their server.
  package static func all(_ contracts: [ServiceName: JSON], issuer: String) -> [String:
    DoorDocument]
  {
    var all = [
      GatewayAPI.getHealth.path: DoorDocument(
        ["status": .string(DoorHealth().status)], type: "application/json", isKept: false)
    ]
    for (service, contract) in contracts {
      all[GatewayAPI.contractPath(of: service)] = DoorDocument(
        addressed(contract, to: issuer), type: "application/json", isKept: true)
    }
    all[GatewayAPI.catalogPath] = DoorDocument(
      catalog(of: contracts.keys.sorted(), issuer: issuer), type: "application/linkset+json",
      isKept: true)
    return all
  }

  /// - Parameter known: the request's If-None-Match, which names what the client has (RFC 9110 §13.1.2).
  func answer(to known: String?) -> EdgeAnswer {
    guard let entityTag else {
      return EdgeAnswer(status: 200, fields: [("content-type", type)], content: content)
    }
    let fields = [("etag", entityTag), ("cache-control", Self.caching)]
    let isKnown = known?.split(separator: ",").contains { candidate in
      let tag = candidate.filter { $0 != " " && $0 != "\t" }
      return tag == "*" || tag == entityTag || tag == "W/\(entityTag)"
    }
    guard isKnown != true else { return EdgeAnswer(status: 304, fields: fields) }
    return EdgeAnswer(
      status: 200, fields: [("content-type", type)] + fields, content: content)
  }

  /// The document with this platform's address, wherever it names that of a platform at home.
  private static func addressed(_ contract: JSON, to issuer: String) -> JSON {
    switch contract {
    case .string(let text):
      .string(
        text.hasPrefix(GatewayAPI.documentedIssuer)
          ? issuer + text.dropFirst(GatewayAPI.documentedIssuer.count) : text)
    case .array(let items): .array(items.map { addressed($0, to: issuer) })
    case .object(let members): .object(members.mapValues { addressed($0, to: issuer) })
    default: contract
    }
  }

  private static func catalog(of services: [ServiceName], issuer: String) -> JSON {
    let items = services.map { service -> JSON in
      [
        "anchor": .string(issuer + "/"),
        "service-desc": [
          [
            "href": .string(issuer + GatewayAPI.contractPath(of: service)),
            "type": "application/json", "title": .string("\(service)"),
          ]
        ],
      ]
    }
    return ["linkset": .array(items)]
  }
}
