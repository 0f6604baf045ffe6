import Payments
import PolicyBundles
import PolicyEngine
import StrictJSON
import Transport
import Vocabulary

// Whoever manages accounts, as the policies name them and as the gateway sends their requests.

extension PaymentsHouse {
  /// Something about accounts, by whoever manages them.
  func manage(
    _ method: String, _ target: String, _ body: (some Encodable)? = Nothing?.none,
    context: [String: String] = [:], key: String? = nil, by person: PersonID,
    scope: String = "accounts:manage", client: String = "app"
  ) async throws -> WireResponse {
    try await deliver(
      try request(
        method, target, by: person, purpose: "account.manage", scope: scope,
        body: try body.map { try StrictJSON.encode($0) } ?? [], key: key, context: context,
        client: client))
  }
}

extension PolicyDraft {
  func naming(_ person: PersonID, as role: String) throws -> PolicyDraft {
    guard case .object(var data) = data, case .object(var access)? = data["access"] else {
      throw Problem.defect
    }
    let roles = Value.object(ObjectValue([(.string(role), .object(.empty))]))
    let member = Value.object(ObjectValue([(.string("roles"), roles)]))
    access[.string("members")] = .object(ObjectValue([(.string("\(person)"), member)]))
    data[.string("access")] = .object(access)
    return PolicyDraft(modules: modules, data: .object(data))
  }
}
