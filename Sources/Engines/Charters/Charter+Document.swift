package import StrictJSON
import Vocabulary

extension Charter {
  /// The charter as it is in force, written by itself: every value as it was understood, defaults included.
  ///
  /// Whoever judges a charter judges this and not the file, of which another reader might make something else: YAML 1.1
  /// takes `0777` for an octal number and `yes` for a truth value. As a charter's text it is the same charter again.
  package var document: JSON {
    let kept = data.map {
      JSON.object(["class": .string($0.name), "sensitivity": .string($0.sensitivity.rawValue)])
    }
    var members: [String: JSON] = [
      "apiVersion": .string(Self.apiVersion), "service": .string(service.description),
      "summary": .string(summary),
    ]
    // A list that is empty is as one that is not there, and some charters may not have it.
    for (name, list) in [
      ("operations", JSON.array(operations.map(\.document))),
      ("calls", .array(calls.map(\.document))),
      ("egress", .array(egress.map(\.document))),
      ("data", .array(kept)), ("secrets", .texts(secrets)),
      ("settings", .array(settings.map(\.document))),
    ] where list != .array([]) { members[name] = list }
    if let port {
      members["port"] = .integer(Int64(port))
      members["limits"] = .object([
        "memory_mib": .integer(Int64(limits.memoryMiB)),
        "open_files": .integer(Int64(limits.openFiles)),
        "connections": .integer(Int64(limits.connections)),
      ])
    }
    if let role { members["role"] = .string(role.rawValue) }
    if store != .default {
      members["store"] = .object([
        "server": .string(store.server.rawValue), "writers": .string(store.writers.rawValue),
      ])
    }
    if let program {
      members["program"] = .object([
        "command": .texts(program.command), "read": .texts(program.readable),
      ])
    }
    return .object(members)
  }
}

extension CharterOperation {
  fileprivate var document: JSON {
    var members: [String: JSON] = [
      "id": .string(id), "method": .string(method.rawValue), "path": .string("\(path)"),
      "callers": .texts(callers.map(\.description).sorted()),
      "body_bytes_max": .integer(Int64(bodyBytesMax)),
      "timeout_ms": .integer(timeout.nanoseconds / 1_000_000),
      "idempotency": .string(idempotency.rawValue), "audit": .string(audit.rawValue),
      "authentication": .string(authentication.rawValue), "answers": .texts(answers.sorted()),
      "caching": .string(caching.rawValue), "when_full": .string(whenFull.rawValue),
    ]
    if !summary.isEmpty { members["summary"] = .string(summary) }
    if let query { members["query"] = .texts(query.sorted()) }
    if isPublic { members["public"] = .bool(true) }
    if !scopes.isEmpty { members["scopes"] = .texts(scopes.map(\.description).sorted()) }
    if let purpose { members["purpose"] = .string(purpose) }
    if !context.isEmpty { members["context"] = .object(context.mapValues { .string($0) }) }
    if !forwards.isEmpty { members["forwards"] = .texts(forwards.map(\.description).sorted()) }
    if let rate {
      members["rate"] = .object([
        "per_second": .integer(Int64(rate.perSecond)), "burst": .integer(Int64(rate.burst)),
      ])
    }
    if let deprecation {
      members["deprecated"] = .object(deprecation.members.mapValues { .string($0) })
    }
    return .object(members)
  }
}

extension CharterCall {
  fileprivate var document: JSON {
    .object([
      "service": .string(service.description), "operations": .texts(operations),
      "delivery": .string(delivery.rawValue),
    ])
  }
}

extension JSON {
  fileprivate static func texts(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
}
