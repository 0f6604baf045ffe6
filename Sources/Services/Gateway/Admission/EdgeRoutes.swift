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
  /// What its answers say of its end; nil where it has none.
  let farewell: Farewell?

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
    /// With the path's parameters by name.
    case route(EdgeRoute, [String: String])
    case none
    /// The path exists, with these methods only; or nothing on this platform takes the method (TRACE, CONNECT, or
    /// one that nobody knows), wherever it is sent.
    case otherMethods([String])
  }

  /// In the order of the charters; a route's index is its place here.
  package let all: [EdgeRoute]
  /// What any path may take: the methods of the public operations, and those that HTTP adds.
  package let methods: [String]
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
          index: all.count, service: route.service, operation: route.operation, limits: limits,
          farewell: route.operation.deprecation.map { Farewell($0) }))
    }
    self.all = all
    self.table = table
    let used = Set(all.map(\.operation.method)).union([.get])
    methods = Self.names(HTTPMethod.allCases.filter(used.contains)) + ["OPTIONS"]
  }

  /// Looks up a path in normal form, without its query. HEAD finds what GET does (RFC 9110 §9.3.2).
  package func find(_ method: String, _ path: String) -> Finding {
    if let known = HTTPMethod(rawValue: method == "HEAD" ? "GET" : method),
      let found = table.match(known, path)
    {
      return .route(all[found.target], found.parameters)
    }
    let others = Self.names(table.methods(on: path))
    guard others.isEmpty else { return .otherMethods(others) }
    // Whatever there may be at a path, it does not take the others; so they need no finding of their own.
    return methods.contains(method) ? .none : .otherMethods(methods)
  }

  private static func names(_ methods: [HTTPMethod]) -> [String] {
    methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }
  }
}
