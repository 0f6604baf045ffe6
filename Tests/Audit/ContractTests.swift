import AuditAPI
import Charters
import Foundation
import TestKit
import Testing
import Vocabulary
import Yams

/// The Swift contract, the charter and the OpenAPI document must say the same.
@Suite struct `The contract of audit` {
  private struct Route: Hashable {
    let id: String
    let method: String
    let path: String
  }
  private let contract: Set<Route> = [
    route(AuditOperations.appendRecords), route(AuditOperations.findRecords),
    route(AuditOperations.getCheckpoint), route(AuditOperations.getTile),
    route(AuditOperations.getInclusionProof), route(AuditOperations.getConsistencyProof),
    route(AuditOperations.getReceipt),
  ]

  @Test func `takes the query items that the document names`() throws {
    #expect(try ContractDocuments(of: "Audit").queryDifferences == [])
  }

  @Test func `agrees with the charter`() throws {
    let charter = try Charter.parse(file: "charter.yaml", text: file("charter.yaml"))
    let declared = charter.operations.map {
      Route(id: $0.id, method: $0.method.rawValue, path: $0.path.description)
    }
    #expect(Set(declared) == contract)
    let append = try #require(charter.operation("appendRecords"))
    #expect(append.callers == [Charter.everyService, "operator"])
    #expect(append.idempotency == .natural)
  }

  @Test func `agrees with the OpenAPI document, which has an example for every operation`() throws {
    let document = try #require(try Yams.load(yaml: file("openapi.yaml")) as? [String: Any])
    #expect(document["openapi"] as? String == "3.1.0")
    let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
    var written: Set<Route> = []
    for (path, methods) in paths {
      for (method, operation) in methods {
        let id = try #require(operation["operationId"] as? String)
        // OpenAPI has no parameter for the rest of a path; ours is named in its description.
        let template = path == "/tile/{path}" ? "/tile/{path...}" : path
        written.insert(Route(id: id, method: method.uppercased(), path: template))
        let answers = try #require(operation["responses"] as? [String: [String: Any]])
        let success = try #require(answers["200"]?["content"] as? [String: [String: Any]])
        for (type, body) in success where type == "application/json" {
          #expect((body["examples"] as? [String: Any])?.isEmpty == false, "\(id)")
        }
      }
    }
    #expect(written == contract)
  }

  private static func route<I, O>(_ operation: Vocabulary.Operation<I, O>) -> Route {
    #expect(operation.service == "audit")
    return Route(id: operation.id, method: operation.method.rawValue, path: operation.path)
  }

  private func file(_ name: String) throws -> String {
    let checkout = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    return try String(
      contentsOf: checkout.appending(path: "Sources/Services/Audit/\(name)"), encoding: .utf8)
  }
}
