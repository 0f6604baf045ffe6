package import Vocabulary

/// The other ends of one service's edges, for a service that is added to a platform from a folder of
/// its own: which services call it, and which operations take it as a caller. Whoever gives the
/// folder to `up` speaks for both ends; in a checkout the other charters say it themselves.
package struct CharterGrants: Sendable {
  /// A file of this name, or `<service>.grants.yaml` in a home.
  package static let fileName = "grants.yaml"

  /// Whose edges these are. A grant always has this service at one end.
  package let service: ServiceName
  /// Callers, with the operations of `service`.
  let calledBy: [Grant]
  /// Callees, with their operations.
  let mayCall: [Grant]
  private let places: Places

  struct Grant: Sendable {
    let path: String
    let service: ServiceName
    let operations: [String]
  }

  /// Whether a file holds grants, by the last part of its path.
  package static func isName(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return name == Substring(fileName) || name.hasSuffix(".\(fileName)")
  }

  /// Throws all faults of the file.
  package static func parse(file: String, text: String) throws(CharterFaults) -> CharterGrants {
    let reader = CharterReader(file: file)
    var grants: CharterGrants?
    if let root = reader.root(text, CharterFields.grants) {
      _ = root.value("apiVersion", expected: "'\(Charter.apiVersion)'") {
        $0 == Charter.apiVersion ? $0 : nil
      }
      let calledBy = read("called_by", of: root)
      let mayCall = read("may_call", of: root)
      if let service = root.value("grants_to", expected: "a service name", ServiceName.init) {
        grants = CharterGrants(
          service: service, calledBy: calledBy, mayCall: mayCall, places: reader.places)
      }
    }
    guard let grants, reader.faults.isEmpty else { throw CharterFaults(reader.faults) }
    return grants
  }

  private static func read(_ name: String, of root: CharterObject) -> [Grant] {
    root.objects(name, CharterFields.grant, max: Charter.callsMax).compactMap { object in
      let operations = object.list(
        "operations", max: Charter.operationsMax, expected: "an operation id", Charter.operationID)
      return object.value("service", expected: "a service name", ServiceName.init).map {
        Grant(path: object.path, service: $0, operations: operations)
      }
    }
  }

  /// Writes the edges into the other charters. A grant that the service's own charter does not ask
  /// for, or that is no edge at all, is a fault of this file and changes nothing.
  func apply(to charters: inout [Charter]) -> [CharterFault] {
    guard let own = charters.first(where: { $0.service == service }) else {
      return [fault(.unknownService, "grants_to", "'\(service)' has no charter")]
    }
    var faults: [CharterFault] = []
    for grant in calledBy {
      guard let index = index(of: grant, in: charters, &faults) else { continue }
      for (at, id) in grant.operations.enumerated() {
        let isAsked = own.operation(id)?.callers.contains(grant.service) == true
        guard isAsked else {
          faults.append(
            fault(
              .oneSidedEdge, "\(grant.path).operations[\(at)]",
              "\(service) has no operation '\(id)' that lists \(grant.service) as a caller"))
          continue
        }
        let call = CharterCall(service: service, operations: [id], delivery: .request)
        guard !charters[index].calls(service, id) else {
          faults.append(twice(grant, at))
          continue
        }
        charters[index].calls.append(call)
      }
    }
    for grant in mayCall {
      guard let index = index(of: grant, in: charters, &faults) else { continue }
      for (at, id) in grant.operations.enumerated() {
        guard own.calls(grant.service, id),
          let operation = charters[index].operations.firstIndex(where: { $0.id == id })
        else {
          faults.append(
            fault(
              .oneSidedEdge, "\(grant.path).operations[\(at)]",
              "\(service) does not call \(grant.service).\(id), or there is no such operation"))
          continue
        }
        if !charters[index].operations[operation].callers.insert(service).inserted {
          faults.append(twice(grant, at))
        }
      }
    }
    return faults
  }

  /// Where the other end stands; a service grants nothing to itself.
  private func index(
    of grant: Grant, in charters: [Charter], _ faults: inout [CharterFault]
  ) -> Int? {
    if grant.service != service,
      let index = charters.firstIndex(where: { $0.service == grant.service })
    {
      return index
    }
    let near = nearest(
      to: grant.service.description, among: charters.map(\.service.description))
    faults.append(
      fault(
        .unknownService, "\(grant.path).service",
        "'\(grant.service)' is no other service with a charter",
        hint: near.map { "did you mean '\($0)'?" }))
    return nil
  }

  private func twice(_ grant: Grant, _ at: Int) -> CharterFault {
    fault(
      .duplicate, "\(grant.path).operations[\(at)]",
      "\(grant.service)'s own charter declares this end already", hint: "drop it here")
  }

  private func fault(
    _ kind: CharterFault.Kind, _ path: String, _ message: String, hint: String? = nil
  ) -> CharterFault {
    CharterFault(kind, places[path], message, hint: hint)
  }
}

extension Charter {
  /// Whether this charter declares the call.
  package func calls(_ callee: ServiceName, _ operation: String) -> Bool {
    calls.contains { $0.service == callee && $0.operations.contains(operation) }
  }
}
