package import NIOCore
package import PolicyClient
import PolicyEngine
import Vocabulary

/// Decisions of an Open Policy Agent that has the organisation's policies, in the place of our own engine's.
package enum RemoteRules {
  /// The document that decides, as a path of the data API.
  package static let path = "strongroom/access/decision"
  /// Longest wait for a decision.
  static let decisionMax: Duration = .seconds(1)

  /// Nil where the platform has none.
  /// - Throws: `StartFailure` for an address that cannot be used.
  package static func client(
    _ platform: Platform, group: any EventLoopGroup
  ) throws(StartFailure) -> RemotePolicy? {
    guard let url = platform.policyURL else { return nil }
    do throws(RemotePolicyFailure) {
      var limits = RemotePolicyLimits()
      limits.deadline = decisionMax
      return try RemotePolicy(try RemotePolicyAddress(url), limits: limits, group: group)
    } catch {
      throw StartFailure("\(error)", hint: "correct it with `strongroom up --policy-url URL`")
    }
  }

  /// No answer is no decision, and no decision allows nothing.
  static func ask(
    _ remote: RemotePolicy, _ question: Value, within limit: Duration?
  ) async -> (verdict: AccessVerdict, decider: String) {
    do throws(RemotePolicyFailure) {
      let decision = try await remote.decide(path, input: question, within: limit)
      return (AccessRules.verdict(decision.result), "opa/\(decision.decisionID ?? "-")")
    } catch {
      return (.undecided("\(error)"), "opa/-")
    }
  }
}
