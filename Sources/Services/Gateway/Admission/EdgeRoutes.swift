package import Charters
package import Vocabulary

/// A public operation with what the edge needs to know about it.
package struct EdgeRoute: Sendable {
  /// Its place in the table; names its buckets.
  package let index: Int
  /// Who answers it.
  package let service: ServiceName
  /// As its charter declares it.
  package let operation: CharterOperation
  /// Its rates, the platform's factor included.
  package let limits: RouteLimits

  /// Identity's own pages and endpoints see cookies and outside credentials; nobody else does.
  package var isIdentity: Bool { service == "identity" }
}

/// Where a request goes. Derived from the charters alone: what no charter calls public does not
/// exist.
package struct EdgeRoutes: Sendable {
  /// The rate of a public operation whose charter names none.
  package static let perSecondDefault = 100
  /// And its burst, in requests.
  package static let burstDefault = 200

  /// What a method and a path come to.
  package enum Finding: Sendable {
    case route(EdgeRoute)
    case none
    /// The path exists, with these methods only.
    case otherMethods([HTTPMethod])
    /// A method that nothing on this platform uses (RFC 9110 §15.6.2).
    case unknownMethod
  }

  /// In the order of the charters; a route's index is its place here.
  package let all: [EdgeRoute]
  private let table: RouteTable<Int>

  /// - Parameter factor: the platform's `limits_factor`, 1–1,000.
  package init(_ charters: CharterSet, factor: Int) {
    var all: [EdgeRoute] = []
    var table = RouteTable<Int>()
    for route in charters.publicRoutes {
      let rate = route.operation.rate
      let limits = RouteLimits(
        perSecond: rate?.perSecond ?? Self.perSecondDefault,
        burst: rate?.burst ?? Self.burstDefault, factor: factor)
      // Loading the set has refused two routes of one shape, so the place is free.
      _ = table.add(route.operation.method, route.operation.path, all.count)
      all.append(
        EdgeRoute(
          index: all.count, service: route.service, operation: route.operation, limits: limits))
    }
    self.all = all
    self.table = table
  }

  /// Looks up a path in normal form, without its query.
  package func find(_ method: String, _ path: String) -> Finding {
    guard let known = HTTPMethod(rawValue: method) else {
      guard ["HEAD", "OPTIONS"].contains(method) else { return .unknownMethod }
      let methods = table.methods(on: path)
      return methods.isEmpty ? .none : .otherMethods(methods)
    }
    if let found = table.match(known, path) { return .route(all[found.target]) }
    let methods = table.methods(on: path)
    return methods.isEmpty ? .none : .otherMethods(methods)
  }
}
