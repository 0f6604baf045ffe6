import PolicyEngine

/// A policy of the part of Rego that other engines claim as well, drawn from a seed: rules that use
/// each other, data and input, with terms that mostly have the kind that is asked for. The same
/// seed gives the same policy.
///
/// What the peer has wrong is left out, or drawn in another form: see ``PeerFault``.
package struct PolicyDraw {
  enum Kind: CaseIterable { case number, text, flag, numbers, texts, set, object }

  /// Most rules of one policy.
  private static let rulesMax = 8
  /// Most terms inside each other.
  private static let depthMax = 3

  private var state: UInt64
  var scope: [(name: String, kind: Kind)] = []
  private var rules: [(name: String, kind: Kind)] = []
  private var variables = 0
  /// Whether rules are used `with` other documents.
  private var isReplacing = false
  /// Whether the term is of a negation or of `every`.
  private var isInside = false

  private let peer: PolicyPeerKind
  package let seed: UInt64
  package private(set) var question = PolicyQuestion(source: "", inputs: [])

  /// - Parameters:
  ///   - inputs: how many input documents.
  ///   - peer: who answers as well. For the real one members of the input are left out often, and
  ///     negations ask for them; regopy decides those otherwise.
  package init(seed: UInt64, inputs count: Int, beside peer: PolicyPeerKind = .regopy) {
    self.seed = seed
    self.peer = peer
    // Neighbouring seeds must not give the same numbers one place further on.
    state = (seed ^ (seed >> 29)) &* 0xbf58_476d_1ce4_e5b9 &+ 1
    isReplacing = chance(50)
    question.data = document(isComplete: true)
    for _ in 0..<count { question.inputs.append(document(isComplete: false)) }
    var lines = ["package p", "", "import rego.v1", ""]
    for number in 0..<(2 + below(Self.rulesMax - 1)) { lines += rule("r\(number)") }
    question.source = lines.joined(separator: "\n") + "\n"
  }

  // MARK: Drawing

  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func one<Element>(_ choices: [Element]) -> Element {
    choices[below(choices.count)]
  }

  // MARK: Documents

  private mutating func scalar(_ kind: Kind) -> Value {
    switch kind {
    case .number: .integer(below(9) - 2)
    case .flag: .bool(chance(50))
    // None goes on with a space where another ends.
    default: .string(one(["a", "b", "ab", "Ab_c", "", "x/y"]))
    }
  }

  private mutating func value(_ kind: Kind) -> Value {
    switch kind {
    case .number, .text, .flag: return scalar(kind)
    case .numbers, .set: return .array((0..<below(4)).map { _ in scalar(.number) })
    case .texts: return .array((0..<below(4)).map { _ in scalar(.text) })
    case .object:
      return .object(
        ObjectValue(
          (0..<below(4)).map { _ in (.string(one(["a", "b", "k"])), scalar(.number)) }))
    }
  }

  /// Input may lack members. None is of another kind: engines differ in which calls are errors then.
  private mutating func document(isComplete: Bool) -> Value {
    var members: [(Value, Value)] = []
    let least = peer == .regopy ? 85 : 55
    for kind in Kind.allCases where kind != .set && (isComplete || chance(least)) {
      members.append((.string(Self.member(kind)), value(kind)))
    }
    return .object(ObjectValue(members))
  }

  private static func member(_ kind: Kind) -> String {
    switch kind {
    case .number: "n"
    case .text: "s"
    case .flag: "f"
    case .numbers, .set: "ns"
    case .texts: "ss"
    case .object: "o"
    }
  }

  // MARK: Rules

  private mutating func rule(_ name: String) -> [String] {
    scope = []
    let kind = one(Kind.allCases)
    defer { rules.append((name, kind)) }
    switch kind {
    case .flag:
      let head = chance(40) ? ["default \(name) := false", ""] : []
      return head + (0...below(2)).flatMap { _ in ["\(name) if {"] + closed(body()) }
    case .set:
      return (0...below(2)).flatMap { _ -> [String] in
        let lines = body()
        // Not every parser tells `contains (` from a call.
        return ["\(name) contains member if {"] + closed(lines + ["member := \(term(.number))"])
      }
    case .object where chance(30):
      // Members of one object, each from a rule of its own.
      return ["\(name).a := \(term(.number))", ""]
        + (0..<below(2)).flatMap { _ in
          ["\(name)[\"k\"] := \(constant(.number)) if {"] + closed(body())
        }
    case .object where chance(60):
      let lines = body() + ["key := \(single(.text))"]
      return ["\(name)[key] := \(single(.number)) if {"] + closed(lines)
    default:
      if chance(15) { return function(name, kind) }
      var lines = chance(40) ? ["default \(name) := \(constant(kind))", ""] : []
      if chance(30) { return lines + ["\(name) := \(term(kind))", ""] }
      let first = body()
      lines += ["\(name) := \(single(kind)) if {"] + first.map { "\t" + $0 }
      guard chance(35) else { return lines + ["}", ""] }
      scope = []
      let second = body()
      return lines + ["} else := \(single(kind)) if {"] + closed(second)
    }
  }

  /// A rule by way of a function of one number.
  private mutating func function(_ name: String, _ kind: Kind) -> [String] {
    let function = "f_\(name)"
    scope = [("arg", .number)]
    let lines = body()
    let head = ["\(function)(arg) := \(single(kind)) if {"] + closed(lines)
    scope = []
    return head + ["\(name) := \(function)(\(term(.number)))", ""]
  }

  private func closed(_ lines: [String]) -> [String] { lines.map { "\t" + $0 } + ["}", ""] }

  private mutating func body() -> [String] {
    scope.removeAll { $0.name != "arg" }
    return (0...below(3)).map { _ in
      let text = line()
      // Not every parser tells a line that begins so from a call of what the line before ends with.
      return text.hasPrefix("(") ? "true; \(text)" : text
    }
  }

  /// A name that the body binds, many times or once.
  private mutating func variable(_ kind: Kind, isMany: Bool = true) -> String {
    variables += 1
    let name = (isMany ? "m" : "x") + "\(variables)"
    scope.append((name, kind))
    return name
  }

  /// The value of a rule that may have but one. Where rules are used with other documents, it comes
  /// from nothing that is bound many times: one engine meets the conflict, and one stops before it.
  private mutating func single(_ kind: Kind) -> String {
    if isReplacing { scope.removeAll { $0.name.hasPrefix("m") } }
    return term(kind)
  }

  /// A name for a comprehension: not every engine lets an inner one hide an outer one.
  private mutating func local() -> String {
    variables += 1
    return "c\(variables)"
  }

  private mutating func line() -> String {
    switch below(14) {
    case 0:
      let domain = collection()
      return "some \(variable(domain.element)) in \(domain.text)"
    case 1:
      let object = term(.object)
      let key = variable(.text)
      return "some \(key), \(variable(.number)) in \(object)"
    case 2:
      let kind = one(Kind.allCases)
      let text = term(kind)
      let isMany = scope.contains { $0.name.hasPrefix("m") && text.contains($0.name) }
      return "\(variable(kind, isMany: isMany)) := \(text)"
    case 3:
      isInside = true
      defer { isInside = false }
      return peer == .regopy ? definite() : "not \(negated())"
    case 4:
      let (list, other) = (reference(.numbers), reference(.number))
      return "\(list)[\(variable(.number))] == \(other)"
    case 5:
      let pair = variable(.numbers)
      scope.removeLast()
      return "\(pair) := [\(term(.number)), \(term(.text))]; count(\(pair)) == 2"
    case 6:
      return "every x in \(term(.numbers)) { \(element("x")) }"
    case 7:
      guard isReplacing, let rule = rules.isEmpty ? nil : one(rules) else { return condition() }
      let with = one([
        "input.n as \(constant(.number))", "data.ns as [\(below(5))]",
        "input.s as \(constant(.text))",
      ])
      return "\(rule.name) == \(term(rule.kind)) with \(with)"
    case 8: return "\(term(.text)) in \(term(.texts))"
    case 9: return "every k, x in \(term(.object)) { k != \(constant(.text)); \(element("x")) }"
    default: return condition()
    }
  }

  /// A condition on one number. It is in no comprehension.
  private mutating func element(_ name: String) -> String {
    isInside = true
    defer { isInside = false }
    return switch below(4) {
    case 0: "\(name) in \(term(.numbers))"
    case 1: "\(name) + 1 != \(below(9))"
    case 2: "\(name) in \(constant(.set))"
    default: "\(name) \(one(["!=", "<", ">="])) \(term(.number))"
    }
  }

  private mutating func collection() -> (text: String, element: Kind) {
    switch below(3) {
    case 0: (term(.numbers), .number)
    case 1: (term(.texts), .text)
    default: (term(.set), .number)
    }
  }

  mutating func condition() -> String {
    let kind = one(Kind.allCases)
    switch below(8) {
    case 0: return term(.flag)
    case 1: return "\(term(.number)) in \(collection().text)"
    case 2: return "startswith(\(term(.text)), \(term(.text)))"
    default:
      let sign = one(
        kind == .number || kind == .text ? ["==", "!=", "<", "<=", ">", ">="] : ["==", "!="])
      return "\(term(kind)) \(sign) \(term(kind))"
    }
  }
}

// MARK: Terms

extension PolicyDraw {
  mutating func constant(_ kind: Kind) -> String {
    switch kind {
    // A line that begins with a minus goes on with the line before.
    case .number: return "\(below(9))"
    case .text, .flag: return scalar(kind).regoText
    case .set: return "{" + (0...below(3)).map { _ in "\(below(9))" }.joined(separator: ", ") + "}"
    default: return value(kind).regoText
    }
  }

  /// A variable, a rule, or a document.
  mutating func reference(_ kind: Kind) -> String {
    let known = scope.filter { $0.kind == kind }
    if !known.isEmpty, chance(45) { return one(known).name }
    let earlier = rules.filter { $0.kind == kind }
    if !earlier.isEmpty, chance(45) { return one(earlier).name }
    if kind == .set {
      let x = local()
      return "{\(x) | some \(x) in \(chance(50) ? "input" : "data").ns}"
    }
    return document(kind)
  }

  private mutating func document(_ kind: Kind) -> String {
    (chance(70) ? "input." : "data.") + Self.member(kind)
  }

  mutating func term(_ kind: Kind, _ depth: Int = 0) -> String {
    guard depth < Self.depthMax, chance(60) else {
      return chance(60) ? reference(kind) : constant(kind)
    }
    func inner(_ kind: Kind) -> String { term(kind, depth + 1) }
    let (x, y, z) = (local(), local(), local())
    switch kind {
    case .number: return number(depth)
    case .text: return text(depth)
    case .flag:
      return one([
        "is_number(\(inner(.number)))", "contains(\(inner(.text)), \(inner(.text)))",
        "endswith(\(inner(.text)), \(inner(.text)))", "is_string(\(reference(.text)))",
        "is_array(\(reference(.numbers)))", "is_object(\(reference(.object)))",
        "regex.match(\"^[ab]+$\", \(inner(.text)))", "glob.match(\"a*\", [], \(inner(.text)))",
        "object.subset(\(inner(.object)), {\"a\": \(inner(.number))})",
        "strings.any_prefix_match(\(inner(.text)), \(inner(.texts)))",
      ])
    case .numbers:
      let list = inner(.numbers)
      return one([
        "[\(inner(.number)), \(inner(.number))]", "array.concat(\(list), \(list))",
        "array.slice(\(list), \(below(3)), \(below(4)))", "array.reverse(\(list))",
        "[\(x) | some \(x) in \(list); \(x) > \(inner(.number))]",
        "numbers.range(\(below(4)), \(below(6)))",
        "[\(y) | some \(x) in \(list); \(y) := \(x) * 2]",
        "[\(x) | some \(x); \(y) := \(list); _ = \(y)[\(x)]]",
        isInside
          ? list
          : "[count(\(y)) | some \(x) in \(list); \(y) := [\(z) | some \(z) in \(list); \(z) > \(x)]]",
      ])
    case .texts:
      return one([
        "[\(inner(.text)), \(inner(.text))]", "split(\(inner(.text)), \"/\")",
        "sort(\(inner(.texts)))", "[lower(\(x)) | some \(x) in \(inner(.texts))]",
        "[\(x) | some \(x) in object.keys(\(document(.object)))]",
        "regex.split(\"[b/]\", \(inner(.text)))",
        "[$\"<{\(x)}>\" | some \(x) in \(inner(.texts))]",
        "[\(x) | some \(x) in \(inner(.texts)); \(x) != \"a\"]",
      ])
    case .set:
      let (left, right) = (inner(.set), inner(.set))
      return one([
        "{\(inner(.number)), \(inner(.number))}", "\(left) | \(right)", "\(left) & \(right)",
        "\(left) - \(right)", "{\(x) | some \(x) in \(inner(.numbers))}",
        "union({\(left), \(right)})",
        "{\(x) | walk(\(inner(.object)), [_, \(x)]); is_number(\(x))}",
        "intersection({\(left), \(right)})",
      ]).parenthesized
    case .object:
      let object = reference(.object)
      return one([
        "{\"a\": \(inner(.number)), \"z\": \(inner(.number))}",
        "object.union(\(inner(.object)), \(inner(.object)))",
        "object.remove(\(inner(.object)), [\"a\"])",
        "object.filter(\(inner(.object)), [\"a\", \"k\"])",
        "{\(x): \(y) | some \(x) in object.keys(\(object)); \(y) := object.get(\(object), \(x), 0) + 1}",
        "{\(x): \(y) | some \(x) in \(inner(.texts)); \(y) := count(\(x))}",
        "json.patch(\(constant(.object)), [{\"op\": \"add\", \"path\": \"/b\", \"value\": \(inner(.number))}])",
      ])
    }
  }

  private mutating func number(_ depth: Int) -> String {
    func inner(_ kind: Kind) -> String { term(kind, depth + 1) }
    let (left, right) = (inner(.number), inner(.number))
    return one([
      "(\(left) + \(right))", "(\(left) - \(right))", "(\(left) * \(right))",
      "(\(document(.number)) % \(1 + below(4)))", "((\(left) * 4) / \(one([1, 2, 4])))",
      "count(\(inner(.texts)))",
      "sum(\(inner(.numbers)))", "count(max(array.concat([\"a\"], \(inner(.texts)))))",
      "count(\(inner(.set)))",
      "product(\(inner(.numbers)))", "count(\(inner(.text)))", "abs(\(left))", "floor(\(left))",
      "ceil(\(left))", "round(\(left))", "indexof(\(inner(.text)), \"b\")",
      "object.get(\(inner(.object)), \"a\", \(right))", "\(reference(.numbers))[\(below(3))]",
      "\(reference(.object)).a", "to_number(\"\(below(50))\")",
      "bits.and(\(below(9)), \(below(9)))",
      "semver.compare(\"1.\(below(3)).0\", \"1.\(below(3)).0\")",
      "count(\(inner(.object)))", "bits.xor(\(below(9)), \(below(9)))",
    ])
  }

  private mutating func text(_ depth: Int) -> String {
    func inner(_ kind: Kind) -> String { term(kind, depth + 1) }
    let (left, right) = (inner(.text), inner(.text))
    return one([
      "lower(\(left))", "upper(\(left))", "concat(\"-\", \(inner(.texts)))",
      "replace(\(left), \"a\", \(right))", "trim(\(left), \"a\")", "trim_prefix(\(left), \"a\")",
      "trim_suffix(\(left), \"b\")", "trim_left(\(left), \" a\")", "trim_right(\(left), \"b \")",
      "format_int(\(below(40)), \(one([10, 16])))",
      "sprintf(\"%s:%d\", [\(document(.text)), count(\(inner(.texts)))])",
      "$\"{\(left)}-{\(below(9))}\"", "base64.encode(\(left))",
      "type_name(\(left))",
      "strings.reverse(\(left))", "trim_space(\(left))",
    ])
  }
}

extension String {
  fileprivate var parenthesized: String { "(\(self))" }
}
