import Telemetry
package import Transport
import Vocabulary

/// Which fields go in and which come out. Allow-lists in both directions: what is not named here
/// does not cross.
package enum PassageFields {
  /// What goes in to any service. Everything the mesh itself relies on is set here and cannot come
  /// from outside: `EdgeField` does not even read it.
  package static func inbound(_ passage: Passage, route: EdgeRoute) -> Headers {
    var fields = Headers()
    let names: [EdgeField] =
      route.isIdentity
      ? [
        .accept, .userAgent, .idempotencyKey, .cookie, .authorization, .origin,
        .secFetchSite,
      ]
      // Nobody else reads more, and what does not go in does no harm there.
      : [.idempotencyKey]
    for field in names {
      guard var value = passage.head[field] else { continue }
      if field == .cookie { value = ownCookies(in: value) }
      if !value.isEmpty { fields.add(field.name, value) }
    }
    // In one way of writing it, so that nobody behind reads it in another.
    if let type = passage.head[.contentType].flatMap({ MediaType($0).name }) {
      fields.add(EdgeField.contentType.name, type)
    }
    fields.add(Header.correlation, "\(passage.correlation)")
    fields.add(Header.traceparent, passage.trace.traceparent)
    fields.add("forwarded-for", passage.source.address)
    return fields
  }

  /// Ours alone: what other applications of the same host keep in the browser is nobody's business here.
  static func ownCookies(in field: String) -> String {
    field.split(separator: ";").map { $0.drop { $0 == " " } }
      .filter { $0.hasPrefix(cookiePrefix) }.joined(separator: "; ")
  }
  /// As identity names them all.
  private static let cookiePrefix = "__Host-strongroom-"

  private static let outboundNames: Set<String> = [
    "content-type", "cache-control", "etag", "last-modified", "location", "link", "allow",
    "retry-after", "www-authenticate", "pragma", Header.idempotentReplayed,
  ]
  /// Pages bring their own policy and cookies; an API answer cannot set either.
  private static let outboundPageNames: Set<String> = [
    "set-cookie", "content-security-policy", "referrer-policy", "x-frame-options",
    "content-language", "clear-site-data",
  ]

  /// What comes out of a service's answer.
  package static func outbound(
    _ answer: Headers, route: EdgeRoute
  ) -> [(name: String, value: String)] {
    answer.fields.compactMap { field in
      let passes =
        outboundNames.contains(field.name)
        || (route.isIdentity && outboundPageNames.contains(field.name))
      return passes ? (field.name, field.value) : nil
    }
  }
}
