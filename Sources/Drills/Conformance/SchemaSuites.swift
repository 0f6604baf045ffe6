import OpenAPI
import SchemaEngine
import StrictJSON

extension ConformanceSuite {
  private static let limits = JSONLimits(depthMax: 256)
  private static let address = "http://localhost:1234/the-case.json"

  /// The official suite of JSON Schema, draft 2020-12.
  static let jsonschema = ConformanceSuite(
    "jsonschema", "JSON Schema draft 2020-12", folder: "jsonschema"
  ) { folder, told in
    var remotes = SchemaRegistry()
    for name in folder.names(ending: ".json") where name.hasPrefix("remotes/") {
      guard let schema = try folder.json(name) else { continue }
      try remotes.add(schema, at: "http://localhost:1234/\(name.dropFirst("remotes/".count))")
    }
    for name in folder.names(ending: ".json") where name.hasPrefix("tests/draft2020-12/") {
      // The group of formats holds only where a format refuses.
      let formats: SchemaFormats = name.contains("/optional/format/") ? .refuse : .annotate
      for group in try folder.cases(name) {
        try carryOut(group, name, remotes, formats, told)
      }
    }
  }

  private static func carryOut(
    _ group: JSON, _ file: String, _ remotes: SchemaRegistry, _ formats: SchemaFormats,
    _ told: (CaseResult) -> Void
  ) throws {
    let title = "\(file.dropFirst("tests/draft2020-12/".count)) \(try group.text("description"))"
    var schema: Schema?
    var refusal: SchemaError?
    do throws(SchemaError) {
      var registry = remotes
      try registry.add(group["schema"] ?? .null, at: address)
      schema = try Schema(registry, at: address, formats: formats)
    } catch { refusal = error }
    for item in group["tests"]?.array ?? [] {
      let id = "\(title): \(try item.text("description"))"
      let isValid = item["valid"]?.bool ?? false
      guard let schema else {
        let reason = refusal?.description ?? ""
        told(
          reason.contains("/draft2019-09/")
            ? CaseResult(
              id, expected: isValid ? "accepted" : "refused", came: "", verdict: .outOfScope,
              reason: "no draft but 2020-12")
            : CaseResult(
              id, expected: isValid ? "accepted" : "refused", came: "no schema (\(reason))"))
        continue
      }
      let instance = try JSONDocument.parse((item["data"] ?? .null).canonicalBytes, limits: limits)
      let faults = schema.faults(instance)
      // Both ways of asking must say the same.
      let isAccepted = schema.accepts(instance)
      told(
        isAccepted == faults.isEmpty
          ? CaseResult(id, accepts: isValid, accepted: isAccepted, because: faults.first?.reason)
          : CaseResult(id, expected: "one answer", came: "two answers"))
    }
  }

  /// Documents of companies: each must load, and its examples must be as its schemas want them.
  static let openapi = ConformanceSuite(
    "openapi", "OpenAPI 3.1 documents load, and their examples are as their schemas say",
    folder: "openapi"
  ) { folder, told in
    for name in folder.names(ending: ".json") {
      guard let json = try folder.json(name) else { continue }
      let document: OpenAPIDocument
      do throws(SchemaError) {
        document = try OpenAPIDocument(json)
        told(CaseResult(name, expected: "loaded", came: "loaded"))
      } catch {
        told(CaseResult(name, expected: "loaded", came: "\(error)"))
        continue
      }
      // Many answers share an example; it is told once for each thing that is said of it.
      var said: Set<CaseResult> = []
      for example in document.operations.flatMap(\.examples) {
        let result = try held(example, name)
        if said.insert(result).inserted { told(result) }
      }
    }
  }

  /// The collection has no verdicts, and its publishers' examples have faults. What ours says of one is told in words; whether
  /// it is right is for a person: `Docs/conformance.md` has the list.
  private static func held(
    _ example: OpenAPIOperation.Example, _ file: String
  ) throws -> CaseResult {
    let instance = try JSONDocument.parse(example.value.canonicalBytes, limits: limits)
    let id = "\(file) \(example.place)"
    guard let fault = example.schema.faults(instance).first else {
      return CaseResult(id, expected: "accepted", came: "accepted")
    }
    return CaseResult(
      id, expected: "accepted", came: "\(fault.pointer) \(fault.reason)", verdict: .outOfScope,
      reason: "the publisher's example is not as its own schema says")
  }
}
