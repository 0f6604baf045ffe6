import PolicyEngine
import Vocabulary

/// What a policy leaves out of the decision log, or writes something else for (OPA, "Masking
/// Sensitive Data"), and what never stands there at all.
enum DecisionMask {
  private struct Rule {
    /// `input` or `result`, and the names below it.
    let path: [String]
    let pointer: String
    /// Nil: remove.
    let replacement: Value?
  }
  private struct Malformed: Error {}

  /// The line to log; nil where the policy drops it.
  ///
  /// Where `mask` cannot be evaluated, or is no list of places, input and result are left out: a
  /// secret that should have been masked must not stand in a log because the mask was wrong.
  static func line(_ event: DecisionEvent, labels: [(String, Value)], _ store: PolicyStore)
    -> Value?
  {
    let whole = event.value(labels: labels)
    guard case .object(var members) = whole else { return nil }
    if asked("drop", whole, event, store) == .success(.bool(true)) { return nil }
    var erased: [String] = []
    var masked: [String] = []
    switch asked("mask", whole, event, store).flatMap(rules) {
    case .success(let rules):
      for rule in rules {
        guard let changed = apply(rule, to: members) else { continue }
        members = changed
        if rule.replacement == nil {
          erased.append(rule.pointer)
        } else {
          masked.append(rule.pointer)
        }
      }
    case .failure:
      for name in ["input", "result"] where members[name] != nil {
        members[.string(name)] = nil
        erased.append("/\(name)")
      }
      members[.string("mask_error")] = .string(
        "data.system.log.mask could not be evaluated; input and result are left out")
    }
    for name in ["input", "result", "query", "error"] {
      guard let value = members[name] else { continue }
      members[.string(name)] = CredentialScan.without(value, at: "/\(name)", &erased)
    }
    if !erased.isEmpty {
      members[.string("erased")] = .array(erased.map(Value.string))
    }
    if !masked.isEmpty { members[.string("masked")] = .array(masked.map(Value.string)) }
    return .object(members)
  }

  /// `data.system.log.NAME` for an event; nil where it is undefined.
  private static func asked(
    _ name: String, _ whole: Value, _ event: DecisionEvent, _ store: PolicyStore
  ) -> Result<Value?, PolicyError> {
    do {
      let query = try store.queries.entry(
        store.question(["system", "log", name]), store.compiled
      ).entry.query
      let found = try store.compiled.evaluate(
        query,
        EvaluationInput(
          input: whole, data: store.data, nanoseconds: event.at.nanoseconds,
          budget: store.limits.budget))
      return .success(found.bindings.first?["result"])
    } catch let error as PolicyError {
      return .failure(error)
    } catch let errors as PolicyErrors {
      return .failure(errors.errors[0])
    } catch {
      return .failure(
        PolicyError(code: "eval_internal_error", message: "\(error)", location: nil))
    }
  }

  private static func rules(_ value: Value?) -> Result<[Rule], PolicyError> {
    let elements: [Value]
    switch value {
    case nil: elements = []
    case .set(let set)?: elements = set.members
    case .array(let array)?: elements = array
    default: return .failure(nonsense)
    }
    var rules: [Rule] = []
    for element in elements {
      guard let rule = rule(element) else { return .failure(nonsense) }
      rules.append(rule)
    }
    return .success(rules)
  }

  private static let nonsense = PolicyError(
    code: "mask_error", message: "a mask is a set of JSON pointers or operations", location: nil)

  private static func rule(_ value: Value) -> Rule? {
    var pointer: String
    var replacement: Value?
    switch value {
    case .string(let text): pointer = text
    case .object(let members):
      guard case .string(let operation)? = members["op"], case .string(let text)? = members["path"]
      else { return nil }
      pointer = text
      switch operation {
      case "remove": break
      case "upsert": replacement = members["value"] ?? .null
      default: return nil
      }
    default: return nil
    }
    guard pointer.hasPrefix("/"), let path = try? PolicyStore.names(pointer),
      path.first == "input" || path.first == "result"
    else { return nil }
    return Rule(path: path, pointer: pointer, replacement: replacement)
  }

  /// Nil where the rule finds nothing to do.
  private static func apply(_ rule: Rule, to members: ObjectValue) -> ObjectValue? {
    guard let document = members[rule.path[0]] else { return nil }
    var changed = members
    if rule.path.count == 1 {
      changed[.string(rule.path[0])] = rule.replacement
      return changed
    }
    guard let inner = document.masked(rule.path.dropFirst(), rule.replacement) else { return nil }
    changed[.string(rule.path[0])] = inner
    return changed
  }
}

extension Value {
  /// Nil where there is nothing at the path; an element of an array becomes null, so that the
  /// others keep their places.
  fileprivate func masked(_ path: ArraySlice<String>, _ replacement: Value?) -> Value? {
    guard let name = path.first else { return replacement }
    let rest = path.dropFirst()
    switch self {
    case .object(var object):
      let child = object[name]
      if rest.isEmpty {
        guard child != nil || replacement != nil else { return nil }
        object[.string(name)] = replacement
        return .object(object)
      }
      guard let child = child ?? (replacement == nil ? nil : .object(.empty)),
        let inner = child.masked(rest, replacement)
      else { return nil }
      object[.string(name)] = inner
      return .object(object)
    case .array(var elements):
      guard let place = Int(name), elements.indices.contains(place) else { return nil }
      guard
        let inner = rest.isEmpty ? replacement ?? .null : elements[place].masked(rest, replacement)
      else { return nil }
      elements[place] = inner
      return .array(elements)
    case .null, .bool, .number, .string, .set: return nil
    }
  }
}
