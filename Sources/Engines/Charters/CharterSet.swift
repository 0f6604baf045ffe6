package import Vocabulary

/// One file as it was read from a disk.
package struct CharterFile: Hashable, Sendable {
  /// Path as faults should show it; the last component tells the list of data classes from the
  /// charters.
  package let name: String
  package let text: String
  /// The OpenAPI document that lies beside a charter.
  package let contract: String?

  /// A file; nothing is checked.
  package init(name: String, text: String, contract: String? = nil) {
    self.name = name
    self.text = text
    self.contract = contract
  }
}

/// All charters of a platform, checked together: every edge is declared at both ends, no call can
/// wait for itself, no port or route is given twice. Default is deny: what is not found here is not
/// allowed.
package struct CharterSet: Sendable {
  /// A public operation: what the gateway routes.
  package struct PublicRoute: Hashable, Sendable {
    package let service: ServiceName
    package let operation: CharterOperation
  }

  /// Most charters in a set.
  package static let chartersMax = 256

  /// Sorted by service.
  package let charters: [Charter]
  /// The kinds of data.
  package let dataClasses: DataClasses
  /// What the gateway routes from outside, by service and then the charter's order.
  package let publicRoutes: [PublicRoute]

  private let byName: [ServiceName: Int]
  private let allowed: [ServiceName: Set<Edge>]
  private let holders: [CharterRole: ServiceName]
  private let publicTable: RouteTable<Int>

  private struct Edge: Hashable {
    let service: ServiceName
    let operation: String
  }

  /// Reads and checks all files together. Throws every fault found, sorted by place; a charter that
  /// cannot be read by itself is left out of the checks between charters, so that one typing error
  /// does not hide behind ten echoes.
  package static func load(_ files: [CharterFile]) throws(CharterFaults) -> CharterSet {
    var faults: [CharterFault] = []
    var charters: [Charter] = []
    var dataClasses = DataClasses.empty
    var grants: [CharterGrants] = []
    var unread = false
    for file in files {
      do throws(CharterFaults) {
        if file.name.split(separator: "/").last == Substring(DataClasses.fileName) {
          dataClasses = try DataClasses.parse(file: file.name, text: file.text)
        } else if CharterGrants.isName(file.name) {
          grants.append(try CharterGrants.parse(file: file.name, text: file.text))
        } else {
          charters.append(try Charter.parse(file: file.name, text: file.text))
        }
      } catch {
        faults += error.faults
        unread = true
      }
    }
    if charters.count > chartersMax {
      faults.append(
        CharterFault(
          .tooLarge, Place(file: charters[chartersMax].file), "\(chartersMax) charters at most"))
    }
    charters.sort { $0.service < $1.service }
    if !unread { for grant in grants { faults += grant.apply(to: &charters) } }
    DerivedEdges.apply(to: &charters)
    var rules = SetRules(charters: charters, dataClasses: dataClasses)
    faults += rules.check(isComplete: !unread)
    guard faults.isEmpty else { throw CharterFaults(faults) }
    return CharterSet(charters: charters, dataClasses: dataClasses)
  }

  private init(charters: [Charter], dataClasses: DataClasses) {
    self.charters = charters
    self.dataClasses = dataClasses
    byName = Dictionary(
      charters.enumerated().map { ($0.element.service, $0.offset) }, uniquingKeysWith: { a, _ in a }
    )
    var allowed: [ServiceName: Set<Edge>] = [:]
    var routes: [PublicRoute] = []
    var table = RouteTable<Int>()
    for charter in charters {
      for operation in charter.operations {
        let edge = Edge(service: charter.service, operation: operation.id)
        for caller in operation.callers { allowed[caller, default: []].insert(edge) }
        guard operation.isPublic else { continue }
        _ = table.add(operation.method, operation.path, routes.count)
        routes.append(PublicRoute(service: charter.service, operation: operation))
      }
      guard charter.port != nil else { continue }
      for implied in Charter.impliedOperations {
        allowed[Charter.operatorName, default: []].insert(
          Edge(service: charter.service, operation: implied))
      }
    }
    self.allowed = allowed
    holders = Dictionary(
      charters.compactMap { charter in charter.role.map { ($0, charter.service) } },
      uniquingKeysWith: { first, _ in first })
    publicRoutes = routes
    publicTable = table
  }

  /// Who has a role; nil where nobody has.
  package func holder(of role: CharterRole) -> ServiceName? { holders[role] }

  /// The charter of this service.
  package subscript(_ service: ServiceName) -> Charter? { byName[service].map { charters[$0] } }

  /// Whether the edge is declared at both ends (loading has compared them), or is one of the
  /// implied three for the operator.
  package func mayCall(caller: ServiceName, service: ServiceName, operation: String) -> Bool {
    allowed[caller]?.contains(Edge(service: service, operation: operation)) ?? false
  }

  /// The public operation that answers this method and path, and the path's parameters.
  package func publicRoute(
    _ method: HTTPMethod, _ path: String
  ) -> (route: PublicRoute, parameters: [String: String])? {
    publicTable.match(method, path).map { (publicRoutes[$0.target], $0.parameters) }
  }

  /// The methods some public operation accepts on this path.
  package func publicMethods(on path: String) -> [HTTPMethod] { publicTable.methods(on: path) }

  /// Services (all that listen) in the order in which they start: the authority, from whom all get
  /// their identity, then callees before callers; those free to choose go by port. Stopping goes
  /// the other way.
  package var startOrder: [ServiceName] {
    CallGraph(charters).startOrder(first: holder(of: .authority))
  }
}
