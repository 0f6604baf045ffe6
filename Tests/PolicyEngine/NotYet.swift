/// Cases of OPA that the engine does not pass, each with the reason: `category: note`, or
/// `category: *` for all of a category. The list may only shrink.
enum NotYet {
  static let reasons: [String: String] = [
    "graphql: *": "GraphQL is out of scope",
    "providers-aws: *": "signing requests to AWS is out of scope",
    "netlookupipaddr: *": "needs the network",
    "invalidkeyerror: *": "needs the network: http.send is refused whatever its arguments",
  ]
}
