/// A function that the language brings along (OPA policy reference, "Built-in Functions").
struct Builtin: Sendable {
  typealias Run = @Sendable (inout BuiltinContext, [Value]) throws -> Value?

  let name: String
  /// Nil for any number.
  let arity: Int?
  /// What errors call it.
  let shownName: String
  let run: Run

  init(_ name: String, _ arity: Int?, shownName: String? = nil, _ run: @escaping Run) {
    self.name = name
    self.arity = arity
    self.shownName = shownName ?? name
    self.run = run
  }

  private static let volatileNames: Set<String> = [
    "rand.intn", "uuid.rfc4122", "print", "trace", "io.jwt.decode_verify", "io.jwt.encode_sign",
    "io.jwt.encode_sign_raw",
    "crypto.x509.parse_and_verify_certificates",
    "crypto.x509.parse_and_verify_certificates_with_options",
  ]

  /// The result hangs on more than the arguments: time, time zones, the seed or the
  /// system's random numbers; or it writes.
  var isVolatile: Bool { name.hasPrefix("time.") || Self.volatileNames.contains(name) }
}

/// Why a call has no value.
struct BuiltinFailure: Error {
  /// An argument of the wrong type, rather than a wrong value.
  let isType: Bool
  let message: String
  /// The message stands without the builtin's name.
  var isBare = false
  /// It ends the evaluation also where other errors leave a call undefined: it is no fault of what
  /// is decided about, and a rule that refuses would be lost with it.
  var endsEvaluation = false

  static func type(_ message: String) -> BuiltinFailure {
    BuiltinFailure(isType: true, message: message)
  }
  static func value(_ message: String) -> BuiltinFailure {
    BuiltinFailure(isType: false, message: message)
  }
  static func bare(_ message: String) -> BuiltinFailure {
    BuiltinFailure(isType: false, message: message, isBare: true)
  }

  static func unsupported(_ message: String) -> BuiltinFailure {
    BuiltinFailure(isType: false, message: message, endsEvaluation: true)
  }

  /// `operand 2 must be set but got number`, position from 1.
  static func operand(_ position: Int, _ wanted: String, _ got: Value) -> BuiltinFailure {
    .type("operand \(position) must be \(wanted) but got \(got.typeName)")
  }
}

/// What builtins see of the evaluation: the time, the seed, and the budget they draw on.
struct BuiltinContext {
  let nanoseconds: Int64
  let seed: UInt64
  private(set) var stepsLeft: Int
  private(set) var bytesLeft: Int
  /// Patterns compiled by this query.
  var patterns: [String: Pattern] = [:]
  private let timeZones: TimeZones
  /// Zones read by this query.
  private var zones: [String: TimeZoneRules] = [:]

  init(
    nanoseconds: Int64, seed: UInt64, timeZones: TimeZones = .none, budget: EvaluationBudget
  ) {
    self.nanoseconds = nanoseconds
    self.seed = seed
    self.timeZones = timeZones
    stepsLeft = budget.stepsMax
    bytesLeft = budget.bytesMax
  }

  /// Local time is UTC: what the machine is set to must not decide.
  mutating func zone(_ name: String) throws -> TimeZoneRules {
    if ["", "UTC", "Local"].contains(name) { return .utc }
    if let known = zones[name] { return known }
    try charge(1_000)
    guard let rules = timeZones.rules(name) else {
      throw BuiltinFailure.bare("unknown time zone \(name)")
    }
    zones[name] = rules
    return rules
  }

  mutating func charge(_ steps: Int) throws {
    stepsLeft = stepsLeft.subtractingReportingOverflow(steps).partialValue
    if stepsLeft < 0 {
      throw PolicyError(
        code: "eval_budget_error", message: "evaluation takes too many steps", location: nil)
    }
  }

  mutating func allocate(_ bytes: Int) throws {
    bytesLeft = bytesLeft.subtractingReportingOverflow(bytes).partialValue
    if bytesLeft < 0 {
      throw PolicyError(
        code: "eval_budget_error", message: "evaluation takes too much memory", location: nil)
    }
  }
}

extension Value {
  /// Memory of the value without what its members hold.
  var shallowBytes: Int {
    switch self {
    case .null, .bool, .number: 0
    case .string(let text): text.utf8.count
    case .array(let elements): elements.count * 32
    case .set(let set): set.count * 32
    case .object(let object): object.count * 64
    }
  }
}

enum Builtins {
  /// Those that the evaluator runs itself: they write lines, or have many values.
  private static let special: [Builtin] = [
    Builtin("print", nil) { _, _ in .bool(true) }, Builtin("trace", 1) { _, _ in .bool(true) },
    Builtin("walk", 1) { _, _ in nil },
  ]

  /// All builtins by name.
  static let all: [String: Builtin] = Dictionary(
    uniqueKeysWithValues: (special + comparison + numbers + aggregates + collections + strings
      + patterns + types + encoding + times + units + documents + networks + versions + graphs
      + hashes + random + tokens + certificates).map { ($0.name, $0) })

  /// Builtins of OPA that reach outside, with their arity: refused by design.
  static let outside: [String: Int] = [
    "http.send": 1, "net.lookup_ip_addr": 1, "opa.runtime": 0,
  ]
}

/// Reads the arguments of one call, with OPA's words where they are wrong.
struct Arguments {
  let values: [Value]
  init(_ values: [Value]) { self.values = values }

  subscript(_ index: Int) -> Value { values[index] }

  func string(_ index: Int) throws -> String {
    guard case .string(let text) = values[index] else {
      throw BuiltinFailure.operand(index + 1, "string", values[index])
    }
    return text
  }

  func number(_ index: Int) throws -> Number {
    guard case .number(let number) = values[index] else {
      throw BuiltinFailure.operand(index + 1, "number", values[index])
    }
    return number
  }

  /// An integer of any size.
  func integer(_ index: Int) throws -> Number {
    let number = try number(index)
    guard number.isInteger else {
      throw BuiltinFailure.type(
        "operand \(index + 1) must be integer number but got floating-point number")
    }
    return number
  }

  func int(_ index: Int) throws -> Int {
    guard let int = try integer(index).int else {
      throw BuiltinFailure.type("operand \(index + 1) must be an integer of 64 bits")
    }
    return int
  }

  func bool(_ index: Int) throws -> Bool {
    guard case .bool(let flag) = values[index] else {
      throw BuiltinFailure.operand(index + 1, "boolean", values[index])
    }
    return flag
  }

  func array(_ index: Int) throws -> [Value] {
    guard case .array(let elements) = values[index] else {
      throw BuiltinFailure.operand(index + 1, "array", values[index])
    }
    return elements
  }

  func object(_ index: Int) throws -> ObjectValue {
    guard case .object(let object) = values[index] else {
      throw BuiltinFailure.operand(index + 1, "object", values[index])
    }
    return object
  }

  func set(_ index: Int) throws -> SetValue {
    guard case .set(let set) = values[index] else {
      throw BuiltinFailure.operand(index + 1, "set", values[index])
    }
    return set
  }

  /// The members of an array or a set.
  func elements(_ index: Int, wanted: String = "one of {set, array}") throws -> [Value] {
    switch values[index] {
    case .array(let elements): return elements
    case .set(let set): return set.members
    default: throw BuiltinFailure.operand(index + 1, wanted, values[index])
    }
  }

  /// The strings of an array or a set.
  func strings(_ index: Int) throws -> [String] {
    try elements(index).map { element in
      guard case .string(let text) = element else {
        let container = values[index].typeName
        throw BuiltinFailure.type(
          "operand \(index + 1) must be \(container) of strings but got \(container) containing "
            + element.typeName)
      }
      return text
    }
  }
}
