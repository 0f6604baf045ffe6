package import Chassis
import Transport
package import Vocabulary

/// What the endpoints look at of one request.
package struct Visit: Sendable {
  package let query: Form
  package let body: [UInt8]
  package let contentType: String?
  package let cookies: String?
  package let origin: String?
  package let fetchSite: String?
  package let authorization: String?
  /// Of the browser or client, as the gateway saw it.
  package let address: String
  package let caller: ServiceName
  package let context: CallContext

  package init(
    query: [String: String] = [:], body: [UInt8] = [], contentType: String? = nil,
    cookies: String? = nil, origin: String? = nil, fetchSite: String? = nil,
    authorization: String? = nil, address: String, caller: ServiceName, context: CallContext
  ) {
    self.query = Form(query)
    self.body = body
    self.contentType = contentType
    self.cookies = cookies
    self.origin = origin
    self.fetchSite = fetchSite
    self.authorization = authorization
    self.address = address
    self.caller = caller
    self.context = context
  }

  init(_ call: Call) {
    self.init(
      query: call.query, body: call.body, contentType: call.headers["content-type"],
      cookies: call.headers["cookie"], origin: call.headers["origin"],
      fetchSite: call.headers["sec-fetch-site"], authorization: call.headers["authorization"],
      address: call.remoteAddress ?? "unknown", caller: call.caller, context: call.forwarding)
  }

  /// The body as a form.
  /// - Throws: `FormError`; another media type is malformed.
  func form() throws(FormError) -> Form {
    let mediaType = contentType?.prefix { $0 != ";" }.lowercased()
    guard mediaType == "application/x-www-form-urlencoded" else { throw .malformed }
    return try Form(body)
  }

  /// Whether a form came from one of our own pages, as far as the browser says. A browser that says nothing is held by
  /// the form's token alone.
  func isFromOurPages(issuer: String) -> Bool {
    (origin.map { $0 == issuer } ?? true) && (fetchSite.map { $0 == "same-origin" } ?? true)
  }
}
