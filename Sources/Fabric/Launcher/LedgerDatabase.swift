import Chassis
import Charters
import Glibc
import Storage
import Vocabulary

/// What the launcher does about books that are kept on PostgreSQL: it looks up where the servers are, so that the
/// ledger may go there and nowhere else, and gives the ledger copies of the files that it needs to be let in.
enum LedgerDatabase {
  static let service: ServiceName = "ledger"

  /// - Parameter earlier: the platform of the run before.
  /// - Throws: `LaunchFailure` where a server's name is not known, or the books are elsewhere already.
  static func lookedUp(
    for platform: Platform, earlier: Platform?, home: Home
  ) throws(LaunchFailure) -> Platform {
    guard let location = platform.ledgerDatabase else { return platform }
    let file = home.storeFile(of: service)
    guard earlier?.ledgerDatabase != nil || !WholeFile.exists(file) else {
      throw .badHome(
        path: file,
        reason:
          "the ledger's books are in this file, and would be left behind. Take them there first: "
          + "'strongroom ledger move --to LOCATION'"
      )
    }
    for (key, path) in files(location) where !WholeFile.exists(path) {
      throw .badDatabase(reason: "its \(key) \(path) is not there")
    }
    var found: [String: [String]] = [:]
    for server in location.servers where !server.isSocket {
      found[server.host] = try addresses(of: server.host)
    }
    var platform = platform
    platform.ledgerDatabaseAddresses = found
    return platform
  }

  private static func addresses(of host: String) throws(LaunchFailure) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    guard code == 0, let first = list else {
      throw .badDatabase(
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

  /// Addresses and ports to which the ledger connects.
  static func ends(_ platform: Platform) -> [AddressRules.End] {
    (platform.ledgerDatabase?.servers ?? []).flatMap { server in
      (server.isSocket ? [] : platform.ledgerDatabaseAddresses?[server.host] ?? []).map {
        AddressRules.End(address: $0, port: server.port)
      }
    }
  }

  /// Copies what the location names into the ledger's folder, before each of its starts, so that a new password takes
  /// effect with the next. A ledger with a user of its own could not read them where they lie.
  static func copyFiles(_ platform: Platform, home: Home) throws(LaunchFailure) {
    guard let location = platform.ledgerDatabase else { return }
    for (key, path) in files(location) {
      guard let bytes = try WholeFile.read(path) else {
        throw .badDatabase(reason: "its \(key) \(path) is not there any more")
      }
      try WholeFile.write(bytes, to: home.databaseFile(key, of: service))
    }
  }

  private static func files(_ location: PostgresLocation) -> [(key: String, path: String)] {
    PostgresLocation.fileKeys.compactMap { key in
      location.parameters[key].flatMap { $0 == "system" ? nil : (key, $0) }
    }
  }
}
