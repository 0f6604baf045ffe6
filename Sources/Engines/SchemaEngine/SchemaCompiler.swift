import StrictJSON

/// Makes rules of schemas. Each schema is compiled once, whoever refers to it.
struct SchemaCompiler {
  /// Most schemas in one program.
  static let rulesMax = 100_000

  let registry: SchemaRegistry
  let formats: SchemaFormats
  private(set) var rules: [Rule] = []
  private var known: [SchemaRegistry.Place: Int] = [:]
  private var resources: [String: Int] = [:]
  private var waiting: [SchemaRegistry.Place] = []
  /// Dynamic anchors by name, then by their resource's number.
  private(set) var dynamic: [String: [Int: Int]] = [:]

  init(_ registry: SchemaRegistry, _ formats: SchemaFormats) {
    self.registry = registry
    self.formats = formats
  }

  /// The number of a schema's rule; the rule itself is made by `finish`.
  mutating func rule(_ place: SchemaRegistry.Place) throws(SchemaError) -> Int {
    if let number = known[place] { return number }
    guard rules.count < Self.rulesMax else {
      throw SchemaError(place: SchemaRegistry.text(place), reason: "too many schemas")
    }
    let number = rules.count
    known[place] = number
    rules.append(Rule(RuleTerms(place: place, resource: resource(place.resource))))
    waiting.append(place)
    return number
  }

  private mutating func resource(_ uri: String) -> Int {
    if let number = resources[uri] { return number }
    resources[uri] = resources.count
    return resources.count - 1
  }

  /// Compiles all that was asked for, and all that it asks for.
  mutating func finish() throws(SchemaError) {
    while let place = waiting.popLast() {
      guard let number = known[place], let schema = registry.schema(place) else { continue }
      rules[number] = Rule(try compiled(schema, place))
    }
  }

  func error(_ place: SchemaRegistry.Place, _ keyword: String, _ reason: String)
    -> SchemaError
  {
    SchemaError(place: SchemaRegistry.text(place) + "/" + keyword, reason: reason)
  }

  /// Schemas that another place holds, by the way to them.
  mutating func inner(_ place: SchemaRegistry.Place, _ path: String...) throws(SchemaError)
    -> Int
  {
    let path = place.path + path
    var resource = place.resource
    let there = SchemaRegistry.Place(document: place.document, path: path, resource: resource)
    if let id = registry.schema(there)?["$id"]?.string {
      resource = ResourceURI(resource).resolving(ResourceURI(id)).withoutFragment.text
    }
    return try rule(
      SchemaRegistry.Place(document: place.document, path: path, resource: resource))
  }

  mutating func list(
    _ place: SchemaRegistry.Place, _ keyword: String, _ value: JSON?
  ) throws(SchemaError) -> [Int] {
    guard let value else { return [] }
    guard let elements = value.array, !elements.isEmpty else {
      throw error(place, keyword, "must be a list of schemas")
    }
    var numbers: [Int] = []
    for at in elements.indices { numbers.append(try inner(place, keyword, String(at))) }
    return numbers
  }

  private mutating func compiled(_ schema: JSON, _ place: SchemaRegistry.Place) throws(SchemaError)
    -> RuleTerms
  {
    var rule = RuleTerms(place: place, resource: resource(place.resource))
    if let verdict = schema.bool {
      rule.verdict = verdict
      return rule
    }
    guard let members = schema.object else {
      throw SchemaError(
        place: SchemaRegistry.text(place), reason: "a schema is an object, true or false")
    }
    let dialect = registry.dialect(of: place.resource, above: Dialect())
    try refer(members, place, &rule)
    rule.all = try list(place, "allOf", members["allOf"])
    rule.any = try list(place, "anyOf", members["anyOf"])
    rule.one = try list(place, "oneOf", members["oneOf"])
    if members["not"] != nil { rule.not = try inner(place, "not") }
    if members["if"] != nil {
      rule.condition = RuleTerms.Condition(
        when: try inner(place, "if"),
        then: members["then"] == nil ? nil : try inner(place, "then"),
        otherwise: members["else"] == nil ? nil : try inner(place, "else"))
    }
    if members["unevaluatedItems"] != nil {
      rule.unevaluatedItems = try inner(place, "unevaluatedItems")
    }
    if members["unevaluatedProperties"] != nil {
      rule.unevaluatedProperties = try inner(place, "unevaluatedProperties")
    }
    if dialect.validates {
      rule.types = try types(members["type"], place)
      rule.constant = members["const"].map { Constants([$0]) }
      if let value = members["enum"] {
        guard let values = value.array else { throw error(place, "enum", "must be a list") }
        rule.choices = Constants(values)
      }
      rule.number = try number(members, place)
    }
    rule.text = try text(members, place, dialect)
    rule.array = try array(members, place, dialect)
    rule.object = try object(members, place, dialect)
    return rule
  }

  // MARK: References

  private mutating func refer(
    _ members: [String: JSON], _ place: SchemaRegistry.Place, _ rule: inout RuleTerms
  ) throws(SchemaError) {
    if let value = members["$ref"] {
      rule.reference = try self.rule(try target(value, "$ref", place))
    }
    guard let value = members["$dynamicRef"] else { return }
    let first = try target(value, "$dynamicRef", place)
    let name = value.string.flatMap { ResourceURI($0).fragment } ?? ""
    let isDynamic = registry.schema(first)?["$dynamicAnchor"]?.string == name
    rule.dynamicReference = RuleTerms.DynamicReference(
      name: name, first: try self.rule(first), isDynamic: isDynamic)
    guard isDynamic, dynamic[name] == nil else { return }
    dynamic[name] = [:]
    for (uri, anchor) in registry.dynamicAnchors[name] ?? [:] {
      let target = try self.rule(anchor)
      let number = resource(uri)
      dynamic[name]?[number] = target
    }
  }

  private func target(
    _ value: JSON, _ keyword: String, _ place: SchemaRegistry.Place
  ) throws(SchemaError) -> SchemaRegistry.Place {
    guard let reference = value.string else {
      throw error(place, keyword, "must be the URI of a schema")
    }
    guard let target = registry.find(reference, from: place.resource) else {
      throw error(place, keyword, "there is no schema '\(reference)'; nothing is fetched")
    }
    return target
  }
}
