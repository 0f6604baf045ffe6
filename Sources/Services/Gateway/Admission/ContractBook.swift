import Charters
package import Chassis
import NIOCore
import OpenAPI
import SchemaEngine
package import StrictJSON
package import Vocabulary
package import WafAPI

/// What the contracts say of each public operation, compiled at start and asked of every request: what no contract names
/// does not go in.
///
/// Identity's pages and OAuth endpoints judge for themselves: a client is told in the words of RFC 6749 §5.2, and items that
/// are not known are ignored there (§3.1).
package struct ContractBook: Sendable {
  /// Most faults that one refusal tells.
  static let toldMax = 8

  /// By the route's index; nil where nothing is asked.
  private let operations: [OpenAPIOperation?]
  /// By the route's index; nil where there is no free text.
  private let texts: [FreeTexts?]

  /// Asks nothing of anybody.
  package init() { (operations, texts) = ([], []) }

  /// - Parameter contracts: an OpenAPI document of each service that has one. A program of somebody else's may have none, and
  ///   then judges its requests itself.
  /// - Throws: `StartFailure` where a contract cannot be compiled, or does not tell of a public operation of its service.
  package init(_ contracts: [ServiceName: JSON], routes: EdgeRoutes) throws(StartFailure) {
    var documents: [ServiceName: OpenAPIDocument] = [:]
    for (service, contract) in contracts {
      do {
        documents[service] = try OpenAPIDocument(contract)
      } catch {
        throw StartFailure(
          "the contract of \(service) has a fault: \(error)",
          hint: "mend Sources/Services/…/openapi.yaml, build, and run `strongroom up` again")
      }
    }
    var operations: [OpenAPIOperation?] = []
    for route in routes.all {
      guard !route.isIdentity, let document = documents[route.service] else {
        operations.append(nil)
        continue
      }
      guard let operation = document.operation(route.operation.id) else {
        throw StartFailure(
          "the contract of \(route.service) does not tell of \(route.operation.id)",
          hint: "each public operation stands in its service's openapi.yaml")
      }
      operations.append(operation)
    }
    self.operations = operations
    texts = zip(routes.all, operations).map { route, operation in
      operation.flatMap {
        FreeTexts($0, takesKey: route.operation.idempotency == .key, content: Self.json)
      }
    }
  }

  /// Whether requests of this operation may hold free text.
  package func hasFreeText(_ route: EdgeRoute) -> Bool {
    texts.indices.contains(route.index) && texts[route.index] != nil
  }

  /// The free texts of a request that the contract names; none where it leaves nothing free.
  /// - Throws: `Problem.malformed` where there are too many.
  package func texts(
    of passage: Passage, _ body: JSONDocument?, to route: EdgeRoute
  ) throws(Problem) -> [Inspection.Text] {
    guard texts.indices.contains(route.index), let texts = texts[route.index] else { return [] }
    return try texts.found(
      path: passage.parameters, target: passage.target, key: passage.head[.idempotencyKey],
      body: body)
  }

  private func operation(_ route: EdgeRoute) -> OpenAPIOperation? {
    operations.indices.contains(route.index) ? operations[route.index] : nil
  }

  /// Holds path and query against the contract.
  /// - Parameters:
  ///   - path: the path's parameters by name.
  ///   - target: path and query as they came.
  /// - Throws: `Problem.malformed` naming the parameter.
  package func check(
    path: [String: String], target: String, of route: EdgeRoute
  ) throws(Problem) {
    guard let operation = operation(route) else { return }
    let query = try QueryString.parse(target)
    if let name = route.operation.refusedQuery(query.keys) {
      throw .malformed("this operation takes no such query item", field: name)
    }
    for parameter in operation.parameters {
      let values: [String: String]
      switch parameter.place {
      case .path: values = path
      case .query: values = query
      // Fields are judged as what they are to the door, and cookies go to identity alone.
      case .header, .cookie: continue
      }
      if let value = values[parameter.name] {
        if let reason = parameter.fault(value) { throw .malformed(reason, field: parameter.name) }
      } else if parameter.isRequired {
        throw .malformed("is missing", field: parameter.name)
      }
    }
  }

  /// Holds content against the contract.
  /// - Parameter body: nil where there is none.
  /// - Throws: `Problem.malformed` with the place of the first fault as its field, and the others in its detail.
  package func check(body: JSONDocument?, of route: EdgeRoute) throws(Problem) {
    guard let operation = operation(route) else { return }
    guard let body else {
      guard !operation.isBodyRequired else { throw .malformed("content is needed") }
      return
    }
    guard let schema = operation.body(Self.json) else {
      throw .malformed("this operation takes no content")
    }
    let faults = schema.faults(body)
    guard let first = faults.first else { return }
    let others = faults.dropFirst().prefix(Self.toldMax - 1).map { fault in
      "; \(fault.pointer.isEmpty ? "the whole" : fault.pointer): \(fault.reason)"
    }
    throw .malformed(
      first.reason + others.joined(), field: first.pointer.isEmpty ? nil : first.pointer)
  }

  /// What in a service's answer is not as its contract says; nil where all is.
  package func fault(of answer: EdgeAnswer, to route: EdgeRoute) -> String? {
    guard let operation = operation(route), let type = answer.value("content-type") else {
      return nil
    }
    guard let schema = operation.answer(answer.status, type) else {
      return "there is no answer with status \(answer.status) and type \(type)"
    }
    guard let body = try? JSONDocument.parse(answer.content.readableBytesView) else {
      return "the content is no JSON"
    }
    return schema.faults(body).first.map { "'\($0.pointer)' \($0.reason)" }
  }

  private static let json = "application/json"
}
