import PolicyBundles
package import PolicyEngine
import Vocabulary

/// How much a policy server holds and takes.
package struct PolicyServerLimits: Sendable {
  /// Largest request body, in bytes.
  package var bodyBytesMax = 4 << 20
  package var policiesMax = 1_000
  /// Largest source of one policy, in bytes.
  package var policyBytesMax = 1 << 20
  /// Base documents altogether, in bytes of JSON, roughly.
  package var documentBytesMax = 64 << 20
  /// What one decision may spend.
  package var budget = EvaluationBudget(stepsMax: 3_000_000, bytesMax: 128 << 20)
  /// What one decision may spend on an event loop; past it, it moves to a thread of its own.
  package var quickBudget = EvaluationBudget(stepsMax: 5_000, bytesMax: 4 << 20)
  /// Longest body that is read, and most values that are written, on an event loop.
  package var quickBodyBytesMax = 64 << 10
  package var quickValuesMax = 10_000
  /// Long evaluations and writes that run or wait; more are refused.
  package var longMax = 64

  package init() {}
}

/// A policy, and where it came from.
struct StoredPolicy: Sendable {
  let source: String
  /// The bundle that brought it; nil: a file at the start, or the interface.
  let bundle: String?
}

/// A bundle in force.
struct ActiveBundle: Sendable {
  let revision: String
  /// Paths below `data` that it owns.
  let roots: [[String]]
  let activatedAt: Instant
  /// Why a later one was refused; nil: none was.
  var refusal: String?
}

/// Everything that decisions are made from: policies, base documents, bundles. A value: whoever
/// holds one sees one state, whatever is written meanwhile.
package struct PolicyStore: Sendable {
  let limits: PolicyServerLimits
  private(set) var policies: [String: StoredPolicy] = [:]
  var data = Value.object(.empty)
  var bundles: [String: ActiveBundle] = [:]
  private(set) var compiled: CompiledPolicy
  /// Where each rule stands below `data`.
  private(set) var rulePaths: [[String]] = []
  /// Compiled questions about `compiled`; remembering changes no answer.
  private(set) var queries = QueryCache()

  /// - Parameters:
  ///   - modules: by their ids, such as names of files.
  ///   - data: an object.
  /// - Throws: `PolicyRefusal`.
  package init(
    modules: [(file: String, source: String)] = [], data: Value = .object(.empty),
    limits: PolicyServerLimits = PolicyServerLimits()
  ) throws(PolicyRefusal) {
    self.limits = limits
    do {
      compiled = try CompiledPolicy.compile([])
    } catch {
      throw .modules(error)
    }
    var policies: [String: StoredPolicy] = [:]
    for module in modules {
      policies[module.file] = StoredPolicy(source: module.source, bundle: nil)
    }
    self.data = data
    try replacePolicies(policies)
    try checkDocuments()
  }

  /// Takes other policies if they hold together, or stays as it is.
  mutating func replacePolicies(
    _ changed: [String: StoredPolicy], code: String = "invalid_parameter"
  ) throws(PolicyRefusal) {
    guard changed.count <= limits.policiesMax else {
      throw PolicyRefusal(
        status: 413, code: "too_many_policies",
        message: "more than \(limits.policiesMax) policies are not held")
    }
    let sources = changed.sorted { $0.key < $1.key }.map { (file: $0.key, source: $0.value.source) }
    let compiled: CompiledPolicy
    do {
      compiled = try CompiledPolicy.compile(sources, outside: .onlyReplaced)
    } catch {
      throw .modules(error, code: code)
    }
    let paths = compiled.ruleNames.compactMap(Self.path)
    if let path = Self.conflict(paths, data) {
      let error = PolicyError(
        code: "rego_compile_error", message: "conflicting rule for data path \(path) found",
        location: nil)
      throw .modules(PolicyErrors(errors: [error]), code: code)
    }
    let schemas = compiled.schemaErrors(with: data)
    guard schemas.isEmpty else { throw .modules(PolicyErrors(errors: schemas), code: code) }
    self.compiled = compiled
    rulePaths = paths
    policies = changed
    queries = QueryCache()
  }

  /// The names in `data.a["b c"].d`, without `data`.
  static func path(_ name: String) -> [String]? {
    var names: [String] = []
    var rest = name[...]
    while !rest.isEmpty {
      if rest.hasPrefix("[") {
        // A key that is no plain name is a JSON string in brackets.
        var end = rest.index(after: rest.startIndex)
        var isEscaped = false
        var quotes = 0
        while end < rest.endIndex, quotes < 2 {
          if rest[end] == "\"", !isEscaped { quotes += 1 }
          isEscaped = rest[end] == "\\" && !isEscaped
          end = rest.index(after: end)
        }
        let quoted = rest[rest.index(after: rest.startIndex)..<end]
        guard case .string(let text)? = try? Value.parse(json: quoted.utf8) else { return nil }
        names.append(text)
        rest = rest[end...].dropFirst()
      } else {
        let plain = rest.prefix { $0 != "." && $0 != "[" }
        names.append(String(plain))
        rest = rest.dropFirst(plain.count)
      }
      if rest.hasPrefix(".") { rest = rest.dropFirst() }
    }
    return names.first == "data" ? Array(names.dropFirst()) : nil
  }

  /// The first rule whose place is taken by a base document.
  static func conflict(_ rules: [[String]], _ data: Value) -> String? {
    rules.first { path in
      var value = data
      for name in path {
        guard case .object(let object) = value else { return true }
        guard let next = object[name] else { return false }
        value = next
      }
      return true
    }?.joined(separator: "/")
  }

  func checkDocuments() throws(PolicyRefusal) {
    guard case .object = data else { throw .invalid("the root of data must be an object") }
    if let path = Self.conflict(rulePaths, data) {
      throw .invalid(
        "1 error occurred: rego_compile_error: conflicting rule for data path \(path) found")
    }
    if let error = compiled.schemaErrors(with: data).first {
      throw .invalid("1 error occurred: \(error)")
    }
    // A value is counted as 64 bytes of text.
    guard data.has(atMost: limits.documentBytesMax / 64) else {
      throw PolicyRefusal(
        status: 413, code: "content_too_large",
        message: "base documents beyond \(limits.documentBytesMax) bytes are not held")
    }
  }

  // MARK: Policies

  mutating func putPolicy(_ id: String, source: String) throws(PolicyRefusal) {
    guard source.utf8.count <= limits.policyBytesMax, id.utf8.count <= 1_024 else {
      throw PolicyRefusal(
        status: 413, code: "content_too_large",
        message: "a policy has at most \(limits.policyBytesMax) bytes, its id 1024")
    }
    if let present = policies[id] {
      if present.source == source { return }
      try checkOwner(of: present, id)
    }
    let new = StoredPolicy(source: source, bundle: nil)
    try checkOwner(of: new, id)
    var changed = policies
    changed[id] = new
    try replacePolicies(changed)
  }

  mutating func deletePolicy(_ id: String) throws(PolicyRefusal) {
    guard let present = policies[id] else { throw .missing("policy id \"\(id)\"") }
    try checkOwner(of: present, id)
    var changed = policies
    changed[id] = nil
    try replacePolicies(changed, code: "invalid_operation")
  }

  private func checkOwner(of policy: StoredPolicy, _ id: String) throws(PolicyRefusal) {
    do {
      let name = try CompiledPolicy.packageName(policy.source, file: id)
      try checkOwner(of: Self.path(name) ?? [])
    } catch let error as PolicyRefusal {
      throw error
    } catch let error as PolicyError {
      throw .modules(PolicyErrors(errors: [error]))
    } catch {
      throw .internal("\(error)")
    }
  }

  /// What a bundle owns changes with the bundle only.
  func checkOwner(of path: [String]) throws(PolicyRefusal) {
    for (name, bundle) in bundles.sorted(by: { $0.key < $1.key }) {
      for root in bundle.roots {
        guard !root.isEmpty else { throw .invalid("all paths owned by bundle \"\(name)\"") }
        guard !path.isEmpty else {
          throw .invalid("can't write to document root with bundle roots configured")
        }
        if path.starts(with: root) || root.starts(with: path) {
          throw .invalid("path \(path.joined(separator: "/")) is owned by bundle \"\(name)\"")
        }
      }
    }
  }
}
