import Vocabulary

/// For a request that does what another operation of the service does as well: who may not do the one by itself may not do
/// it along with something else.
package struct FurtherAccess: Sendable {
  private let service: ServiceContext
  private let edge: EdgeCheck
  private let policies: PolicyCheck

  package init(_ service: ServiceContext) {
    self.service = service
    edge = EdgeCheck(service)
    policies = PolicyCheck(service)
  }

  /// - Parameters:
  ///   - operation: of this service.
  ///   - resource: what its path would name.
  ///   - field: of the body, which asks for it.
  /// - Throws: `Problem`, as the operation itself would be refused: the charters do not declare it for the caller, or a
  ///   policy takes it away.
  package func require(
    _ operation: String, resource: [String: String], field: String, in call: Call
  ) async throws {
    try edge.require(
      operation, by: call.caller, fields: ["field": field, "operation": operation])
    guard !service.platform.lacks(.policies) else { return }
    let asked = AskedAccess(operation, resource: resource, in: call)
    let (rules, _) = service.policy.rules
    let (verdict, decision) = try await policies.verdict(on: asked, by: rules)
    try policies.require(verdict, asked, decider: decision ?? rules.name)
  }
}
