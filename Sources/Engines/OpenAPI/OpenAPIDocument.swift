package import SchemaEngine
package import StrictJSON
import Vocabulary

/// An OpenAPI 3.1 document, compiled: what each operation takes and answers, as schemas that are asked over bytes.
package struct OpenAPIDocument: Sendable {
  /// In the order of their paths.
  package let operations: [OpenAPIOperation]

  private static let methods = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
  ]

  /// - Parameter formats: whether a `format` refuses.
  /// - Throws: `SchemaError`, where the document is of another version, a reference names nothing, or a schema has a fault.
  package init(_ document: JSON, formats: SchemaFormats = .refuse) throws(SchemaError) {
    guard let version = document["openapi"]?.string, version.hasPrefix("3.1.") else {
      throw SchemaError(place: "#/openapi", reason: "must be a version of OpenAPI 3.1")
    }
    var reader = OpenAPIReader(document)
    var drafts: [OpenAPIReader.Draft] = []
    for path in (document["paths"]?.object ?? [:]).keys.sorted() {
      let (item, pointer) = try reader.found(["paths", path])
      for method in Self.methods where item[method] != nil {
        drafts.append(try reader.operation(method, path, item, pointer + [method]))
      }
    }
    var registry = SchemaRegistry()
    try registry.add(document, at: OpenAPIReader.address)
    let schemas = try Schema.all(registry, at: reader.schemas, formats: formats)
    operations = drafts.map { OpenAPIOperation($0, schemas) }
  }

  /// An operation by its `operationId`.
  package func operation(_ id: String) -> OpenAPIOperation? { operations.first { $0.id == id } }
}

/// Follows references between the parts of a document, and notes which schemas are needed.
struct OpenAPIReader {
  static let address = "openapi:document"
  /// Most references that lead to one another.
  private static let stepsMax = 16

  /// An operation whose schemas have numbers only.
  struct Draft {
    var id: String?
    let method: String
    let path: String
    var parameters: [(OpenAPIParameter.Place, name: String, isRequired: Bool, schema: Int)] = []
    var body: [(type: String, schema: Int)] = []
    var isBodyRequired = false
    var answers: [(status: String, type: String, schema: Int)] = []
    var examples: [(schema: Int, place: String, value: JSON)] = []
  }

  private let document: JSON
  /// URIs of the schemas, by their numbers.
  private(set) var schemas: [String] = []

  init(_ document: JSON) { self.document = document }

  /// What lies at a place, behind references.
  func found(_ path: [String]) throws(SchemaError) -> (JSON, [String]) {
    var (path, steps) = (path, 0)
    while true {
      guard let value = document.value(at: Pointer.text(path)) else {
        throw SchemaError(place: "#\(Pointer.text(path))", reason: "a reference names nothing")
      }
      guard let reference = value["$ref"]?.string else { return (value, path) }
      steps += 1
      guard steps <= Self.stepsMax, reference.hasPrefix("#/") else {
        throw SchemaError(
          place: "#\(Pointer.text(path))",
          reason: "only references within the document are followed")
      }
      path = Pointer.names(reference.dropFirst(2))
    }
  }

  private mutating func schema(_ path: [String]) -> Int {
    // A pointer in a fragment is percent-encoded where a URI asks for it.
    let encoded = path.map { "/" + PercentEncoding.encode(Pointer.escaped($0)) }
    schemas.append("\(Self.address)#\(encoded.joined())")
    return schemas.count - 1
  }

  mutating func operation(
    _ method: String, _ path: String, _ item: JSON, _ place: [String]
  ) throws(SchemaError) -> Draft {
    let operation = item[method] ?? .null
    var draft = Draft(id: operation["operationId"]?.string, method: method.uppercased(), path: path)
    // An operation's parameter goes before the path's of the same name.
    let lists = [(operation, place), (item, Array(place.dropLast()))]
    for (owner, pointer) in lists {
      for at in (owner["parameters"]?.array ?? []).indices {
        try parameter(pointer + ["parameters", String(at)], &draft)
      }
    }
    if operation["requestBody"] != nil {
      let (body, pointer) = try found(place + ["requestBody"])
      draft.isBodyRequired = body["required"]?.bool ?? false
      for (type, number) in try content(body, pointer, &draft) { draft.body.append((type, number)) }
    }
    for status in (operation["responses"]?.object ?? [:]).keys.sorted() {
      let (answer, pointer) = try found(place + ["responses", status])
      for (type, number) in try content(answer, pointer, &draft) {
        draft.answers.append((status, type, number))
      }
    }
    return draft
  }

  private mutating func parameter(_ path: [String], _ draft: inout Draft) throws(SchemaError) {
    let (parameter, pointer) = try found(path)
    guard let name = parameter["name"]?.string,
      let place = parameter["in"]?.string.flatMap(OpenAPIParameter.Place.init)
    else {
      throw SchemaError(
        place: "#\(Pointer.text(pointer))", reason: "a parameter has no name or place")
    }
    guard !draft.parameters.contains(where: { $0.0 == place && $0.name == name }) else { return }
    let isRequired = parameter["required"]?.bool ?? false
    if parameter["schema"] != nil {
      let number = schema(pointer + ["schema"])
      draft.parameters.append((place, name, isRequired, number))
      try examples(parameter, pointer, number, &draft)
    } else {
      for (_, number) in try content(parameter, pointer, &draft) {
        draft.parameters.append((place, name, isRequired, number))
      }
    }
  }

  private mutating func content(
    _ owner: JSON, _ path: [String], _ draft: inout Draft
  ) throws(SchemaError) -> [(String, Int)] {
    var found: [(String, Int)] = []
    for type in (owner["content"]?.object ?? [:]).keys.sorted() {
      let place = path + ["content", type]
      guard let media = owner["content"]?[type], media["schema"] != nil else { continue }
      let number = schema(place + ["schema"])
      found.append((type, number))
      try examples(media, place, number, &draft)
    }
    return found
  }

  private func examples(
    _ owner: JSON, _ path: [String], _ number: Int, _ draft: inout Draft
  ) throws(SchemaError) {
    if let value = owner["example"] {
      draft.examples.append((number, "#\(Pointer.text(path + ["example"]))", value))
    }
    for name in (owner["examples"]?.object ?? [:]).keys.sorted() {
      let (example, pointer) = try found(path + ["examples", name])
      if let value = example["value"] {
        draft.examples.append((number, "#\(Pointer.text(pointer))", value))
      }
    }
  }
}
