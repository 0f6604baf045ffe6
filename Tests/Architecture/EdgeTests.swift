import Charters
import Foundation
import Launcher
import Testing
import Vocabulary
import Yams

/// The charters, the package's rows and the OpenAPI documents are three statements of one thing.
@Suite struct `The edges` {
  /// Calls that Chassis makes for a service, so that its row needs no contract for them.
  static let fabricCalls: Set<String> = [
    "audit.appendRecords", "authority.getSealingKeyring", "authority.reportSealingVersions",
    "authority.listRevocations", "authority.handOverSecrets", "egress.fetch",
  ]

  /// What one service's row and charter say differently.
  static func differences(
    _ service: String, row: Set<String>, calls: [CharterCall],
    isPublic: (CharterCall, String) -> Bool
  ) -> [String] {
    var found: [String] = []
    for call in calls where !row.contains(call.service.description) {
      let own = call.operations.filter {
        !fabricCalls.contains("\(call.service).\($0)") && !isPublic(call, $0)
      }
      if !own.isEmpty {
        found.append(
          "\(service) calls \(call.service).\(own), but its row in Package.swift does not")
      }
    }
    let called = Set(calls.map(\.service.description))
    for callee in row.subtracting(called).sorted() {
      found.append("\(service)'s row in Package.swift calls \(callee), but its charter does not")
    }
    return found
  }

  @Test func `stand alike in charters and Package.swift`() throws {
    let rows = try PackageRows.load()
    let missing = rows.services.filter {
      Checkout.text("Sources/Services/\($0.name)/charter.yaml") == nil
    }
    guard missing.isEmpty else {
      print("skipped: no charter yet for \(missing.map(\.name).joined(separator: ", "))")
      return
    }
    let set = try CharterFolder.load(Checkout.root.path(percentEncoded: false))
    var found: [String] = []
    for (name, calls) in rows.services {
      let service = try #require(ServiceName(name.lowercased()))
      let charter = try #require(set[service], "\(name) has no charter")
      found += Self.differences(name, row: calls, calls: charter.calls) { call, operation in
        charter.role == .door
          && set[call.service]?.operation(operation)?.isPublic == true
      }
    }
    #expect(rows.services.count == set.charters.count - 1)
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func `lead from every service to the revocation feed`() throws {
    let set = try CharterFolder.load(Checkout.root.path(percentEncoded: false))
    let authority = try #require(set.holder(of: .authority))
    let deaf = set.charters.filter { charter in
      charter.port != nil && charter.service != authority
        && !set.mayCall(
          caller: charter.service, service: authority, operation: "listRevocations")
    }
    #expect(deaf.isEmpty, "\(deaf.map(\.service))")
  }

  @Test func `are seen to differ when they do`() throws {
    let text = """
      {apiVersion: strongroom/v1, service: loans, summary: Lends., port: 7120,
       calls: [{service: ledger, operations: [createHold]}, {service: audit, operations: [appendRecords]}],
       limits: {memory_mib: 64, open_files: 64, connections: 8}}
      """
    let calls = try Charter.parse(file: "loans.yaml", text: text).calls
    func found(_ row: Set<String>) -> Int {
      Self.differences("Loans", row: row, calls: calls) { _, _ in false }.count
    }
    #expect(found(["ledger"]) == 0)
    #expect(found([]) == 1)
    #expect(found(["ledger", "risk"]) == 1)
  }

  /// `GET /v1/x → id` of an OpenAPI document; `{path...}` is written `{path}` there.
  static func operations(openapi text: String) throws -> [String: String] {
    var found: [String: String] = [:]
    let document = try #require(try Yams.compose(yaml: text)?["paths"]?.mapping)
    for (path, methods) in document {
      for (method, operation) in methods.mapping ?? [:] {
        guard let id = operation["operationId"]?.string else { continue }
        found["\((method.string ?? "").uppercased()) \(path.string ?? "")"] = id
      }
    }
    return found
  }

  @Test func `are the operations of the OpenAPI documents`() throws {
    var compared = 0
    for name in Checkout.folders(in: "Sources/Services") {
      let folder = "Sources/Services/\(name)"
      guard let document = Checkout.text("\(folder)/openapi.yaml"),
        let text = Checkout.text("\(folder)/charter.yaml")
      else { continue }
      let charter = try Charter.parse(file: "\(folder)/charter.yaml", text: text)
      let declared = Dictionary(
        charter.operations.map {
          let path = $0.path.description.replacing("...}", with: "}")
          return ("\($0.method.rawValue) \(path)", $0.id)
        }, uniquingKeysWith: { first, _ in first })
      let door = ["/.well-known/api-catalog", "/openapi/{service}.json"]
      let implied = Set((["/healthz", "/readyz", "/metrics"] + door).map { "GET \($0)" })
      let written = try Self.operations(openapi: document).filter { !implied.contains($0.key) }
      #expect(written == declared, "\(folder)")
      compared += 1
    }
    print("\(compared) OpenAPI documents compared with their charters")
  }
}
