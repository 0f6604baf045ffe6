import AuthorityAPI
package import Sealing
import Telemetry
import Tokens
import Vocabulary

extension ServiceContext {
  /// This service's own sealing keys, from the authority. They live in memory only. Waits while the authority starts.
  /// - Throws: `StartFailure` when it does not answer in time or the keys are malformed.
  package func sealingKeyring(within limit: Duration = .seconds(15)) async throws -> Keyring {
    let end = ContinuousClock.now + limit
    while true {
      do {
        let answer = try await client("authority").call(
          AuthorityOperations.getSealingKeyring, Nothing(), context: background())
        return try keyring(answer)
      } catch let problem as Problem {
        let isPassing = problem.status == 503 || problem.status == 504
        guard !isPassing else {
          guard ContinuousClock.now < end else {
            throw StartFailure(
              "the authority gives no sealing keys: \(problem.title)",
              hint: "it is busy or starting; this service is started again by itself",
              isPassing: true)
          }
          try await Task.sleep(for: .milliseconds(200))
          continue
        }
        throw StartFailure(
          "the authority gives no sealing keys: \(problem.title)",
          hint: "the charter must list the secret sealing-keyring and the call getSealingKeyring")
      }
    }
  }

  private func keyring(_ answer: SealingKeyring) throws -> Keyring {
    var keys: [UInt32: [UInt8]] = [:]
    for version in answer.keys {
      guard let number = UInt32(exactly: version.version), let key = Base64URL.decode(version.key)
      else {
        throw StartFailure(
          "the authority's sealing keys are malformed", hint: "see the authority's log")
      }
      keys[number] = key
    }
    guard let current = UInt32(exactly: answer.current) else {
      throw StartFailure(
        "the authority's sealing keys are malformed", hint: "see the authority's log")
    }
    return try Keyring(keys: keys, current: current, randomness: randomness)
  }
}
