/// A set of Rego modules, checked and ready to decide: an immutable value that any number of
/// evaluations may share.
package struct CompiledPolicy: Sendable {
  /// What to do with builtins that reach outside (`http.send`, `net.lookup_ip_addr`,
  /// `opa.runtime` …).
  package enum OutsideBuiltins: Sendable {
    /// A policy that names one is refused.
    case refused
    /// A policy may name one if `with` replaces it, as tests do; calling it is an error.
    case onlyReplaced
  }

  let root: RuleNode
  let groups: [RuleGroup]
  let outside: OutsideBuiltins
  /// Nil where types are not looked at, neither in the policy nor in queries.
  let types: RuleTypes?

  /// Most modules of one policy.
  package static let modulesMax = 10_000

  /// Compiles sources, each with the name that errors call it by.
  /// - Parameters:
  ///   - isStrict: names that nothing uses are errors, too.
  ///   - checksTypes: what can never hold for its types is an error, as OPA has it. Not so for what
  ///     compares engines: another one may only find out while it evaluates.
  /// - Throws: `PolicyErrors` with everything found wrong, in OPA's codes and words.
  package static func compile(
    _ sources: [(file: String, source: String)], outside: OutsideBuiltins = .refused,
    isStrict: Bool = false, checksTypes: Bool = true
  ) throws(PolicyErrors) -> CompiledPolicy {
    guard sources.count <= modulesMax else {
      throw PolicyErrors(errors: [
        PolicyError(
          code: "rego_compile_error", message: "more than \(modulesMax) modules", location: nil)
      ])
    }
    var modules: [Module] = []
    var errors: [PolicyError] = []
    for (file, source) in sources {
      do {
        modules.append(try Parser.module(source, file: file))
      } catch {
        errors.append(error)
      }
    }
    guard errors.isEmpty else { throw PolicyErrors(errors: errors) }
    var compiler = Compiler(outside: outside, checksTypes: checksTypes)
    let policy = try compiler.compile(modules)
    guard isStrict else { return policy }
    errors = modules.flatMap { StrictCheck($0).errors }
    guard errors.isEmpty else { throw PolicyErrors(errors: errors) }
    return policy
  }

  /// The package of a source, with `data.` in front.
  /// - Throws: `PolicyError` where it is no policy.
  package static func packageName(_ source: String, file: String) throws(PolicyError) -> String {
    dottedPath(try Parser.module(source, file: file).package.map(Value.string))
  }

  /// The syntax tree of a source, as `opa parse --format json` writes it, without places.
  /// - Throws: `PolicyError` where it is no policy.
  package static func syntaxTree(_ source: String, file: String) throws(PolicyError) -> Value {
    ModuleDocument.value(of: try Parser.module(source, file: file))
  }

  /// Names of all rules that are no functions, with `data.` in front, sorted.
  package var ruleNames: [String] {
    groups.filter { if case .function = $0.kind { false } else { true } }.map(\.name).sorted()
  }
}
