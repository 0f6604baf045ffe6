import StrictJSON

/// Where schemas lie within a schema (JSON Schema core 2020-12, §10 and §11). What is in no such place is data, whatever it looks like.
enum Keyword {
  private static let single = [
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
  ]
  private static let lists = ["allOf", "anyOf", "oneOf", "prefixItems"]
  private static let maps = [
    "$defs", "definitions", "dependentSchemas", "patternProperties", "properties",
  ]

  /// All schemas one level below, with the way to them.
  static func subschemas(_ members: [String: JSON]) -> [(path: [String], schema: JSON)] {
    var found: [(path: [String], schema: JSON)] = []
    for name in single {
      if let schema = members[name] { found.append(([name], schema)) }
    }
    for name in lists {
      for (at, schema) in (members[name]?.array ?? []).enumerated() {
        found.append(([name, String(at)], schema))
      }
    }
    for name in maps {
      for (key, schema) in members[name]?.object ?? [:] { found.append(([name, key], schema)) }
    }
    // A schema or, in the same place, a list of names.
    for (key, schema) in members["dependencies"]?.object ?? [:] where schema.array == nil {
      found.append((["dependencies", key], schema))
    }
    return found
  }
}
