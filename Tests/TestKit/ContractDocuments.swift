import Foundation
package import Vocabulary
import Yams

/// What a service's charter and its OpenAPI document say that it offers, to compare with its Swift contract. One
/// operation is one line: `id METHOD /path`.
package struct ContractDocuments {
  package let charter: Set<String>
  package let openAPI: Set<String>
  /// Operations whose charter takes other query items than its document names, one line each. Those that take any are left
  /// out: their protocol says what they know.
  package let queryDifferences: [String]

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
    let components = try yaml("openapi.yaml")["components"] as? [String: Any]
    let shared = components?["parameters"] as? [String: [String: Any]] ?? [:]
    var documented: [String: Set<String>] = [:]
    for description in paths.values.flatMap(\.values) {
      guard let members = description as? [String: Any], let id = members["operationId"] as? String
      else { continue }
      let parameters = members["parameters"] as? [[String: Any]] ?? []
      let resolved = parameters.compactMap { parameter -> [String: Any]? in
        guard let reference = parameter["$ref"] as? String else { return parameter }
        return shared[reference.components(separatedBy: "/").last ?? ""]
      }
      documented[id] = Set(
        resolved.filter { $0["in"] as? String == "query" }.compactMap { $0["name"] as? String })
    }
    queryDifferences = operations.compactMap { operation in
      let id = operation["id"] as? String ?? ""
      let declared = Set(operation["query"] as? [String] ?? [])
      let named = documented[id] ?? []
      guard !declared.contains("*"), declared != named else { return nil }
      return "\(id): charter \(declared.sorted()), document \(named.sorted())"
    }
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
