import Transport
import Vocabulary

/// Z1 with the gateway taken over: it asks for the certificate of somebody else's name, which everybody would believe who
/// trusts `edge-ca.pem`.
enum EdgeNameAttack {
  private static let strangers = [
    #"{"hosts":["www.google.com"],"addresses":[]}"#,
    #"{"hosts":["localhost","www.google.com"],"addresses":[]}"#,
    #"{"hosts":[],"addresses":["8.8.8.8"]}"#,
  ]

  static let attack = Attack(
    "foreign-edge-name",
    steps:
      "as the gateway, ask the authority for public certificates of names that are not the platform's",
    expectation: "each is refused with 403, and recorded; our own name is not"
  ) { range in
    let insider = try await range.insider()
    let client = try insider.client(as: "gateway")
    func ask(_ body: String, _ correlation: CorrelationID) async throws -> Int {
      let headers: Headers = [
        Header.correlation: "\(correlation)", "content-type": "application/json",
      ]
      let answer = try await insider.ask(
        "authority", as: client, "POST", "/v1/edge-certificates", headers: headers,
        body: Array(body.utf8))
      return answer.status
    }
    let control = try await ask(#"{"hosts":["localhost"],"addresses":[]}"#, range.newCorrelation())
    guard control == 201 else { return .notTried("our own name is answered with \(control)") }
    var correlation = range.newCorrelation()
    for body in strangers {
      correlation = range.newCorrelation()
      let status = try await ask(body, correlation)
      guard status == 403 else { return .breach("\(body): \(status)") }
    }
    return .held(
      "\(strangers.count) of \(strangers.count) refused with 403", recordedAs: correlation)
  }
}
