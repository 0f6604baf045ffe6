import Charters
import Foundation
import Gateway
import GatewayAPI
import StrictJSON
import Testing
import Vocabulary
import Yams

@Suite struct `The gateway's papers` {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../..").standardizedFileURL

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
  }

  @Test func `describe the operation that the contract names and the server answers`() async throws
  {
    let document = try #require(
      try Yams.load(yaml: text("Sources/Services/Gateway/openapi.yaml")) as? [String: Any])
    let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
    let operation = GatewayAPI.getHealth
    let described = try #require(paths[operation.path]?[operation.method.rawValue.lowercased()])
    #expect(described["operationId"] as? String == operation.id)
    #expect(
      Set(paths.keys) == [
        operation.path, GatewayAPI.catalogPath,
        GatewayAPI.contractPath(of: "x").replacing("x.", with: "{service}."),
      ])
    let door = try await Door()
    let answer = try await door.ask(
      "\(operation.method.rawValue) \(operation.path) HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.json?["status"]?.string == DoorHealth().status)
    await door.close()
  }

  @Test func `route every public operation of every charter, and nothing else`() throws {
    let services = Self.root.appendingPathComponent("Sources/Services")
    var files = try FileManager.default.contentsOfDirectory(atPath: services.path).compactMap {
      name -> CharterFile? in
      let path = "Sources/Services/\(name)/charter.yaml"
      guard FileManager.default.fileExists(atPath: Self.root.appendingPathComponent(path).path)
      else { return nil }
      return CharterFile(name: path, text: try text(path))
    }
    for name in ["data-classes.yaml", "operator.yaml"] {
      files.append(CharterFile(name: "Charters/\(name)", text: try text("Charters/\(name)")))
    }
    let charters = try CharterSet.load(files)
    let routes = EdgeRoutes(charters, factor: 1)
    for charter in charters.charters {
      for operation in charter.operations {
        let path = operation.path.description.replacing(/\{[a-z_.]+\}/, with: "x")
        let found =
          if case .route(let route, _) = routes.find(operation.method.rawValue, path) {
            route.service == charter.service && route.operation.id == operation.id
          } else { false }
        #expect(found == operation.isPublic, "\(charter.service).\(operation.id)")
      }
    }
    #expect(routes.all.count == charters.publicRoutes.count)
  }

  @Test(arguments: [
    ("GET", "/v1/payments/1", "route"), ("HEAD", "/v1/payments/1", "route"),
    ("HEAD", "/v1/payments", "otherMethods"),
    ("DELETE", "/v1/payments", "otherMethods"), ("OPTIONS", "/v1/payments", "otherMethods"),
    ("GET", "/v1/payments/1/2", "none"), ("GET", "/v1/payments/", "none"), ("HEAD", "/x", "none"),
    ("TRACE", "/v1/payments", "otherMethods"), ("TRACE", "/x", "otherMethods"),
    ("CONNECT", "", "otherMethods"), ("PUT", "/x", "otherMethods"), ("POST", "/x", "none"),
    ("get", "/v1/payments/1", "otherMethods"),
  ])
  func `give each method and path one finding`(
    method: String, path: String, expected: String
  ) throws {
    let routes = EdgeRoutes(try SampleCharters.load(), factor: 1)
    let finding =
      switch routes.find(method, path) {
      case .route: "route"
      case .none: "none"
      case .otherMethods: "otherMethods"
      }
    #expect(finding == expected)
  }
}
