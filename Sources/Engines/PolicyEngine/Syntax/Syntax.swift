/// Where something stands in a policy: file, line and column, both from 1; the column counts
/// Unicode scalars.
package struct Location: Hashable, Sendable, CustomStringConvertible {
  package let file: String
  package let line: Int
  package let column: Int

  package init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  package var description: String { "\(file):\(line):\(column)" }
}

/// A term of Rego's grammar as written, before names are resolved.
struct Term: Sendable {
  indirect enum Kind: Sendable {
    case value(Value)
    /// A name; `_` is a new variable at each place.
    case variable(String)
    /// `head[a][b]`; the operands of `head.a.b` are strings.
    case ref(Term, [Term])
    case call(Term, [Term])
    case array([Term])
    case object([(key: Term, value: Term)])
    case set([Term])
    case arrayComprehension(Term, Body)
    case setComprehension(Term, Body)
    case objectComprehension(key: Term, value: Term, Body)
    /// `$"…{term}…"`: texts and terms in order.
    case template([TemplatePart])
  }
  let kind: Kind
  let location: Location
}

enum TemplatePart: Sendable {
  case text(String)
  case expression(Expression)
}

typealias Body = [Expression]

/// One line of a body.
struct Expression: Sendable {
  indirect enum Kind: Sendable {
    case term(Term)
    /// `left := right`.
    case assign(Term, Term)
    /// `left = right`.
    case unify(Term, Term)
    /// `some x, y`.
    case declare([Term])
    /// `some value in domain`, `some key, value in domain`.
    case someIn(key: Term?, value: Term, domain: Term)
    case every(key: Term?, value: Term, domain: Term, Body)
  }
  var kind: Kind
  let location: Location
  var isNegated = false
  var withs: [With] = []
}

/// `with target as value`.
struct With: Sendable {
  let target: Term
  let value: Term
}

/// A rule as written.
struct RuleSyntax: Sendable {
  let location: Location
  let isDefault: Bool
  /// `a.b[x]` before arguments, `contains`, value and body; at least one term, the first a name.
  let head: [Term]
  /// Nil unless a function.
  let arguments: [Term]?
  /// `contains key`.
  let member: Term?
  /// Nil where the source leaves it out: then `true`.
  let value: Term?
  let body: Body
  /// The `else` branches, in order.
  let alternatives: [Alternative]
  /// The metadata blocks before it, in order.
  var annotations: [Annotations] = []

  /// Nil unless a function: `x() := 1` is a rule without arguments.
  var functionArguments: [Term]? { arguments.flatMap { $0.isEmpty ? nil : $0 } }

  struct Alternative: Sendable {
    let location: Location
    let value: Term?
    let body: Body
  }
}

struct ImportSyntax: Sendable {
  let path: [String]
  let alias: String?
  let location: Location

  /// The name it binds.
  var name: String { alias ?? path.last ?? "" }
}

/// One file.
struct Module: Sendable {
  let file: String
  /// With `data` in front.
  let package: [String]
  let packageLocation: Location
  let imports: [ImportSyntax]
  let rules: [RuleSyntax]
  /// The metadata blocks before `package`.
  let annotations: [Annotations]
}

/// Why a policy was refused, at one place, in OPA's words and codes.
package struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// `rego_parse_error`, `rego_compile_error`, `rego_unsafe_var_error`, `rego_type_error`,
  /// `rego_recursion_error`; and while evaluating `eval_conflict_error`, `eval_type_error`,
  /// `eval_builtin_error`, `eval_budget_error`, `eval_with_merge_error`.
  package let code: String
  package let message: String
  package let location: Location?
  /// What is there and what would be right, a line each, where types do not fit.
  package let details: [String]

  package init(code: String, message: String, location: Location?, details: [String] = []) {
    self.code = code
    self.message = message
    self.location = location
    self.details = details
  }

  package var description: String {
    let line =
      location.map { "\($0.file):\($0.line): \(code): \(message)" } ?? "\(code): \(message)"
    return ([line] + details).joined(separator: "\n\t")
  }
}

/// Everything that is wrong with a set of policies, at least one error, in source order.
package struct PolicyErrors: Error, Sendable, CustomStringConvertible {
  package let errors: [PolicyError]

  package init(errors: [PolicyError]) { self.errors = errors }

  package var description: String { errors.map(\.description).joined(separator: "\n") }
}
