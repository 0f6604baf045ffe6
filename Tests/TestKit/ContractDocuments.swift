import Foundation
package import Vocabulary
import Yams

/// What a service's charter and its OpenAPI document say that it offers, to compare with its Swift contract. One
/// operation is one line: `id METHOD /path`.
package struct ContractDocuments {
  package let charter: Set<String>
  package let openAPI: Set<String>

  /// - Parameter service: the module's name, for example `Customers`.
  /// - Throws: when a file cannot be read or is not of the expected shape.
  package init(of service: String, source: String = #filePath) throws {
    let checkout = source.components(separatedBy: "/Tests/").first ?? "."
    func yaml(_ name: String) throws -> [String: Any] {
      let file = URL(filePath: "\(checkout)/Sources/Services/\(service)/\(name)")
      let text = try String(contentsOf: file, encoding: .utf8)
      guard let members = try Yams.load(yaml: text) as? [String: Any] else { throw NotAContract() }
      return members
    }
    guard let operations = try yaml("charter.yaml")["operations"] as? [[String: Any]],
      let paths = try yaml("openapi.yaml")["paths"] as? [String: [String: Any]]
    else { throw NotAContract() }
    charter = Set(
      operations.map { operation in
        ["id", "method", "path"].map { operation[$0] as? String ?? "" }.joined(separator: " ")
      })
    openAPI = Set(
      paths.flatMap { path, methods in
        methods.map { method, description in
          let id = (description as? [String: Any])?["operationId"] as? String ?? ""
          return "\(id) \(method.uppercased()) \(path)"
        }
      })
  }

  /// The line of an operation of the Swift contract.
  package static func line<Input, Output>(_ operation: Vocabulary.Operation<Input, Output>)
    -> String
  {
    "\(operation.id) \(operation.method.rawValue) \(operation.path)"
  }

  private struct NotAContract: Error {}
}
