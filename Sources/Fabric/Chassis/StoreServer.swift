package import Storage
package import StrictJSON
package import Vocabulary

/// Where a service's store is kept on a server, with the addresses of its servers as they were looked up at `up`.
package struct StoreServer: Sendable, Codable, Hashable {
  package let location: PostgresLocation
  /// Of each server that is named; one that is an address or a socket has none.
  package var addresses: [String: [String]]
  /// The schema that the launcher makes for the service on the platform's own database, with a role and its password;
  /// nil where the location says all.
  package let schema: String?

  package init(
    _ location: PostgresLocation, addresses: [String: [String]] = [:], schema: String? = nil
  ) {
    self.location = location
    self.addresses = addresses
    self.schema = schema
  }
}

extension Platform {
  /// How the name of a field ended, after the service's, in which an older build kept the location of that service's
  /// database; the field with the addresses ended as well in `addressesEnding`.
  private static let locationEnding = "_database"
  private static let addressesEnding = "_addresses"

  /// From the bytes of `platform.json`, also of one that an older build wrote.
  package init(bytes: [UInt8]) throws(JSONError) {
    guard case .object(var members) = try JSON.parse(bytes) else {
      self = try StrictJSON.decode(Platform.self, from: bytes)
      return
    }
    for (name, location) in members where name.hasSuffix(Self.locationEnding) {
      let service = String(name.dropLast(Self.locationEnding.utf8.count))
      let addresses = members.removeValue(forKey: name + Self.addressesEnding)
      members[name] = nil
      var databases = members["databases"]?.object ?? [:]
      databases[service] = .object(["location": location, "addresses": addresses ?? .object([:])])
      members["databases"] = .object(databases)
    }
    self = try StrictJSON.decode(Platform.self, from: JSON.object(members).canonicalBytes)
  }
}

extension Home {
  /// Which store on PostgreSQL is this service's; there where that is not in a file.
  package func storeIdentityFile(of service: ServiceName) -> String {
    "\(dataFolder(of: service))/database-store"
  }
}
