import Chassis
import Commands
import StrictJSON
import Transport
package import Vocabulary

/// The operator's typed calls: the same contracts that services use, over the operator's own mutual TLS line.
package struct OperatorDesk: Sendable {
  private let line: OperatorLine
  private let randomness: Randomness

  package init(line: OperatorLine, randomness: Randomness) {
    self.line = line
    self.randomness = randomness
  }

  /// - Throws: `OperatorFailure` with the service's own refusal, or what the line throws.
  package func call<Input: Encodable & Sendable, Output: Decodable & Sendable>(
    _ operation: Operation<Input, Output>, _ input: Input, path: [String: String] = [:],
    query: [String: String] = [:], idempotencyKey: String? = nil
  ) async throws -> Output {
    let target = PathFilling.fill(operation.path, with: path) + QueryFilling.text(query)
    var fields: [(String, String)] = [
      (Header.correlation, hexText(randomness.bits128() | 1, digits: 32)),
      ("content-type", "application/json"),
    ]
    if let idempotencyKey { fields.append((Header.idempotencyKey, idempotencyKey)) }
    let answer = try await line.send(
      operation.method, target, to: operation.service, headers: .init(fields),
      body: Input.self == Nothing.self ? [] : try StrictJSON.encode(input), within: .seconds(60))
    guard answer.status < 300 else {
      throw OperatorFailure.refused(by: operation.service, answer.status, answer.body)
    }
    if Output.self == Nothing.self, let nothing = Nothing() as? Output { return nothing }
    return try StrictJSON.decode(Output.self, from: answer.body)
  }
}
