package import StrictJSON
import Vocabulary
import Yams

/// The part of a service's OpenAPI document that the outside may read: its public operations, with everything that the
/// door adds to them, and of the components those that they use. Plain JSON, without YAML's aliases, so that every
/// client's tools read it.
package enum PublicContract {
  /// Longest document in bytes, and most values in it, those that aliases repeat counted each time.
  static let bytesMax = 1 << 20
  static let valuesMax = 100_000
  static let depthMax = 30

  /// Why there is none.
  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  /// Nil for a service that has no public operations. All that the gateway's own document tells is public.
  /// - Parameter text: the OpenAPI document, YAML or JSON.
  /// - Throws: `Fault` for a text that is no such document, or lacks a public operation.
  package static func of(_ charter: Charter, text: String) throws(Fault) -> JSON? {
    let isDoor = charter.role == .door
    let ids = Set(charter.operations.filter(\.isPublic).map(\.id))
    guard isDoor || !ids.isEmpty else { return nil }
    guard var document = try json(text).object, let paths = document["paths"]?.object else {
      throw Fault(description: "it has no 'paths'")
    }
    var found: Set<String> = []
    let kept = paths.compactMapValues { item -> JSON? in
      var item = item.object ?? [:]
      for (method, operation) in item {
        guard let id = operation["operationId"]?.string else { continue }
        item[method] =
          isDoor || ids.contains(id)
          ? completed(operation, isDeprecated: charter.operation(id)?.deprecation != nil) : nil
        if ids.contains(id) { found.insert(id) }
      }
      return item.values.contains { $0["operationId"] != nil } ? .object(item) : nil
    }
    if let missing = ids.subtracting(found).sorted().first {
      throw Fault(description: "it does not describe the public operation '\(missing)'")
    }
    document["paths"] = .object(kept)
    document = document.filter { !$0.key.hasPrefix("x-") }
    document["components"] = components(
      document["components"]?.object ?? [:], usedBy: document["paths"] ?? .null)
    return .object(document)
  }

  /// With every answer of the door that the document does not tell by itself.
  private static func completed(_ operation: JSON, isDeprecated: Bool) -> JSON {
    var members = operation.object ?? [:]
    if isDeprecated { members["deprecated"] = true }
    var responses = members["responses"]?.object ?? [:]
    for answer in DoorAnswer.all where responses["\(answer.status)"] == nil {
      responses["\(answer.status)"] = ["$ref": .string("#/components/responses/\(answer.name)")]
    }
    members["responses"] = .object(responses)
    return .object(members)
  }

  /// What the paths lead to, and no more: the schemas of internal operations are nobody's business.
  private static func components(_ all: [String: JSON], usedBy paths: JSON) -> JSON {
    var all = all
    var responses = all["responses"]?.object ?? [:]
    for answer in DoorAnswer.all where responses[answer.name] == nil {
      responses[answer.name] = answer.response
    }
    all["responses"] = .object(responses)
    var schemas = all["schemas"]?.object ?? [:]
    if schemas["Problem"] == nil { schemas["Problem"] = DoorAnswer.problem }
    all["schemas"] = .object(schemas)
    var used: Set<String> = []
    var waiting = references(in: paths)
    while let reference = waiting.popLast() {
      guard used.insert(reference).inserted else { continue }
      let part = JSON.object(["components": .object(all)]).value(at: String(reference.dropFirst()))
      waiting += part.map(references) ?? []
    }
    let kept = all.compactMap { kind, members -> (String, JSON)? in
      guard kind != "securitySchemes" else { return (kind, members) }
      let kept = (members.object ?? [:]).filter { used.contains("#/components/\(kind)/\($0.key)") }
      return kept.isEmpty ? nil : (kind, .object(kept))
    }
    return .object(Dictionary(kept, uniquingKeysWith: { first, _ in first }))
  }

  private static func references(in value: JSON) -> [String] {
    switch value {
    case .object(let members):
      (members["$ref"]?.string.map { [$0] } ?? []) + members.values.flatMap(references)
    case .array(let items): items.flatMap(references)
    case .null, .bool, .integer, .number, .string: []
    }
  }
}

/// From YAML; JSON is a part of it.
extension PublicContract {
  private static func json(_ text: String) throws(Fault) -> JSON {
    guard text.utf8.count <= bytesMax else {
      throw Fault(description: "it has more than \(bytesMax) bytes")
    }
    let loaded: Any?
    do {
      // A date is a text in JSON.
      loaded = try Yams.load(yaml: text, .default.removing(.timestamp))
    } catch {
      throw Fault(description: "it is not YAML")
    }
    var left = valuesMax
    guard let value = converted(loaded, &left, depth: 0) else {
      throw Fault(description: "it is larger or deeper than a document of this kind can be")
    }
    return value
  }

  /// Nil beyond a limit, and for what JSON cannot say. `Any` is what Yams gives.
  private static func converted(_ value: Any?, _ left: inout Int, depth: Int) -> JSON? {
    left -= 1
    guard left > 0, depth < depthMax else { return nil }
    switch value {
    case let text as String: return .string(text)
    case let flag as Bool: return .bool(flag)
    case let number as Int: return .integer(Int64(number))
    case let number as Double: return number.isFinite ? .number(number) : nil
    case let items as [Any]:
      var all: [JSON] = []
      for item in items {
        guard let item = converted(item, &left, depth: depth + 1) else { return nil }
        all.append(item)
      }
      return .array(all)
    case let members as [AnyHashable: Any]:
      var all: [String: JSON] = [:]
      for (key, member) in members {
        guard let member = converted(member, &left, depth: depth + 1) else { return nil }
        all["\(key)"] = member
      }
      return .object(all)
    default: return .null
    }
  }
}
