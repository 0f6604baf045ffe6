import AuthorityAPI
import Charters
import Foundation
import StrictJSON
import TestKit
import Testing
import Vocabulary
import Yams

/// The Swift contract, the charter and the OpenAPI document must say the same.
@Suite struct `The contract of the authority` {
  private struct Route: Hashable {
    let id: String
    let method: String
    let path: String

    init(id: String, method: String, path: String) {
      self.id = id
      self.method = method
      self.path = path
    }
    init<I, O>(_ operation: Vocabulary.Operation<I, O>) {
      self.init(id: operation.id, method: operation.method.rawValue, path: operation.path)
    }
  }
  private let contract: Set<Route> = [
    Route(AuthorityOperations.getSealingKeyring),
    Route(AuthorityOperations.reportSealingVersions),
    Route(AuthorityOperations.issueEdgeCertificate),
    Route(AuthorityOperations.rotateIssuer), Route(AuthorityOperations.rotateTrustRoot),
    Route(AuthorityOperations.rotateSealingKey), Route(AuthorityOperations.getTrustBundle),
    Route(AuthorityOperations.listRevocations), Route(AuthorityOperations.publishRevocations),
    Route(AuthorityOperations.setSecret), Route(AuthorityOperations.listSecrets),
    Route(AuthorityOperations.removeSecret), Route(AuthorityOperations.handOverSecrets),
  ]

  @Test func `takes the query items that the document names`() throws {
    #expect(try ContractDocuments(of: "Authority").queryDifferences == [])
  }

  @Test func `agrees with the charter`() throws {
    let charter = try Charter.parse(file: "charter.yaml", text: file("charter.yaml"))
    let declared = charter.operations.map {
      Route(id: $0.id, method: $0.method.rawValue, path: $0.path.description)
    }
    #expect(Set(declared) == contract)
    #expect(charter.operations.allSatisfy { !$0.isPublic })
  }

  @Test func `agrees with the document, whose examples are what travels`() throws {
    let readers: [String: ([UInt8]) throws -> Void] = [
      "SealingKeyring": { _ = try StrictJSON.decode(SealingKeyring.self, from: $0) },
      "SealingVersionsInUse": { _ = try StrictJSON.decode(SealingVersionsInUse.self, from: $0) },
      "RotateSealingKey": { _ = try StrictJSON.decode(RotateSealingKey.self, from: $0) },
      "SealingKeyRotated": { _ = try StrictJSON.decode(SealingKeyRotated.self, from: $0) },
      "EdgeCertificateRequest": {
        _ = try StrictJSON.decode(EdgeCertificateRequest.self, from: $0)
      },
      "IssuedEdgeCertificate": { _ = try StrictJSON.decode(IssuedEdgeCertificate.self, from: $0) },
      "RotationAnswer": { _ = try StrictJSON.decode(RotationAnswer.self, from: $0) },
      "SignedRevocations": {
        let signed = try StrictJSON.decode(SignedRevocations.self, from: $0)
        _ = try StrictJSON.decode(RevocationExtract.self, from: Array(signed.extract.utf8))
      },
      "PublishedRevocations": {
        _ = try StrictJSON.decode(PublishedRevocations.self, from: $0)
      },
      "RevocationsTaken": { _ = try StrictJSON.decode(RevocationsTaken.self, from: $0) },
      "NewSecret": { _ = try StrictJSON.decode(NewSecret.self, from: $0) },
      "SecretStanding": { _ = try StrictJSON.decode(SecretStanding.self, from: $0) },
      "SecretList": { _ = try StrictJSON.decode(SecretList.self, from: $0) },
      "SecretPlace": { _ = try StrictJSON.decode(SecretPlace.self, from: $0) },
      "SecretsWanted": { _ = try StrictJSON.decode(SecretsWanted.self, from: $0) },
      "SecretsGiven": { _ = try StrictJSON.decode(SecretsGiven.self, from: $0) },
      "TrustBundleAnswer": { _ = try StrictJSON.decode(TrustBundleAnswer.self, from: $0) },
    ]
    let document = try #require(try Yams.load(yaml: file("openapi.yaml")) as? [String: Any])
    #expect(document["openapi"] as? String == "3.1.0")
    let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
    var written: Set<Route> = []
    var seen: Set<String> = []
    for (path, methods) in paths {
      for (method, operation) in methods {
        let id = try #require(operation["operationId"] as? String)
        written.insert(Route(id: id, method: method.uppercased(), path: path))
        let answers = try #require(operation["responses"] as? [String: [String: Any]])
        let success = try #require(answers.first { $0.key.hasPrefix("2") }?.value)
        let bodies = [success, operation["requestBody"] as? [String: Any]].compactMap { $0 }
        for body in bodies {
          let content = try #require(
            (body["content"] as? [String: [String: Any]])?["application/json"])
          let reference = (content["schema"] as? [String: Any])?["$ref"] as? String
          let schema = String(try #require(reference).split(separator: "/").last ?? "")
          let examples = try #require(content["examples"] as? [String: [String: Any]])
          for example in examples.values {
            let bytes = try JSONSerialization.data(withJSONObject: try #require(example["value"]))
            let read = try #require(readers[schema])
            try read(Array(bytes))
            seen.insert(schema)
          }
        }
      }
    }
    #expect(written == contract)
    #expect(seen == Set(readers.keys))
  }

  private func file(_ name: String) throws -> String {
    let checkout = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    return try String(
      contentsOf: checkout.appending(path: "Sources/Services/Authority/\(name)"), encoding: .utf8)
  }
}
