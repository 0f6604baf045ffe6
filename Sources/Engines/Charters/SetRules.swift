import Vocabulary

/// What charters mean to each other.
struct SetRules {
  let charters: [Charter]
  let dataClasses: DataClasses
  private var faults: [CharterFault] = []
  private var byName: [ServiceName: Charter] = [:]

  init(charters: [Charter], dataClasses: DataClasses) {
    self.charters = charters
    self.dataClasses = dataClasses
  }

  /// All faults between the charters. When some file could not be read, `isComplete` is false, and
  /// what may only be an echo of that (an unknown service) is left out.
  mutating func check(isComplete: Bool) -> [CharterFault] {
    checkNamesAndPorts()
    checkRoles()
    for charter in charters {
      checkCalls(of: charter, isComplete: isComplete)
      checkCallers(of: charter, isComplete: isComplete)
      if isComplete { checkData(of: charter) }
    }
    checkPublicRoutes()
    if isComplete {
      checkDoor()
      checkWayOut()
    }
    checkPersonalData()
    checkCycles()
    return faults
  }

  private mutating func add(
    _ kind: CharterFault.Kind, _ charter: Charter, _ path: String, _ message: String,
    hint: String? = nil
  ) {
    faults.append(CharterFault(kind, charter.places[path], message, hint: hint))
  }

  private mutating func checkNamesAndPorts() {
    var ports: [Int: Charter] = [:]
    for charter in charters {
      if let other = byName.updateValue(charter, forKey: charter.service) {
        add(
          .duplicate, charter, "service", "two charters are for '\(charter.service)'",
          hint: "the other is \(other.file)")
      }
      guard let port = charter.port else { continue }
      if let other = ports[port] {
        add(
          .duplicatePort, charter, "port", "port \(port) is taken by '\(other.service)'",
          hint: "a free one is \(freePort())")
      } else {
        ports[port] = charter
      }
    }
  }

  private mutating func checkRoles() {
    var holders: [CharterRole: Charter] = [:]
    for charter in charters {
      guard let role = charter.role else { continue }
      if let other = holders[role] {
        add(
          .duplicate, charter, "role", "the role '\(role.rawValue)' is held by '\(other.service)'",
          hint: "one service has it; a service without a role needs no field")
      } else {
        holders[role] = charter
      }
    }
  }

  /// What is public goes through the door.
  private mutating func checkDoor() {
    guard !charters.contains(where: { $0.role == .door }) else { return }
    for charter in charters {
      for (index, operation) in charter.operations.enumerated() where operation.isPublic {
        add(
          .contradiction, charter, "operations[\(index)].public",
          "'\(operation.id)' is public, but no charter has the role '\(CharterRole.door.rawValue)'",
          hint: "role: door, in the charter of the service that listens to the outside")
      }
    }
  }

  /// Outside one is only by whoever has the role, which asks nobody else.
  private mutating func checkWayOut() {
    let holder = charters.first { $0.role == .outside }
    for charter in charters where !charter.egress.isEmpty {
      guard let holder else {
        add(
          .contradiction, charter, "egress",
          "\(charter.service) names servers outside, but no charter has the role '\(CharterRole.outside.rawValue)'"
        )
        continue
      }
      guard charter.service != holder.service else {
        add(
          .contradiction, charter, "egress",
          "\(charter.service) goes where its callers' charters say",
          hint: "name the server in the charter of the service that needs it")
        continue
      }
      guard !charter.calls.contains(where: { $0.service == holder.service }) else { continue }
      add(
        .contradiction, charter, "egress",
        "\(charter.service) names servers outside, but does not call '\(holder.service)'",
        hint: "the way there is an operation of \(holder.service): name it under 'calls'")
    }
  }

  private func freePort() -> Int {
    let taken = Set(charters.compactMap(\.port))
    // Bounded: a set has at most 256 charters, so one of the next 257 numbers is free.
    return (7_100...7_400).first { !taken.contains($0) } ?? 7_100
  }

  private mutating func checkCalls(of charter: Charter, isComplete: Bool) {
    for (index, call) in charter.calls.enumerated() where call.service != charter.service {
      let path = "calls[\(index)]"
      guard let callee = byName[call.service] else {
        if isComplete {
          let near = nearest(to: call.service.description, among: names(but: charter.service))
          add(
            .unknownService, charter, path + ".service",
            "\(charter.service) calls '\(call.service)', which has no charter",
            hint: near.map { "did you mean '\($0)'?" })
        }
        continue
      }
      for (at, id) in call.operations.enumerated() {
        guard let operation = callee.operation(id) else {
          let near = nearest(to: id, among: callee.operations.map(\.id))
          add(
            .unknownOperation, charter, "\(path).operations[\(at)]",
            "\(call.service) has no operation '\(id)'",
            hint: near.map { "did you mean '\($0)'?" } ?? "its operations are in \(callee.file)")
          continue
        }
        if call.delivery == .outbox {
          checkOutbox(operation, of: call, charter, at: "\(path).operations[\(at)]")
        }
        if !operation.callers.contains(charter.service) {
          add(
            .oneSidedEdge, charter, "\(path).operations[\(at)]",
            "\(charter.service) calls \(call.service).\(id), but \(call.service) does not list it among the callers",
            hint:
              "add '\(charter.service)' to the callers of '\(id)' in \(callee.file), or drop the call"
          )
        }
      }
    }
  }

  /// A message from an outbox comes later, on nobody's behalf, and may come twice; nothing of it is in the path.
  private mutating func checkOutbox(
    _ operation: CharterOperation, of call: CharterCall, _ charter: Charter, at path: String
  ) {
    let name = "\(call.service).\(operation.id)"
    for (isWrong, message, hint) in [
      (
        operation.method == .get || !operation.isRetryable,
        "\(name) may not come twice, and what comes from an outbox may",
        "idempotency: key or natural, in the callee's charter"
      ),
      (
        operation.needsTransactionToken,
        "\(name) needs a transaction token, which lives for seconds; an outbox has none",
        "an operation of its own for what comes from outboxes"
      ),
      (
        !operation.path.parameters.isEmpty,
        "\(name) has parameters in its path, and a message is a body only",
        "put them into the body"
      ),
    ] where isWrong { add(.contradiction, charter, path, message, hint: hint) }
  }

  private mutating func checkCallers(of charter: Charter, isComplete: Bool) {
    for (index, operation) in charter.operations.enumerated() {
      for caller in operation.callers.sorted() where caller != charter.service {
        let path = place(of: caller, in: charter, operations: index)
        guard let other = byName[caller] else {
          if isComplete {
            let near = nearest(to: caller.description, among: names(but: charter.service))
            faults.append(
              CharterFault(
                .unknownService, path, "the caller '\(caller)' of '\(operation.id)' has no charter",
                hint: near.map { "did you mean '\($0)'?" }))
          }
          continue
        }
        let calls = other.calls.contains {
          $0.service == charter.service && $0.operations.contains(operation.id)
        }
        if !calls {
          faults.append(
            CharterFault(
              .oneSidedEdge, path,
              "\(charter.service).\(operation.id) lists the caller '\(caller)', but \(caller) does not declare the call",
              hint:
                "add {service: \(charter.service), operations: [\(operation.id)]} to 'calls' in \(other.file), or drop the caller"
            ))
        }
      }
    }
  }

  private func place(of caller: ServiceName, in charter: Charter, operations index: Int) -> Place {
    charter.places[item: caller.description, of: "operations[\(index)].callers"]
  }

  private func names(but service: ServiceName) -> [String] {
    byName.keys.filter { $0 != service }.map(\.description)
  }
}

// MARK: What is kept, what is open to the outside, and who waits for whom

extension SetRules {
  private mutating func checkData(of charter: Charter) {
    for (index, data) in charter.data.enumerated() {
      let path = "data[\(index)]"
      guard let entry = dataClasses.entries[data.name] else {
        let near = nearest(to: data.name, among: dataClasses.entries.keys)
        add(
          .unlistedDataClass, charter, path + ".class",
          "the data class '\(data.name)' is not in \(DataClasses.fileName)",
          hint: near.map { "did you mean '\($0)'?" } ?? "add it to Charters/\(DataClasses.fileName)"
        )
        continue
      }
      if entry.sensitivity != data.sensitivity {
        add(
          .contradiction, charter, path + ".sensitivity",
          "'\(data.name)' is \(data.sensitivity.rawValue) here and \(entry.sensitivity.rawValue) in \(DataClasses.fileName)"
        )
      }
    }
  }

  /// Sensitive personal data lives in one service only.
  private mutating func checkPersonalData() {
    var keepers: [String: Charter] = [:]
    for charter in charters {
      for (index, data) in charter.data.enumerated() where data.sensitivity == .personal {
        if let keeper = keepers[data.name], keeper.service != charter.service {
          add(
            .contradiction, charter, "data[\(index)]",
            "the personal data '\(data.name)' is kept by '\(keeper.service)' already",
            hint: "hold an opaque reference instead")
        } else {
          keepers[data.name] = charter
        }
      }
    }
  }

  private mutating func checkPublicRoutes() {
    var table = RouteTable<(Charter, CharterOperation)>()
    for charter in charters {
      for (index, operation) in charter.operations.enumerated() where operation.isPublic {
        guard let holder = table.add(operation.method, operation.path, (charter, operation)),
          holder.0.service != charter.service
        else { continue }
        add(
          .duplicateRoute, charter, "operations[\(index)].path",
          "the public route \(operation.method.rawValue) \(operation.path) belongs to \(holder.0.service).\(holder.1.id) already"
        )
      }
    }
  }

  private mutating func checkCycles() {
    for cycle in CallGraph(charters).cycles() {
      guard let first = cycle.first, let charter = byName[first] else { continue }
      let second = cycle.count > 1 ? cycle[1] : first
      let index = charter.calls.firstIndex { $0.service == second && $0.delivery == .request } ?? 0
      let round = (cycle + [first]).map(\.description).joined(separator: " → ")
      add(
        .cycle, charter, "calls[\(index)]", "the calls form a cycle: \(round)",
        hint:
          "services that wait for each other can lock; drop an edge, or say 'delivery: outbox' where the call is only made from the outbox"
      )
    }
  }
}
