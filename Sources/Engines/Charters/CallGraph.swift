import Vocabulary

/// Who waits for whom: the edges by request between services. Calls from an outbox are not in it.
struct CallGraph {
  let ports: [ServiceName: Int]
  let callees: [ServiceName: [ServiceName]]

  init(_ charters: [Charter]) {
    let listening = charters.filter { $0.port != nil }
    ports = Dictionary(
      listening.map { ($0.service, $0.port ?? 0) }, uniquingKeysWith: { first, _ in first })
    let known = Set(ports.keys)
    callees = Dictionary(
      listening.map { charter in
        let called = charter.calls.filter { $0.delivery == .request }.map(\.service)
        return (charter.service, Set(called).intersection(known).sorted())
      }, uniquingKeysWith: { first, _ in first })
  }

  /// At least one cycle of every knot, each once, beginning with its smallest name: `[audit,
  /// authority]` means audit → authority → audit.
  func cycles() -> [[ServiceName]] {
    var found: Set<[ServiceName]> = []
    var done: Set<ServiceName> = []
    for start in callees.keys.sorted() where !done.contains(start) {
      var path: [ServiceName] = []
      walk(start, &path, &done, &found)
    }
    return found.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private func walk(
    _ service: ServiceName, _ path: inout [ServiceName], _ done: inout Set<ServiceName>,
    _ found: inout Set<[ServiceName]>
  ) {
    if let index = path.firstIndex(of: service) {
      let cycle = Array(path[index...])
      let smallest = cycle.indices.min { cycle[$0] < cycle[$1] } ?? 0
      found.insert(Array(cycle[smallest...] + cycle[..<smallest]))
      return
    }
    guard !done.contains(service) else { return }
    path.append(service)
    for callee in callees[service] ?? [] { walk(callee, &path, &done, &found) }
    path.removeLast()
    done.insert(service)
  }

  /// Callees before callers, the smallest port first among those that are free to start. `first`
  /// goes first whatever it calls. A cycle (which loading refuses) would be appended by port.
  func startOrder(first: ServiceName?) -> [ServiceName] {
    var left = ports.keys.sorted { (ports[$0] ?? 0, $0) < (ports[$1] ?? 0, $1) }
    var order: [ServiceName] = []
    if let first, let index = left.firstIndex(of: first) { order.append(left.remove(at: index)) }
    while !left.isEmpty {
      let ready = left.firstIndex { service in
        (callees[service] ?? []).allSatisfy { order.contains($0) }
      }
      order.append(left.remove(at: ready ?? 0))
    }
    return order
  }
}
