package import StrictJSON

/// Whether a `format` that an instance does not have refuses it.
package enum SchemaFormats: Sendable {
  /// It is a remark, as draft 2020-12 has it by default.
  case annotate
  /// It refuses, as an interface wants it.
  case refuse
}

/// A JSON Schema (draft 2020-12), compiled. It is asked over the bytes of an instance: no tree of it is made.
package struct Schema: Sendable {
  /// Most faults that one instance is told of.
  package static let faultsMax = 32
  /// Most schemas that one instance may be held against, so that alternatives within alternatives cannot cost without bound.
  package static let stepsMax = 2_000_000

  let program: SchemaProgram
  let root: Int

  private init(_ program: SchemaProgram, _ root: Int) {
    self.program = program
    self.root = root
  }

  /// Compiles what a URI (with or without a fragment) names.
  /// - Throws: `SchemaError`, where the URI or a reference names nothing, or a keyword has a value that the standard does not allow.
  package init(
    _ registry: SchemaRegistry, at uri: String, formats: SchemaFormats = .annotate
  ) throws(SchemaError) {
    self = try Self.all(registry, at: [uri], formats: formats)[0]
  }

  /// Compiles several at once; what they share is compiled and kept once.
  /// - Throws: `SchemaError` as above, for the first that has a fault.
  package static func all(
    _ registry: SchemaRegistry, at uris: [String], formats: SchemaFormats = .annotate
  ) throws(SchemaError) -> [Schema] {
    var compiler = SchemaCompiler(registry, formats)
    var roots: [Int] = []
    for uri in uris {
      guard let place = registry.find(uri, from: "") else {
        throw SchemaError(place: uri, reason: "there is no such schema")
      }
      roots.append(try compiler.rule(place))
    }
    try compiler.finish()
    let program = SchemaProgram(rules: compiler.rules, dynamic: compiler.dynamic)
    return roots.map { Schema(program, $0) }
  }

  /// Compiles one schema that needs no other documents but the metaschemas.
  /// - Throws: `SchemaError` as above, and where it is against the metaschema itself.
  package init(
    _ schema: JSON, formats: SchemaFormats = .annotate
  ) throws(SchemaError) {
    var registry = SchemaRegistry()
    try registry.add(schema, at: "schema:")
    try registry.check(schema)
    try self.init(registry, at: "schema:", formats: formats)
  }

  /// Whether an instance is as the schema wants it.
  package func accepts(_ document: JSONDocument) -> Bool {
    var evaluation = Evaluation(program, document, isTelling: false)
    var seen = Seen()
    return evaluation.accepts(root, 0, &seen)
  }

  /// All that is wrong with an instance, at most `faultsMax`; none where it is as the schema wants it.
  package func faults(_ document: JSONDocument) -> [SchemaFault] {
    guard !accepts(document) else { return [] }
    var evaluation = Evaluation(program, document, isTelling: true)
    var seen = Seen()
    _ = evaluation.accepts(root, 0, &seen)
    return evaluation.faults
  }
}

/// All rules that some schemas need. A class, since many schemas of one document share it.
final class SchemaProgram: Sendable {
  let rules: [Rule]
  /// Dynamic anchors by name, then by their resource's number.
  let dynamic: [String: [Int: Int]]

  init(rules: [Rule], dynamic: [String: [Int: Int]]) {
    self.rules = rules
    self.dynamic = dynamic
  }
}

extension SchemaRegistry {
  /// Holds a schema against the metaschema.
  /// - Throws: `SchemaError` with the first fault.
  package func check(_ schema: JSON) throws(SchemaError) {
    let metaschema = try Schema(self, at: Metaschema.uri)
    let limits = JSONLimits(bytesMax: 1 << 30, depthMax: 256, valuesMax: 10_000_000)
    do {
      let document = try JSONDocument.parse(schema.canonicalBytes, limits: limits)
      if let fault = metaschema.faults(document).first {
        throw SchemaError(place: "#\(fault.pointer)", reason: fault.reason)
      }
    } catch let error as JSONError {
      throw SchemaError(place: "#\(error.pointer)", reason: error.reason)
    } catch let error as SchemaError {
      throw error
    } catch {
      throw SchemaError(place: "#", reason: "not acceptable")
    }
  }
}
