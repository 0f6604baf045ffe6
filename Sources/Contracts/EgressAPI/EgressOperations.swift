package import Vocabulary

/// What the one way out promises: it asks servers outside, those and only those that the caller's charter names.
package enum EgressOperations {
  /// One HTTPS request and its answer. Nothing is sent twice, no redirect is followed, no cookie is kept.
  package static let fetch = Operation<FetchRequest, FetchAnswer>(
    "fetch", of: "egress", .post, "/v1/fetches")

  /// Largest body that is sent, bytes.
  package static let bodyBytesMax = 1 << 20
  /// Fields that may be sent, in small letters: the sender says who it is and what it wants, and nothing of the connection.
  package static let requestFields: Set<String> = [
    "accept", "accept-language", "authorization", "content-type", "idempotency-key", "if-match",
    "if-modified-since", "if-none-match",
  ]
  /// Fields of an answer that are told.
  package static let answerFields: Set<String> = [
    "cache-control", "content-language", "content-type", "date", "etag", "expires",
    "last-modified", "location", "retry-after", "www-authenticate",
  ]
  /// Longest value of a field, bytes.
  package static let fieldBytesMax = 8_192
  package static let fieldsMax = 16
}

/// One field of a request or an answer.
package struct HTTPField: Codable, Hashable, Sendable {
  /// Small letters.
  package let name: String
  /// Visible ASCII and single spaces.
  package let value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// What is to be asked outside.
package struct FetchRequest: Codable, Hashable, Sendable {
  package enum Method: String, Codable, Hashable, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
  }

  package let method: Method
  /// Absolute, `https`, at a host and port that the caller's charter names; 4,096 bytes at most.
  package let url: String
  /// Names from `EgressOperations.requestFields`, each once.
  package let fields: [HTTPField]
  /// Base64url without padding (RFC 4648 §5); absent for none, and always with GET.
  package let body: String?

  package init(_ method: Method, _ url: String, fields: [HTTPField] = [], body: String? = nil) {
    self.method = method
    self.url = url
    self.fields = fields
    self.body = body
  }
}

/// What was answered outside, whatever the status.
package struct FetchAnswer: Codable, Hashable, Sendable {
  /// 200–599. Redirects are answers like others: whoever follows one asks anew, within the charter.
  package let status: Int
  /// Those of `EgressOperations.answerFields` that came.
  package let fields: [HTTPField]
  /// Base64url without padding.
  package let body: String
  /// The address that was dialled.
  package let address: String

  package init(status: Int, fields: [HTTPField], body: String, address: String) {
    self.status = status
    self.fields = fields
    self.body = body
    self.address = address
  }
}

/// Slugs of the refusals that a caller may want to tell apart.
package enum EgressProblem {
  /// The text is no URL that one reads in one way only.
  package static let badURL = "url-not-plain"
  /// The caller's charter does not name the host and port.
  package static let notNamed = "destination-not-named"
  /// The name leads to an address that is not public.
  package static let notPublic = "destination-not-public"
}
