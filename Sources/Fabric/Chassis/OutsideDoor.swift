import Charters
package import EgressAPI
import Tokens
package import Vocabulary

/// The way to servers outside that this service's charter names: through whoever has the role `outside`, as this service.
package struct OutsideDoor: Sendable {
  /// One answer from outside.
  package struct Answer: Sendable {
    package let status: Int
    /// By small names.
    package let fields: [String: String]
    package let body: [UInt8]
  }

  private let context: ServiceContext
  init(_ context: ServiceContext) { self.context = context }

  /// One request, sent once. A redirect is an answer like others.
  /// - Parameters:
  ///   - url: absolute and `https`; its host and port must stand under `egress` in this service's charter.
  ///   - fields: by names of `EgressOperations.requestFields`.
  ///   - body: 1 MiB at most; empty for none.
  /// - Throws: `Problem`: the refusal as it stands; `unavailable` where nothing was sent; `outcome-unknown` where it is not known.
  package func fetch(
    _ method: FetchRequest.Method, _ url: String, fields: [String: String] = [:],
    body: [UInt8] = [], context call: CallContext
  ) async throws(Problem) -> Answer {
    guard let holder = context.charters.holder(of: .outside) else { throw .unavailable() }
    let request = FetchRequest(
      method, url,
      fields: fields.sorted { $0.key < $1.key }.map { HTTPField($0.key, $0.value) },
      body: body.isEmpty ? nil : Base64URL.encode(body))
    let answer = try await context.client(holder).call(
      EgressOperations.fetch, request, context: call)
    guard let bytes = Base64URL.decode(answer.body) else { throw .defect }
    return Answer(
      status: answer.status,
      fields: Dictionary(
        answer.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }),
      body: bytes)
  }
}

extension ServiceContext {
  /// The way to servers outside that the charter names.
  package var outside: OutsideDoor { OutsideDoor(self) }
}
