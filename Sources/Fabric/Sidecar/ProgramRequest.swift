package import Transport
package import Vocabulary

/// What a program is told of a request, and what of it. Pure. The fields are made anew from what the
/// chassis has proven; of the request's own only those named here cross. So nobody can send a field
/// that looks like ours: there is no way for it to get through.
package enum ProgramRequest {
  /// What is known about a request once it has passed every check.
  package struct Proven: Sendable {
    package let caller: ServiceName
    package let operation: String
    /// Names this request while it lasts; the program shows it when it calls somebody on the way.
    package let handle: String
    package let correlation: CorrelationID
    package let traceparent: String
    package let remaining: Duration
    /// From the transaction token, where there is one.
    package let person: Person?
    /// Where the charter says `idempotency: key`: the key, and the id of what this request makes.
    package let claim: (key: String, resource: String)?

    package init(
      caller: ServiceName, operation: String, handle: String, correlation: CorrelationID,
      traceparent: String, remaining: Duration, person: Person? = nil,
      claim: (key: String, resource: String)? = nil
    ) {
      self.caller = caller
      self.operation = operation
      self.handle = handle
      self.correlation = correlation
      self.traceparent = traceparent
      self.remaining = remaining
      self.person = person
      self.claim = claim
    }
  }
  /// On whose behalf.
  package struct Person: Sendable, Hashable {
    package let subject: String
    package let client: String
    package let scopes: [String]
    package let purpose: String

    package init(subject: String, client: String, scopes: [String], purpose: String) {
      self.subject = subject
      self.client = client
      self.scopes = scopes
      self.purpose = purpose
    }
  }

  /// The names of our fields; `Strongroom-` is nobody else's.
  package enum Name {
    package static let caller = "strongroom-caller"
    package static let operation = "strongroom-operation"
    package static let call = "strongroom-call"
    package static let subject = "strongroom-subject"
    package static let client = "strongroom-client"
    package static let scopes = "strongroom-scopes"
    package static let purpose = "strongroom-purpose"
    package static let resource = "strongroom-resource"
  }

  /// What crosses as it came.
  static let passed: Set<String> = [
    "content-type", "accept", "accept-language", "if-match", "if-none-match",
  ]

  /// The whole head of the request to the program, besides what frames it.
  package static func headers(_ proven: Proven, given: Headers) -> Headers {
    var headers = Headers()
    for field in given.fields where passed.contains(field.name) && headers[field.name] == nil {
      headers.add(field.name, plain(field.value))
    }
    headers.add(Name.caller, "\(proven.caller)")
    headers.add(Name.operation, proven.operation)
    headers.add(Name.call, proven.handle)
    headers.add(Header.correlation, "\(proven.correlation)")
    headers.add(Header.traceparent, proven.traceparent)
    headers.add(Header.deadline, "\(max(0, proven.remaining.milliseconds))")
    if let person = proven.person {
      headers.add(Name.subject, plain(person.subject))
      headers.add(Name.client, plain(person.client))
      headers.add(Name.scopes, plain(person.scopes.joined(separator: " ")))
      headers.add(Name.purpose, plain(person.purpose))
    }
    if let claim = proven.claim {
      headers.add(Header.idempotencyKey, plain(claim.key))
      headers.add(Name.resource, claim.resource)
    }
    // One request for each connection: what one leaves behind can never be read as the next.
    headers.add("connection", "close")
    return headers
  }

  /// Printable ASCII as it is, anything else percent-encoded: a value can end neither line nor head.
  static func plain(_ value: String) -> String {
    value.utf8.allSatisfy { (0x20...0x7e).contains($0) } ? value : PercentEncoding.encode(value)
  }
}
