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
        .contentType, .accept, .userAgent, .idempotencyKey, .cookie, .authorization, .origin,
        .secFetchSite,
      ]
      : [.contentType, .accept, .userAgent, .idempotencyKey]
    for field in names {
      if let value = passage.head[field] { fields.add(field.name, value) }
    }
    fields.add(Header.correlation, "\(passage.correlation)")
    fields.add(Header.traceparent, passage.trace.traceparent)
    fields.add("forwarded-for", passage.source.address)
    return fields
  }

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
