import StrictJSON

/// Members and elements that some keyword has looked at, for `unevaluatedProperties` and `unevaluatedItems`. Only kept where a schema
/// asks for it. Marks are appended, so that what a failed branch has marked is cut off again.
struct Seen {
  var isKept = false
  /// Nodes of names, and of elements.
  var nodes: [Int] = []
  /// The whole object or array was looked at.
  var isWhole = false

  struct Mark {
    let count: Int
    let isWhole: Bool
  }

  var mark: Mark { Mark(count: nodes.count, isWhole: isWhole) }

  mutating func back(to mark: Mark) {
    nodes.removeLast(nodes.count - mark.count)
    isWhole = mark.isWhole
  }

  mutating func add(_ node: Int) { if isKept { nodes.append(node) } }

  mutating func add(_ other: Seen) {
    guard isKept else { return }
    nodes += other.nodes
    isWhole = isWhole || other.isWhole
  }
}

/// One instance held against one schema.
struct Evaluation {
  /// Most schemas inside each other; beyond it the instance is refused.
  static let depthMax = 512

  let schema: SchemaProgram
  let document: JSONDocument
  /// Whether all faults are looked for, or the first ends it.
  private(set) var isTelling: Bool
  private(set) var faults: [SchemaFault] = []
  private var steps = 0
  private var depth = 0
  /// Resources that were entered, the outermost first.
  private var scope: [Int] = []
  private let hasScope: Bool

  init(_ schema: SchemaProgram, _ document: JSONDocument, isTelling: Bool) {
    self.schema = schema
    self.document = document
    self.isTelling = isTelling
    hasScope = !schema.dynamic.isEmpty
  }

  /// Whether a node is as a rule wants it.
  mutating func accepts(_ number: Int, _ node: Int, _ seen: inout Seen) -> Bool {
    let rule = schema.rules[number]
    if let verdict = rule.terms.verdict {
      return verdict || refuse(rule, "", node, "nothing is allowed here")
    }
    steps += 1
    guard steps <= Schema.stepsMax, depth < Self.depthMax else {
      _ = refuse(rule, "", node, "too much to hold against the schema")
      return false
    }
    depth += 1
    let entersResource = hasScope && scope.last != rule.terms.resource
    if entersResource { scope.append(rule.terms.resource) }
    defer {
      depth -= 1
      if entersResource { scope.removeLast() }
    }
    guard rule.terms.unevaluatedItems != nil || rule.terms.unevaluatedProperties != nil else {
      return holds(rule, node, &seen)
    }
    var own = Seen(isKept: true)
    var isHeld = holds(rule, node, &own)
    guard isHeld || isTelling else { return false }
    if !leavesNothing(rule, node, &own) { isHeld = false }
    if isHeld { seen.add(own) }
    return isHeld
  }

  /// A branch whose faults and marks count only where it holds.
  mutating func tries(_ number: Int, _ node: Int, _ seen: inout Seen) -> Bool {
    let (mark, wasTelling) = (seen.mark, isTelling)
    isTelling = false
    let isHeld = accepts(number, node, &seen)
    isTelling = wasTelling
    if !isHeld { seen.back(to: mark) }
    return isHeld
  }

  /// Notes a fault where faults are told, and says false.
  mutating func refuse(
    _ rule: Rule, _ keyword: String, _ node: Int, _ reason: @autoclosure () -> String
  ) -> Bool {
    guard isTelling, faults.count < Schema.faultsMax else { return false }
    let place = SchemaRegistry.text(rule.terms.place) + (keyword.isEmpty ? "" : "/\(keyword)")
    faults.append(
      SchemaFault(pointer: document.pointer(to: node), keyword: place, reason: reason()))
    return false
  }

  /// All keywords but `unevaluated…`, the cheap ones first.
  private mutating func holds(_ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    var isHeld = isOfType(rule, node)
    guard isHeld || isTelling else { return false }
    let kind = document.nodes[node].kind
    switch kind {
    case .integer, .number:
      if let number = rule.terms.number, !holds(number, rule, node) { isHeld = false }
    case .string, .escapedString, .key, .escapedKey:
      if let text = rule.terms.text, !holds(text, rule, node) { isHeld = false }
    case .array:
      if let array = rule.terms.array, !holds(array, rule, node, &seen) { isHeld = false }
    case .object:
      if let object = rule.terms.object, !holds(object, rule, node, &seen) { isHeld = false }
    case .null, .yes, .no: break
    }
    guard isHeld || isTelling else { return false }
    if let constant = rule.terms.constant, !constant.contains(document, node) {
      isHeld = refuse(rule, "const", node, "is not the one value that is allowed")
    }
    if let choices = rule.terms.choices, !choices.contains(document, node) {
      let allowed = choices.spoken
      isHeld = refuse(rule, "enum", node, "is not one of the \(allowed) that are allowed")
    }
    guard isHeld || isTelling else { return false }
    return combines(rule, node, &seen) && isHeld
  }

  private mutating func isOfType(_ rule: Rule, _ node: Int) -> Bool {
    guard let types = rule.terms.types else { return true }
    let isHeld =
      switch document.nodes[node].kind {
      case .null: types.contains(.null)
      case .yes, .no: types.contains(.boolean)
      case .object: types.contains(.object)
      case .array: types.contains(.array)
      case .string, .escapedString, .key, .escapedKey: types.contains(.string)
      case .integer: types.contains(.number) || types.contains(.integer)
      case .number:
        types.contains(.number)
          || (types.contains(.integer) && document.exactNumber(node).isInteger)
      }
    guard !isHeld else { return true }
    let found = document.kindName(node)
    return refuse(rule, "type", node, "must be \(types.spoken), and is \(found)")
  }

  // MARK: Several schemas for one place

  private mutating func combines(_ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    var isHeld = true
    if let reference = rule.terms.reference, !accepts(reference, node, &seen) { isHeld = false }
    if let reference = rule.terms.dynamicReference,
      !accepts(target(reference), node, &seen)
    {
      isHeld = false
    }
    for number in rule.terms.all where isHeld || isTelling {
      if !accepts(number, node, &seen) { isHeld = false }
    }
    guard isHeld || isTelling else { return false }
    if !rule.terms.any.isEmpty, !holdsAny(rule, node, &seen) { isHeld = false }
    if !rule.terms.one.isEmpty, !holdsOne(rule, node, &seen) { isHeld = false }
    if let not = rule.terms.not {
      var other = Seen(isKept: false)
      if tries(not, node, &other) {
        isHeld = refuse(rule, "not", node, "is what the schema excludes")
      }
    }
    if let condition = rule.terms.condition {
      let branch = tries(condition.when, node, &seen) ? condition.then : condition.otherwise
      if let branch, !accepts(branch, node, &seen) { isHeld = false }
    }
    return isHeld
  }

  private func target(_ reference: RuleTerms.DynamicReference) -> Int {
    guard reference.isDynamic, let anchors = schema.dynamic[reference.name] else {
      return reference.first
    }
    return scope.lazy.compactMap { anchors[$0] }.first ?? reference.first
  }

  private mutating func holdsAny(_ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    var isHeld = false
    // All of them are asked where somebody wants to know what they have looked at.
    for number in rule.terms.any where !isHeld || seen.isKept {
      if tries(number, node, &seen) { isHeld = true }
    }
    if !isHeld { tell(rule.terms.any, rule, "anyOf", node) }
    return isHeld
  }

  private mutating func holdsOne(_ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    var held = 0
    for number in rule.terms.one where held < 2 {
      if tries(number, node, &seen) { held += 1 }
    }
    if held == 0 { tell(rule.terms.one, rule, "oneOf", node) }
    if held > 1 {
      return refuse(
        rule, "oneOf", node, "is more than one of the alternatives that exclude each other")
    }
    return held == 1
  }

  /// Tells why no alternative holds: the faults of the one that came nearest, which is the one whose first fault lies deepest.
  private mutating func tell(_ branches: [Int], _ rule: Rule, _ keyword: String, _ node: Int) {
    guard isTelling, faults.count < Schema.faultsMax else { return }
    let before = faults
    var nearest: [SchemaFault] = []
    func depth(_ faults: [SchemaFault]) -> Int {
      faults.first.map { $0.pointer.utf8.count { $0 == UInt8(ascii: "/") } } ?? -1
    }
    for number in branches {
      faults = []
      var other = Seen()
      _ = accepts(number, node, &other)
      if depth(faults) > depth(nearest) { nearest = faults }
    }
    faults = before
    _ = refuse(
      rule, keyword, node, "is none of the \(branches.count) alternatives; the nearest says:")
    faults += nearest.prefix(max(0, Schema.faultsMax - faults.count))
  }

  // MARK: What nothing else has looked at

  private mutating func leavesNothing(_ rule: Rule, _ node: Int, _ seen: inout Seen) -> Bool {
    let nodes = document.nodes
    let isObject = nodes[node].kind == .object
    let keyword = isObject ? "unevaluatedProperties" : "unevaluatedItems"
    guard isObject || nodes[node].kind == .array,
      let rest = isObject ? rule.terms.unevaluatedProperties : rule.terms.unevaluatedItems
    else { return true }
    guard !seen.isWhole else { return true }
    let looked = Set(seen.nodes)
    var isHeld = true
    var child = node + 1
    while child < Int(nodes[node].next), isHeld || isTelling {
      let value = isObject ? child + 1 : child
      if !looked.contains(child) {
        var inner = Seen()
        if schema.rules[rest].terms.verdict == false {
          isHeld = refuse(rule, keyword, value, "is not known to the schema")
        } else if !accepts(rest, value, &inner) {
          isHeld = false
        }
      }
      child = Int(nodes[value].next)
    }
    seen.isWhole = true
    return isHeld
  }
}
