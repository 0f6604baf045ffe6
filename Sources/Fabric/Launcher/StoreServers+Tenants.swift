import Chassis
import Charters
import Storage
import StoragePostgres
import Vocabulary

// On the platform's own database every service has a role and a schema.
extension StoreServers {
  /// Gives every service a place on the platform's database whose charter allows it, and that has none by itself.
  static func placeTenants(
    _ platform: inout Platform, _ charters: CharterSet
  ) throws(LaunchFailure) {
    guard let database = platform.database else { return }
    for charter in charters.charters where charter.store.server == .allowed {
      let service = charter.service
      let known = platform.storeServer(of: service)
      guard known == nil || known?.schema != nil else { continue }
      let role = "\(database.parameters["dbname"] ?? "")_\(service)"
      guard role.utf8.count <= PostgresTenant.nameBytesMax, isPlain(role) else {
        throw .badDatabase(
          service: nil,
          reason:
            "the roles of services are called after it, and '\(role)' is no name of one: choose a database whose name "
            + "is letters, digits, '-' and '_', \(PostgresTenant.nameBytesMax) bytes at most with the service's"
        )
      }
      platform.place(
        StoreServer(
          database.tenant(role, in: "\(service)"), schema: "\(service)"), for: service)
    }
  }

  /// Roles and passwords stand in lists of files and parameters: a name needs no quotes there.
  private static func isPlain(_ role: String) -> Bool {
    role.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0)
        || $0 == 0x5f || $0 == 0x2d
    }
  }

  /// Makes roles and schemas on the platform's database, for all that keep their stores there.
  /// - Throws: `LaunchFailure.badDatabase`.
  static func settle(
    _ platform: Platform, home: Home, randomness: Randomness
  ) throws(LaunchFailure) {
    guard let database = platform.database else { return }
    let key = try DatabaseKey.loadOrMake(home, randomness)
    let tenants = (platform.databases ?? [:]).values.compactMap { server -> PostgresTenant? in
      guard let schema = server.schema, let role = server.location.parameters["user"] else {
        return nil
      }
      return PostgresTenant(role: role, schema: schema, password: key.password(of: role))
    }
    do throws(StoreError) {
      try PostgresTenancy(database, mark: key.mark).settle(tenants.sorted { $0.role < $1.role })
    } catch {
      throw .badDatabase(service: nil, reason: error.description)
    }
  }
}
