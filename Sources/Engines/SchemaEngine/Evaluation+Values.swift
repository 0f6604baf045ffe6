import Patterns
import StrictJSON

extension Evaluation {
  // MARK: Numbers

  mutating func holds(_ number: NumberRule, _ rule: Rule, _ node: Int) -> Bool {
    let whole = document.nodes[node].kind == .integer ? document.integer(node) : nil
    let exact = document.exactNumber(node)
    /// Whether the instance comes before the bound.
    func isBelow(_ bound: NumberRule.Bound) -> Bool {
      if let whole, let other = bound.whole { return whole < other }
      return exact < bound.exact
    }
    func isAbove(_ bound: NumberRule.Bound) -> Bool {
      if let whole, let other = bound.whole { return whole > other }
      return bound.exact < exact
    }
    var isHeld = true
    if let bound = number.least, isBelow(bound) {
      isHeld = refuse(rule, bound.keyword, node, "is below \(bound.spelling)")
    }
    if let bound = number.most, isAbove(bound) {
      isHeld = refuse(rule, bound.keyword, node, "is above \(bound.spelling)")
    }
    if let bound = number.above, !isAbove(bound) {
      isHeld = refuse(rule, bound.keyword, node, "must be above \(bound.spelling)")
    }
    if let bound = number.below, !isBelow(bound) {
      isHeld = refuse(rule, bound.keyword, node, "must be below \(bound.spelling)")
    }
    if let step = number.step, !exact.isMultiple(of: step.exact) {
      isHeld = refuse(rule, step.keyword, node, "is no multiple of \(step.spelling)")
    }
    return isHeld
  }

  // MARK: Strings

  mutating func holds(_ text: TextRule, _ rule: Rule, _ node: Int) -> Bool {
    let bytes = document.textBytes(node)
    var isHeld = true
    if text.lengthMin != nil || text.lengthMax != nil {
      // Characters are code points: the bytes that begin one.
      let length = bytes.count { $0 & 0xc0 != 0x80 }
      if let least = text.lengthMin, length < least {
        isHeld = refuse(rule, "minLength", node, "is shorter than \(least)")
      }
      if let most = text.lengthMax, length > most {
        return refuse(rule, "maxLength", node, "is longer than \(most)")
      }
    }
    if let pattern = text.pattern, !pattern.matches(bytes) {
      isHeld = refuse(rule, "pattern", node, "is not of the form that the schema asks for")
    }
    if let format = text.format, !format.accepts(bytes) {
      isHeld = refuse(rule, "format", node, "is no \(format.rawValue)")
    }
    return isHeld
  }

  // MARK: Arrays

  mutating func holds(_ array: ArrayRule, _ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    let count = Int(document.nodes[node].end)
    var isHeld = true
    if let least = array.countMin, count < least {
      isHeld = refuse(rule, "minItems", node, "has fewer elements than \(least)")
    }
    if let most = array.countMax, count > most {
      return refuse(rule, "maxItems", node, "has more elements than \(most)")
    }
    guard isHeld || isTelling else { return false }
    var (child, position, contained) = (node + 1, 0, 0)
    while child < Int(document.nodes[node].next), isHeld || isTelling {
      let number = position < array.prefix.count ? array.prefix[position] : array.rest
      if let number {
        var inner = Seen()
        if !accepts(number, child, &inner) { isHeld = false }
        seen.add(child)
      }
      if let contains = array.contains, isContained(contains, child) {
        contained += 1
        seen.add(child)
      }
      child = Int(document.nodes[child].next)
      position += 1
    }
    if array.contains != nil {
      if contained < array.containsMin {
        isHeld = refuse(
          rule, "contains", node,
          "has \(contained) of the elements that it must have, and not \(array.containsMin)")
      }
      if let most = array.containsMax, contained > most {
        isHeld = refuse(rule, "maxContains", node, "has more than \(most) of such elements")
      }
    }
    if array.isUnique, isHeld, !isUnique(node) {
      isHeld = refuse(rule, "uniqueItems", node, "has an element twice")
    }
    return isHeld
  }

  private mutating func isContained(_ number: Int, _ child: Int) -> Bool {
    var inner = Seen()
    return tries(number, child, &inner)
  }

  /// Compared by their canonical spelling (RFC 8785), in which equal values are equal bytes.
  private func isUnique(_ node: Int) -> Bool {
    var found: Set<[UInt8]> = []
    var child = node + 1
    while child < Int(document.nodes[node].next) {
      guard found.insert(document.tree(child).comparable.canonicalBytes).inserted else {
        return false
      }
      child = Int(document.nodes[child].next)
    }
    return true
  }

  // MARK: Objects

  mutating func holds(_ object: ObjectRule, _ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    let count = Int(document.nodes[node].end)
    var isHeld = true
    if let least = object.countMin, count < least {
      isHeld = refuse(rule, "minProperties", node, "has fewer members than \(least)")
    }
    if let most = object.countMax, count > most {
      return refuse(rule, "maxProperties", node, "has more members than \(most)")
    }
    var there = Presence(object.members.count)
    var key = node + 1
    while key < Int(document.nodes[node].next), isHeld || isTelling {
      if !holdsMember(object, rule, key, &there, &seen) { isHeld = false }
      key = Int(document.nodes[key + 1].next)
    }
    guard isHeld || isTelling, object.asksForMembers else { return isHeld }
    for (at, member) in object.members.enumerated() {
      if member.isRequired, !there.contains(at) {
        isHeld = refuse(rule, "required", node, "'\(member.name)' is missing")
      }
      guard there.contains(at) else { continue }
      for needed in member.needs where !there.contains(needed) {
        isHeld = refuse(
          rule, "dependentRequired", node,
          "'\(object.members[needed].name)' is missing, which goes with '\(member.name)'")
      }
      for implied in member.implies where !accepts(implied, node, &seen) { isHeld = false }
    }
    return isHeld
  }

  private mutating func holdsMember(
    _ object: ObjectRule, _ rule: Rule, _ key: Int, _ there: inout Presence, _ seen: inout Seen
  ) -> Bool {
    var (isHeld, isKnown) = (true, false)
    let name = document.textBytes(key)
    if let at = object.names.find(name) {
      there.insert(at)
      if let number = object.members[at].rule {
        isKnown = true
        var inner = Seen()
        if !accepts(number, key + 1, &inner) { isHeld = false }
      }
    }
    for (pattern, number) in object.patterns where pattern.matches(name) {
      isKnown = true
      var inner = Seen()
      if !accepts(number, key + 1, &inner) { isHeld = false }
    }
    if !isKnown, let rest = object.rest {
      isKnown = true
      var inner = Seen()
      if schema.rules[rest].terms.verdict == false {
        isHeld = refuse(rule, "additionalProperties", key + 1, "is not known to the schema")
      } else if !accepts(rest, key + 1, &inner) {
        isHeld = false
      }
    }
    if let names = object.nameRule {
      var inner = Seen()
      if !accepts(names, key, &inner) { isHeld = false }
    }
    if isKnown { seen.add(key) }
    return isHeld
  }
}

/// Which members were found; a word for up to 64 of them.
private struct Presence {
  private var word: UInt64 = 0
  private var more: [Bool]

  init(_ count: Int) { more = count > 64 ? Array(repeating: false, count: count) : [] }

  mutating func insert(_ at: Int) {
    if more.isEmpty { word |= 1 << UInt64(at) } else { more[at] = true }
  }

  func contains(_ at: Int) -> Bool { more.isEmpty ? word >> UInt64(at) & 1 == 1 : more[at] }
}

extension JSON {
  /// With whole doubles as integers, so that 1.0 and 1 are spelled alike.
  fileprivate var comparable: JSON {
    switch self {
    case .number(let value): Int64(exactly: value).map(JSON.integer) ?? self
    case .array(let elements): .array(elements.map(\.comparable))
    case .object(let members): .object(members.mapValues(\.comparable))
    case .null, .bool, .integer, .string: self
    }
  }
}
