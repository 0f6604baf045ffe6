import Charters
import NIOCore
package import Transport

/// What a service's answer must be like to leave through the door. The pages and the API share one origin: a document that
/// some service makes up must not run beside the sign-in, and one person's answer must not stay in a cache.
package enum AnswerRules {
  /// What is wrong with an answer; nothing of it is passed on.
  package enum Fault: Error, Hashable, Sendable {
    /// Content without a media type, or with two.
    case untyped
    /// Of a media type that the operation does not declare.
    case undeclared
  }

  /// RFC 9457; every operation may answer with one.
  private static let problem = "application/problem+json"
  /// RFC 9111 §5.2.2: neither a shared cache nor the browser keeps it.
  static let unkept = "private, no-store"

  /// The answer as it goes out.
  /// - Parameter isPersonal: whether a token came with the request.
  package static func passed(
    _ answer: WireResponse, route: EdgeRoute, isPersonal: Bool
  ) throws(Fault) -> EdgeAnswer {
    if answer.body.readableBytes > 0 {
      let types = answer.headers.values("content-type")
      guard types.count == 1, let type = types.first else { throw .untyped }
      let name = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
      guard name == problem || route.operation.answers.contains(name) else { throw .undeclared }
    }
    var fields = PassageFields.outbound(answer.headers, route: route)
    // What sets a cookie is one browser's, too.
    let isOnes = isPersonal || fields.contains { $0.name == "set-cookie" }
    if isOnes, route.operation.caching == .none {
      fields.removeAll { ["cache-control", "pragma"].contains($0.name) }
      fields.append(("cache-control", unkept))
    }
    return EdgeAnswer(status: answer.status, fields: fields, content: answer.body)
  }
}
