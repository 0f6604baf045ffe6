import Foundation
import Payments
import PaymentsAPI
import StrictJSON
import TestKit
import Testing
import Vocabulary
import Yams

/// Checked JSON-like trees only; `Any` is what Yams gives.
@Suite struct `The payments contract` {
  private static func document(_ name: String) throws -> [String: Any] {
    let checkout = #filePath.components(separatedBy: "/Tests/")[0]
    let text = try String(
      contentsOfFile: "\(checkout)/Sources/Services/Payments/\(name)", encoding: .utf8)
    return try #require(try Yams.load(yaml: text) as? [String: Any])
  }

  @Test func `names the same operations in charter, document and constants`() throws {
    let constants: Set<String> = [
      ContractDocuments.line(PaymentsOperations.createPayment),
      ContractDocuments.line(PaymentsOperations.getPayment),
      ContractDocuments.line(PaymentsOperations.listPayments),
      ContractDocuments.line(PaymentsOperations.getActivity),
      ContractDocuments.line(PaymentsOperations.listMyAccounts),
      ContractDocuments.line(PaymentsOperations.getBalance),
      ContractDocuments.line(PaymentsOperations.listStatement),
      ContractDocuments.line(PaymentsOperations.openAccount),
      ContractDocuments.line(PaymentsOperations.listManagedAccounts),
      ContractDocuments.line(PaymentsOperations.getManagedAccount),
      ContractDocuments.line(PaymentsOperations.changeAccount),
    ]
    let documents = try ContractDocuments(of: "Payments")
    #expect(documents.queryDifferences == [])
    #expect(documents.openAPI == constants)
    #expect(documents.charter == constants)
  }

  @Test func `gives examples that its types read, and lists their words`() throws {
    let document = try Self.document("openapi.yaml")
    func example(_ path: String...) throws -> [UInt8] {
      var node: Any = document
      for key in path { node = try #require((node as? [String: Any])?[key], "\(path)") }
      return [UInt8](try JSONSerialization.data(withJSONObject: node))
    }
    let json = "application/json"
    _ = try StrictJSON.decode(
      Payment.self, from: example("components", "examples", "Posted", "value"))
    _ = try StrictJSON.decode(
      NewPayment.self,
      from: example(
        "paths", "/v1/payments", "post", "requestBody", "content", json, "examples", "rent", "value"
      ))
    func answer(_ path: String, _ name: String) throws -> [UInt8] {
      try example(
        "paths", path, "get", "responses", "200", "content", json, "examples", name, "value")
    }
    _ = try StrictJSON.decode(PaymentPage.self, from: answer("/v1/payments", "last"))
    _ = try StrictJSON.decode(Activity.self, from: answer("/v1/activity", "one"))
    _ = try StrictJSON.decode(OwnAccounts.self, from: answer("/v1/accounts", "one"))
    _ = try StrictJSON.decode(Balance.self, from: answer("/v1/accounts/{id}/balance", "one"))
    _ = try StrictJSON.decode(Statement.self, from: answer("/v1/accounts/{id}/transfers", "one"))
    _ = try StrictJSON.decode(ManagedAccount.self, from: answer("/v1/managed/accounts/{id}", "one"))
    _ = try StrictJSON.decode(ManagedAccounts.self, from: answer("/v1/managed/accounts", "none"))
    let states = try StrictJSON.decode(
      JSON.self, from: example("components", "schemas", "PaymentState"))
    #expect(states["enum"] == .array(PaymentState.allCases.map { .string($0.rawValue) }))
    let events = try StrictJSON.decode(
      JSON.self, from: example("components", "schemas", "ActivityEvent"))
    #expect(events["enum"] == .array(ActivityEvent.allCases.map { .string($0.rawValue) }))
  }

  /// The words of `type` that a schema of the document lists.
  private static func types(of schema: String) throws -> Set<String> {
    var node: Any = try document("openapi.yaml")
    for key in ["components", "schemas", schema, "allOf"] {
      node = try #require((node as? [String: Any])?[key], "\(key)")
    }
    let parts = try #require(node as? [[String: Any]])
    let properties = parts.compactMap { $0["properties"] as? [String: [String: Any]] }
    let words = try #require(properties.first?["type"]?["enum"] as? [String])
    return Set(words.map { String($0.dropFirst(Problem.typePrefix.count)) })
  }

  @Test func `lists every type of refusal, and every currency`() throws {
    #expect(
      try Self.types(of: "MalformedPayment")
        == Set(PaymentRefusal.allCases.map(\.problem.slug))
        .union(["malformed-request", "idempotency-key-missing"]))
    #expect(
      try Self.types(of: "RefusedPayment")
        == ToldReason.all.union(["idempotency-key-reused"]))
    for service in ["Payments", "Ledger"] {
      let schemas = try #require(
        try Self.document("../\(service)/openapi.yaml")["components"] as? [String: [String: Any]])
      let currency = try #require(schemas["schemas"]?["Currency"] as? [String: Any])
      #expect(currency["enum"] as? [String] == Currency.all.map(\.code), "\(service)")
    }
  }
}
