import Chassis
import Charters
import Glibc
import Storage
import Vocabulary

/// What the launcher does about stores that are kept on PostgreSQL: it looks up where the servers are, so that a service
/// may go to its own and nowhere else, and gives the service copies of the files that it needs to be let in.
enum StoreServers {
  /// - Parameters:
  ///   - earlier: the platform of the run before.
  ///   - isMoving: stores that are still in files are about to be taken there.
  /// - Throws: `LaunchFailure` where a charter does not allow it, a server's name is not known, or the store is elsewhere
  ///   already.
  static func lookedUp(
    for platform: Platform, earlier: Platform?, charters: CharterSet, home: Home,
    isMoving: Bool = false
  ) throws(LaunchFailure) -> Platform {
    var platform = platform
    try placeTenants(&platform, charters)
    for charter in charters.charters {
      let service = charter.service
      guard let server = platform.storeServer(of: service) else { continue }
      guard charter.store.server == .allowed else {
        throw .badDatabase(
          service: service,
          reason: "its charter does not say 'store: {server: allowed}', so its store is in a file")
      }
      let file = home.storeFile(of: service)
      // On the platform's own database none may begin anew while its file is still here, as after half a move.
      let isKnown = server.schema == nil && earlier?.storeServer(of: service) != nil
      guard isKnown || isMoving || !WholeFile.exists(file) else {
        throw .badHome(
          path: file,
          reason:
            "the store of \(service) is in this file, and would be left behind. Take it there first: "
            + "'strongroom \(server.schema == nil ? "\(service) " : "")move --to LOCATION'"
        )
      }
      for (key, path) in files(server.location) where !WholeFile.exists(path) {
        throw .badDatabase(service: service, reason: "its \(key) \(path) is not there")
      }
      var found = StoreServer(server.location, schema: server.schema)
      for one in server.location.servers where !one.isSocket {
        found.addresses[one.host] = try addresses(of: one.host, for: service)
      }
      platform.place(found, for: service)
    }
    return platform
  }

  private static func addresses(
    of host: String, for service: ServiceName
  ) throws(LaunchFailure) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    guard code == 0, let first = list else {
      throw .badDatabase(
        service: service,
        reason:
          "the server '\(host)' cannot be looked up (\(String(cString: gai_strerror(code)))); "
          + "correct its name, or give its address")
    }
    defer { freeaddrinfo(first) }
    var found: [String] = []
    var next: UnsafeMutablePointer<addrinfo>? = first
    while let entry = next {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let length = socklen_t(text.count)
      if getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0
      {
        let address = String(
          decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if !found.contains(address) { found.append(address) }
      }
      next = entry.pointee.ai_next
    }
    return found
  }

  /// Addresses and ports to which a service connects for its store.
  static func ends(_ server: StoreServer?) -> [AddressRules.End] {
    guard let server else { return [] }
    return server.location.servers.flatMap { one in
      (one.isSocket ? [] : server.addresses[one.host] ?? []).map {
        AddressRules.End(address: $0, port: one.port)
      }
    }
  }

  /// Copies what the location names into the service's folder, before each of its starts, so that a new password takes
  /// effect with the next. A service with a user of its own could not read them where they lie.
  static func copyFiles(
    for service: ServiceName, _ platform: Platform, home: Home
  ) throws(LaunchFailure) {
    guard let server = platform.storeServer(of: service) else { return }
    for (key, path) in files(server.location) {
      guard let bytes = try WholeFile.read(path) else {
        throw .badDatabase(service: service, reason: "its \(key) \(path) is not there any more")
      }
      try WholeFile.write(bytes, to: home.databaseFile(key, of: service))
    }
    guard server.schema != nil, let role = server.location.parameters["user"] else { return }
    let password = try DatabaseKey.load(home).password(of: role)
    try WholeFile.write(
      Array("*:*:*:\(role):\(password)\n".utf8), to: home.databaseFile("passfile", of: service))
  }

  private static func files(_ location: PostgresLocation) -> [(key: String, path: String)] {
    PostgresLocation.fileKeys.compactMap { key in
      location.parameters[key].flatMap { $0 == "system" ? nil : (key, $0) }
    }
  }
}
