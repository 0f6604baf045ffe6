import Foundation
import PaymentsAPI
import StrictJSON
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
    var written: Set<String> = []
    for (path, item) in try #require(try Self.document("openapi.yaml")["paths"] as? [String: Any]) {
      for (method, operation) in try #require(item as? [String: Any]) {
        let id = try #require((operation as? [String: Any])?["operationId"] as? String)
        written.insert("\(id) \(method.uppercased()) \(path)")
      }
    }
    let charter = try #require(try Self.document("charter.yaml")["operations"] as? [[String: Any]])
    let declared = Set(
      charter.map { "\($0["id"] ?? "") \($0["method"] ?? "") \($0["path"] ?? "")" })
    func line<I, O>(_ operation: Vocabulary.Operation<I, O>) -> String {
      "\(operation.id) \(operation.method.rawValue) \(operation.path)"
    }
    let constants: Set<String> = [
      line(PaymentsOperations.createPayment), line(PaymentsOperations.getPayment),
      line(PaymentsOperations.listPayments), line(PaymentsOperations.getActivity),
      line(PaymentsOperations.listMyAccounts), line(PaymentsOperations.getBalance),
      line(PaymentsOperations.listStatement),
    ]
    #expect(written == constants)
    #expect(declared == constants)
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
