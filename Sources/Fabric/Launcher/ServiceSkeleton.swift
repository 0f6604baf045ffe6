import AuditAPI
import AuthorityAPI
package import Charters
package import Vocabulary

/// The files of a new service: it builds, runs, answers one operation to the operator, and is
/// refused everything else, because nothing else is declared. Pure: texts in, texts out; nothing is
/// written here.
package struct ServiceSkeleton: Sendable {
  /// Why no skeleton can be made.
  package struct Refusal: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// Files that are changed besides those that are new.
  package static let changedFiles = [
    packageFile, programFile, operatorFile, auditFile, authorityFile,
  ]
  package static let packageFile = "Package.swift"
  /// What runs every service.
  package static let programFile = "Sources/Executables/strongroom-service/main.swift"
  package static let operatorFile = "Charters/operator.yaml"
  /// Who takes every service's records.
  package static let auditFile = charterFile(of: recorder)
  /// Whose revocation feed every service follows.
  package static let authorityFile = charterFile(of: revoker)

  private static let recorder = AuditOperations.appendRecords.service
  private static let revoker = AuthorityOperations.listRevocations.service
  private static func charterFile(of service: ServiceName) -> String {
    "Sources/Services/\(module(of: service))/charter.yaml"
  }
  private static func module(of service: ServiceName) -> String {
    "\(service)".prefix(1).uppercased() + "\(service)".dropFirst()
  }

  /// `loans`.
  package let name: ServiceName
  /// `Loans`: folder, module and type prefix.
  package let module: String
  /// Internal port.
  package let port: Int

  /// - Throws: `Refusal` for a name with a dash (modules are named after services), or one that is
  /// taken.
  package init(_ text: String, among charters: CharterSet) throws(Refusal) {
    guard let name = ServiceName(text), !text.contains("-") else {
      throw Refusal(description: "'\(text)' is not a service's name: [a-z][a-z0-9]*, 31 at most")
    }
    guard charters[name] == nil else {
      throw Refusal(description: "there is a charter for '\(text)' already")
    }
    let taken = Set(charters.charters.compactMap(\.port))
    guard let port = (7_101...7_500).first(where: { !taken.contains($0) }) else {
      throw Refusal(description: "no port from 7101 to 7500 is free")
    }
    self.name = name
    self.port = port
    module = Self.module(of: name)
  }

  private var operation: String { "describe\(module)" }

  /// New files by their path in the checkout.
  package var newFiles: [String: String] {
    let service = "Sources/Services/\(module)"
    return [
      "\(service)/charter.yaml": charter, "\(service)/openapi.yaml": openapi,
      "\(service)/README.md": readme, "\(service)/\(module)Service.swift": code,
      "Sources/Contracts/\(module)API/\(module)Operations.swift": contract,
    ]
  }

  /// The existing files with the new service's rows and edges in them.
  /// - Throws: `Refusal` when a file does not look as it is known here.
  package func changed(_ present: [String: String]) throws(Refusal) -> [String: String] {
    var changed: [String: String] = [:]
    var package = present[Self.packageFile] ?? ""
    try insert(
      ", contract(\"\(module)\"),", over: ",",
      after: "contract(\"\(Self.module(of: Self.recorder))\")", in: &package)
    try insert(
      "  + service(\"\(module)\")\n",
      after: "  + service(\n    \"\(Self.module(of: Self.revoker))\"", isBefore: true, in: &package)
    changed[Self.packageFile] = package
    var program = present[Self.programFile] ?? ""
    try insert(
      "\n  \(module)Service.self,\n]", over: "\n]", after: "let services: [any Service.Type] = [",
      in: &program)
    changed[Self.programFile] = Self.importing(module, in: program)
    let call = "  - service: \(name)\n    operations: [\(operation)]\n"
    var operatorText = present[Self.operatorFile] ?? ""
    if !operatorText.hasSuffix("\n") { operatorText += "\n" }
    changed[Self.operatorFile] = operatorText + call
    var audit = present[Self.auditFile] ?? ""
    try insert(", \(name)]", over: "]", after: "id: appendRecords", in: &audit)
    changed[Self.auditFile] = audit
    var authority = present[Self.authorityFile] ?? ""
    try insert(", \(name)]", over: "]", after: "id: listRevocations", in: &authority)
    changed[Self.authorityFile] = authority
    return changed
  }

  /// Imports stand at the top, in the order of their names.
  private static func importing(_ module: String, in program: String) -> String {
    var lines = program.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let line = "import \(module)"
    let place = lines.firstIndex { !$0.hasPrefix("import ") || $0 > line } ?? 0
    lines.insert(line, at: place)
    return lines.joined(separator: "\n")
  }

  /// Replaces the first `old` after the anchor.
  private func insert(
    _ new: String, over old: String, after anchor: String, in text: inout String
  ) throws(Refusal) {
    guard let start = text.firstRange(of: anchor),
      let place = text[start.upperBound...].firstRange(of: old)
    else { throw Refusal(description: "found no '\(anchor)' to put the new service beside") }
    text.replaceSubrange(place, with: new)
  }

  private func insert(
    _ new: String, after anchor: String, isBefore: Bool, in text: inout String
  ) throws(Refusal) {
    guard let start = text.firstRange(of: anchor) else {
      throw Refusal(description: "found no '\(anchor)' to put the new service beside")
    }
    text.insert(contentsOf: new, at: isBefore ? start.lowerBound : start.upperBound)
  }
}

extension ServiceSkeleton {
  private var charter: String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: What \(name) is for, in one sentence.
    port: \(port)
    operations:
      - id: \(operation)
        method: GET
        path: /v1/\(name)
        summary: What this service is
        callers: [operator]
        body_bytes_max: 0
    calls:
      - {service: \(Self.revoker), operations: [listRevocations]}
      - {service: \(Self.recorder), operations: [appendRecords], delivery: outbox}
    egress: []
    data:
      - {class: outbox, sensitivity: confidential}
    store: {server: allowed}
    secrets: []
    limits: {memory_mib: 128, open_files: 1024, connections: 512}

    """
  }

  private var openapi: String {
    """
    openapi: 3.1.0
    info:
      title: Strongroom \(name)
      version: 0.1.0
      summary: What \(name) is for, in one sentence.
    servers:
      - url: https://127.0.0.1:\(port)
    # What any request may be answered with. One list for all documents: DoorAnswer.swift.
    x-every-request: &every-request
    \(everyAnswer)
    paths:
      /v1/\(name):
        get:
          operationId: \(operation)
          summary: What this service is
          description: For operators, inside the mesh.
          responses:
            <<: *every-request
            "200":
              description: The service
              content:
                application/json:
                  schema: {$ref: "#/components/schemas/Description"}
                  example: {service: \(name), version: 0.1.0}
    components:
      responses:
    \(DoorAnswer.all.map(response).joined(separator: "\n"))
      schemas:
        Problem:
          type: object
          required: [type, title, status, kind]
          properties:
            type: {type: string}
            title: {type: string}
            status: {type: integer}
            kind: {type: string, enum: [\(kinds)]}
            detail: {type: string}
        Description:
          type: object
          additionalProperties: false
          required: [service, version]
          properties:
            service: {type: string}
            version: {type: string}

    """
  }

  /// Six columns in, as the other components.
  private func response(_ answer: DoorAnswer) -> String {
    let fields = answer.field.map { "headers: {\($0.name): {schema: {type: \($0.type)}}}" }
    let lines =
      ["description: '\(answer.meaning)'"] + (fields.map { [$0] } ?? []) + [
        "content: {application/problem+json: {schema: {$ref: '#/components/schemas/Problem'}}}"
      ]
    return "    \(answer.name):\n" + lines.map { "      \($0)" }.joined(separator: "\n")
  }

  private var kinds: String { ProblemKind.allCases.map(\.rawValue).joined(separator: ", ") }

  private var everyAnswer: String {
    DoorAnswer.all.map { "  '\($0.status)': {$ref: '#/components/responses/\($0.name)'}" }
      .joined(separator: "\n")
  }

  private var readme: String {
    """
    # \(module)

    **Owns** nothing yet.
    **Promises** to say what it is.
    **Calls** nothing. Audit: through the outbox.
    **Data classes** outbox (confidential).

    Next: an operation is a line in `charter.yaml` and `openapi.yaml`, a constant in `\(module)API`, and a handler in
    `\(module)Service.swift`. A caller or callee declares the edge at its end too; `./strongroom charter check` tells.

    """
  }

  private var contract: String {
    """
    package import Vocabulary

    /// What the \(name) service promises.
    package enum \(module)Operations {
      /// What the service is, for operators.
      package static let describe = Operation<Nothing, \(module)Description>(
        "\(operation)", of: "\(name)", .get, "/v1/\(name)")
    }

    /// A service about itself.
    package struct \(module)Description: Codable, Hashable, Sendable {
      package let service: ServiceName
      /// By semantic versioning.
      package let version: String

      package init(service: ServiceName, version: String) {
        self.service = service
        self.version = version
      }
    }

    """
  }

  private var code: String {
    """
    package import Chassis
    import \(module)API
    package import Vocabulary

    /// The \(name) service: one handler per operation of its charter.
    package struct \(module)Service: Service {
      package static let name: ServiceName = "\(name)"

      package init(_ context: ServiceContext) async throws {}

      package var operations: [String: Handler] {
        [
          \(module)Operations.describe.id: { _ in
            try .json(200, \(module)Description(service: Self.name, version: Self.version))
          }
        ]
      }
    }

    """
  }
}
