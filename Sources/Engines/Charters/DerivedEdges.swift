package import Vocabulary

/// The ends of edges that no charter writes by hand, because they follow from what another one says:
///
/// - `public: true` is the door's end: the door is among the operation's callers, and calls it.
/// - `callers: [operator]` is the operator's end: the operator's charter need not repeat the call.
/// - `callers: [every-service]` is the callee's end for every service whose charter declares the call.
///
/// Everywhere else an edge exists only where both ends declare it. What is derived stands in the charters afterwards as if
/// somebody had written it, so that whoever reads them (rules, confinement, the deploy gate) sees what will be in force.
struct DerivedEdges {
  /// Adds them. Ends that are written already stay as they are.
  static func apply(to charters: inout [Charter]) {
    let door = charters.first { $0.role == .door }?.service
    for place in charters.indices {
      let callee = charters[place].service
      for index in charters[place].operations.indices {
        let operation = charters[place].operations[index]
        if operation.isPublic, let door, door != callee {
          charters[place].operations[index].callers.insert(door)
        }
        guard operation.callers.contains(Charter.everyService) else { continue }
        charters[place].operations[index].callers.remove(Charter.everyService)
        let callers = charters.filter {
          $0.port != nil && $0.service != callee && $0.calls(callee, operation.id)
        }
        charters[place].operations[index].callers.formUnion(callers.map(\.service))
      }
    }
    for (index, caller) in charters.enumerated() {
      switch caller.service {
      case door: charters[index].add(called(from: charters, by: caller) { $0.isPublic })
      case Charter.operatorName:
        charters[index].add(called(from: charters, by: caller) { _ in true })
      default: break
      }
    }
  }

  /// What lists the caller and what it does not call yet, a call for each callee.
  private static func called(
    from charters: [Charter], by caller: Charter, where isDerived: (CharterOperation) -> Bool
  ) -> [CharterCall] {
    charters.compactMap { callee in
      guard callee.service != caller.service else { return nil }
      let operations = callee.operations.filter {
        isDerived($0) && $0.callers.contains(caller.service)
          && !caller.calls(callee.service, $0.id)
      }
      guard !operations.isEmpty else { return nil }
      return CharterCall(
        service: callee.service, operations: operations.map(\.id), delivery: .request)
    }
  }
}

extension Charter {
  /// Among an operation's callers: every service that declares the call. No service is named so.
  package static let everyService: ServiceName = "every-service"

  fileprivate mutating func add(_ derived: [CharterCall]) { calls += derived }
}
