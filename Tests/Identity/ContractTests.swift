import Foundation
import Identity
import IdentityAPI
import Testing
import Vocabulary
import Yams

@Suite struct `Identity's contract` {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources/Services/Identity").standardized

  private static func yaml(_ name: String) throws -> [String: Any] {
    let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    return try #require(try Yams.load(yaml: text) as? [String: Any])
  }

  private static func line<In, Out>(_ operation: Vocabulary.Operation<In, Out>) -> String {
    "\(operation.id) \(operation.method.rawValue) \(operation.path)"
  }

  private static let contract: Set<String> = [
    line(IdentityOperations.getConfiguration), line(IdentityOperations.getJWKS),
    line(IdentityOperations.authorize), line(IdentityOperations.getLogin),
    line(IdentityOperations.login), line(IdentityOperations.consent),
    line(IdentityOperations.getLogout), line(IdentityOperations.logout),
    line(IdentityOperations.token), line(IdentityOperations.revoke),
    line(IdentityOperations.userinfo), line(IdentityOperations.registerClient),
    line(IdentityOperations.createPerson), line(IdentityOperations.rotateSigningKey),
    line(IdentityOperations.listRevocations),
  ]

  @Test func `is the same in Swift, in the document and in the charter`() throws {
    let charter = try #require(try Self.yaml("charter.yaml")["operations"] as? [[String: Any]])
    let declared = try charter.map { operation in
      try ["id", "method", "path"].map { try #require(operation[$0] as? String) }
        .joined(separator: " ")
    }
    #expect(Set(declared) == Self.contract)
    let paths = try #require(try Self.yaml("openapi.yaml")["paths"] as? [String: [String: Any]])
    var documented: Set<String> = []
    for (path, methods) in paths {
      for (method, description) in methods {
        let id = (description as? [String: Any])?["operationId"] as? String
        documented.insert("\(id ?? "") \(method.uppercased()) \(path)")
      }
    }
    #expect(documented == Self.contract)
  }

  @Test func `offers exactly the scopes that the pages can explain`() {
    #expect(Scopes.described.count == Scopes.known.count)
    #expect(Scopes.described.allSatisfy { !$0.text.isEmpty })
  }
}
