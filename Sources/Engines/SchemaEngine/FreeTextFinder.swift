import Patterns

/// Finds free text in a schema, before there is any instance: each place is a list of alternatives (`anyOf`, `oneOf`), and each
/// alternative a set of rules that hold together (`allOf`, `$ref`). A place is free where one of its alternatives leaves it free.
struct FreeTextFinder {
  /// Most alternatives of one place, and most places; what has more is taken to be free.
  private static let alternativesMax = 32
  private static let shapesMax = 4_096

  /// No text of these characters does any harm, whoever reads it.
  private static let harmless = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+:")

  private let rules: [Rule]
  private(set) var shapes = [FreeText.unknown]
  private var known: [[[Int]]: Int] = [:]
  private var waiting: [(shape: Int, alternatives: [[Int]])] = []

  init(_ program: SchemaProgram) { rules = program.rules }

  /// The number of the shape of a place for which one of these sets of rules holds.
  mutating func shape(of starts: [[Int]]) -> Int {
    guard let alternatives = expanded(starts), shapes.count < Self.shapesMax else {
      return FreeText.anything
    }
    if let number = known[alternatives] { return number }
    let number = shapes.count
    known[alternatives] = number
    shapes.append(FreeText.Shape())
    waiting.append((number, alternatives))
    return number
  }

  /// Describes all places that were asked for, and those that they lead to.
  mutating func finish() {
    while let (number, alternatives) = waiting.popLast() {
      shapes[number] = described(alternatives)
    }
  }

  /// Whether free text lies at a place or below it.
  func reachesText(_ root: Int) -> Bool {
    var (seen, open) = (Set([root]), [root])
    while let number = open.popLast() {
      let shape = shapes[number]
      // Where any name may stand, the name is free.
      guard !shape.isText, shape.rest == nil else { return true }
      for next in shape.members + [shape.items].compactMap({ $0 }) where seen.insert(next).inserted
      {
        open.append(next)
      }
    }
    return false
  }

  // MARK: alternatives

  /// Each alternative with all rules that follow from it; nil where there are too many.
  private func expanded(_ starts: [[Int]]) -> [[Int]]? {
    var done: Set<[Int]> = []
    var open = starts.map { (rules: Set<Int>(), rest: $0) }
    while var (held, rest) = open.popLast() {
      var branches: [[Int]] = []
      while branches.isEmpty, let number = rest.popLast() {
        guard held.insert(number).inserted else { continue }
        let terms = rules[number].terms
        rest += terms.all + [terms.reference].compactMap { $0 }
        branches = [terms.any, terms.one].filter { !$0.isEmpty }
      }
      guard let first = branches.first else {
        // What never holds is no alternative.
        if !held.contains(where: { rules[$0].terms.verdict == false }) {
          done.insert(held.sorted())
        }
        guard done.count <= Self.alternativesMax else { return nil }
        continue
      }
      // Of a rule with both, 'oneOf' is left out: without it, more is allowed.
      for branch in first { open.append((held, rest + [branch])) }
      guard open.count <= Self.alternativesMax else { return nil }
    }
    return done.sorted { $0.lexicographicallyPrecedes($1) }
  }

  // MARK: one place

  private mutating func described(_ alternatives: [[Int]]) -> FreeText.Shape {
    var shape = FreeText.Shape()
    let terms = alternatives.map { $0.map { rules[$0].terms } }
    shape.isText = terms.contains { allows(.string, $0) && !$0.contains(where: Self.isConfined) }
    let objects = terms.filter { allows(.object, $0) }
    for name in Set(objects.flatMap { $0.flatMap { $0.object?.members.map(\.name) ?? [] } })
      .sorted()
    {
      shape.names.insert(name, shape.members.count)
      shape.members.append(place(objects.map { Self.member(name, $0) }) ?? FreeText.anything)
    }
    shape.rest = place(objects.map(Self.rest))
    shape.items = place(terms.filter { allows(.array, $0) }.map(Self.items))
    return shape
  }

  /// What the alternatives say of one member or element together: nil where none of them allows any.
  private mutating func place(_ said: [Said]) -> Int? {
    var starts: [[Int]] = []
    for one in said {
      switch one {
      case .nothing: return FreeText.anything
      case .rules(let numbers):
        if !numbers.contains(where: { rules[$0].terms.verdict == false }) { starts.append(numbers) }
      }
    }
    return starts.isEmpty ? nil : shape(of: starts)
  }

  /// What the rules that hold together say of a member or an element.
  private enum Said {
    case nothing
    case rules([Int])
  }

  private func allows(_ type: TypeSet, _ terms: [RuleTerms]) -> Bool {
    terms.allSatisfy { $0.types?.contains(type) ?? true }
  }

  private static func isConfined(_ terms: RuleTerms) -> Bool {
    if terms.constant != nil || terms.choices != nil { return true }
    guard let text = terms.text else { return false }
    return text.format?.isConfined == true || text.pattern?.isConfined(to: harmless) == true
  }

  private static func member(_ name: String, _ terms: [RuleTerms]) -> Said {
    var numbers: [Int] = []
    for object in terms.compactMap(\.object) {
      let own = object.members.first { $0.name == name }?.rule
      let matching = object.patterns.filter { $0.pattern.matches(name) }.map(\.rule)
      numbers += matching + [own].compactMap { $0 }
      if own == nil, matching.isEmpty, let rest = object.rest { numbers.append(rest) }
    }
    return numbers.isEmpty ? .nothing : .rules(numbers)
  }

  /// Of members that no rule names. Rules by pattern are not looked into.
  private static func rest(_ terms: [RuleTerms]) -> Said {
    let objects = terms.compactMap(\.object)
    guard objects.allSatisfy(\.patterns.isEmpty) else { return .nothing }
    let numbers = objects.compactMap(\.rest) + terms.compactMap(\.unevaluatedProperties)
    return numbers.isEmpty ? .nothing : .rules(numbers)
  }

  /// Of elements. Where the first ones are told one by one, nothing is said of all.
  private static func items(_ terms: [RuleTerms]) -> Said {
    let arrays = terms.compactMap(\.array)
    let numbers = arrays.compactMap(\.rest)
    return numbers.isEmpty || arrays.contains { !$0.prefix.isEmpty } ? .nothing : .rules(numbers)
  }
}

extension Format {
  /// Whether its grammar has no room for anybody's own words.
  fileprivate var isConfined: Bool {
    switch self {
    case .dateTime, .date, .time, .duration, .hostname, .ipv4, .ipv6, .uuid: true
    case .email, .idnEmail, .idnHostname, .uri, .uriReference, .iri, .iriReference, .uriTemplate,
      .jsonPointer, .relativeJSONPointer, .regex:
      false
    }
  }
}
