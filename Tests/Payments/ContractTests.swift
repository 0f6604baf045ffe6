import Foundation
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
    ]
    let documents = try ContractDocuments(of: "Payments")
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
    let states = try StrictJSON.decode(
      JSON.self, from: example("components", "schemas", "PaymentState"))
    #expect(states["enum"] == .array(PaymentState.allCases.map { .string($0.rawValue) }))
    let events = try StrictJSON.decode(
      JSON.self, from: example("components", "schemas", "ActivityEvent"))
    #expect(events["enum"] == .array(ActivityEvent.allCases.map { .string($0.rawValue) }))
  }
}
