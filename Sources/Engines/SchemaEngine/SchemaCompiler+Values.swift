import Patterns
import StrictJSON

/// What each kind of value is held to (JSON Schema validation 2020-12, §6).
extension SchemaCompiler {
  func types(
    _ value: JSON?, _ place: SchemaRegistry.Place
  ) throws(SchemaError) -> TypeSet? {
    guard let value else { return nil }
    let names = value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? []
    var types: TypeSet = []
    for name in names {
      guard let type = TypeSet.names[name] else {
        throw error(place, "type", "'\(name)' is no type of JSON Schema")
      }
      types.insert(type)
    }
    guard !types.isEmpty else { throw error(place, "type", "must name a type, or a list of them") }
    return types
  }

  private func bound(
    _ members: [String: JSON], _ keyword: String, _ place: SchemaRegistry.Place
  ) throws(SchemaError) -> NumberRule.Bound? {
    guard let value = members[keyword] else { return nil }
    guard value.number != nil else { throw error(place, keyword, "must be a number") }
    let spelling = value.canonicalBytes
    return NumberRule.Bound(
      keyword: keyword, exact: ExactNumber(spelling), whole: value.integer,
      spelling: String(decoding: spelling, as: UTF8.self))
  }

  func number(
    _ members: [String: JSON], _ place: SchemaRegistry.Place
  ) throws(SchemaError) -> NumberRule? {
    let rule = NumberRule(
      least: try bound(members, "minimum", place), most: try bound(members, "maximum", place),
      above: try bound(members, "exclusiveMinimum", place),
      below: try bound(members, "exclusiveMaximum", place),
      step: try bound(members, "multipleOf", place))
    if let step = rule.step, !step.exact.isStep {
      throw error(place, "multipleOf", "must be above zero, with 18 digits at most")
    }
    let all = [rule.least, rule.most, rule.above, rule.below, rule.step]
    return all.allSatisfy { $0 == nil } ? nil : rule
  }

  private func count(
    _ members: [String: JSON], _ keyword: String, _ place: SchemaRegistry.Place
  ) throws(SchemaError) -> Int? {
    guard let value = members[keyword] else { return nil }
    guard let number = value.number, number >= 0, number == number.rounded(), number < 1e15 else {
      throw error(place, keyword, "must be a whole number from 0")
    }
    return Int(number)
  }

  private func pattern(
    _ source: String, _ keyword: String, _ place: SchemaRegistry.Place
  ) throws(SchemaError) -> ECMAPattern {
    do { return try ECMAPattern(source) } catch { throw self.error(place, keyword, error.reason) }
  }

  func text(
    _ members: [String: JSON], _ place: SchemaRegistry.Place, _ dialect: Dialect
  ) throws(SchemaError) -> TextRule? {
    var rule = TextRule()
    if dialect.validates {
      rule.lengthMin = try count(members, "minLength", place)
      rule.lengthMax = try count(members, "maxLength", place)
      if let value = members["pattern"] {
        guard let source = value.string else { throw error(place, "pattern", "must be text") }
        rule.pattern = try pattern(source, "pattern", place)
      }
    }
    if dialect.assertsFormats || formats == .refuse, let name = members["format"]?.string {
      rule.format = Format(rawValue: name)
    }
    let isIdle =
      rule.lengthMin == nil && rule.lengthMax == nil && rule.pattern == nil && rule.format == nil
    return isIdle ? nil : rule
  }

  mutating func array(
    _ members: [String: JSON], _ place: SchemaRegistry.Place, _ dialect: Dialect
  ) throws(SchemaError) -> ArrayRule? {
    var rule = ArrayRule()
    rule.prefix = try list(place, "prefixItems", members["prefixItems"])
    if members["items"] != nil { rule.rest = try inner(place, "items") }
    if members["contains"] != nil { rule.contains = try inner(place, "contains") }
    if dialect.validates {
      rule.countMin = try count(members, "minItems", place)
      rule.countMax = try count(members, "maxItems", place)
      rule.containsMin = try count(members, "minContains", place) ?? 1
      rule.containsMax = try count(members, "maxContains", place)
      rule.isUnique = members["uniqueItems"]?.bool ?? false
    }
    let isIdle =
      rule.prefix.isEmpty && rule.rest == nil && rule.contains == nil && rule.countMin == nil
      && rule.countMax == nil && !rule.isUnique
    return isIdle ? nil : rule
  }

  mutating func object(
    _ members: [String: JSON], _ place: SchemaRegistry.Place, _ dialect: Dialect
  ) throws(SchemaError) -> ObjectRule? {
    var rule = ObjectRule()
    for name in (members["properties"]?.object ?? [:]).keys.sorted() {
      let at = rule.member(name)
      rule.members[at].rule = try inner(place, "properties", name)
    }
    for source in (members["patternProperties"]?.object ?? [:]).keys.sorted() {
      rule.patterns.append(
        (
          try pattern(source, "patternProperties", place),
          try inner(place, "patternProperties", source)
        ))
    }
    if members["additionalProperties"] != nil {
      rule.rest = try inner(place, "additionalProperties")
    }
    if members["propertyNames"] != nil { rule.nameRule = try inner(place, "propertyNames") }
    // 'dependencies' is of an older draft. Without it a schema that has it would refuse nothing by it.
    for keyword in ["dependentSchemas", "dependencies"] {
      for (name, schema) in members[keyword]?.object ?? [:] where schema.array == nil {
        let at = rule.member(name)
        rule.members[at].implies.append(try inner(place, keyword, name))
        rule.asksForMembers = true
      }
    }
    if dialect.validates { try demand(members, place, &rule) }
    let isIdle =
      rule.members.isEmpty && rule.patterns.isEmpty && rule.rest == nil && rule.nameRule == nil
      && rule.countMin == nil && rule.countMax == nil
    return isIdle ? nil : rule
  }

  private func demand(
    _ members: [String: JSON], _ place: SchemaRegistry.Place, _ rule: inout ObjectRule
  ) throws(SchemaError) {
    rule.countMin = try count(members, "minProperties", place)
    rule.countMax = try count(members, "maxProperties", place)
    if let value = members["required"] {
      guard let names = value.array else { throw error(place, "required", "must be a list") }
      for name in names.compactMap(\.string) {
        let at = rule.member(name)
        rule.members[at].isRequired = true
        rule.asksForMembers = true
      }
    }
    for keyword in ["dependentRequired", "dependencies"] {
      for (name, needed) in members[keyword]?.object ?? [:] where needed.array != nil {
        let at = rule.member(name)
        for other in (needed.array ?? []).compactMap(\.string) {
          let there = rule.member(other)
          rule.members[at].needs.append(there)
          rule.asksForMembers = true
        }
      }
    }
  }
}
