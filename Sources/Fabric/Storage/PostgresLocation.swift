/// Where a PostgreSQL server keeps a store, as libpq's parameters; without a password, which is in a passfile.
package struct PostgresLocation: Hashable, Sendable, Codable {
  /// Why a location cannot be used.
  package struct Fault: Error, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
  }

  /// One server: a name or address with its port, or the folder of a Unix socket.
  package struct Server: Hashable, Sendable {
    package let host: String
    package let port: Int
    package var isSocket: Bool { host.hasPrefix("/") }
  }

  /// Parameters that name files, which whoever connects must be able to read.
  package static let fileKeys = ["passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"]

  package private(set) var parameters: [String: String]

  /// - Throws: `Fault`, in words for the person at the machine.
  package init(_ parameters: [String: String]) throws(Fault) {
    self.parameters = parameters
    if parameters["password"] != nil || parameters["sslpassword"] != nil {
      throw Fault(
        "a password in the location would be seen by everybody who lists processes: put it into a file of mode 0600 "
          + "(host:port:database:user:password) and add ?passfile=FILE")
    }
    if parameters["hostaddr"] != nil {
      throw Fault("'hostaddr' is looked up by the platform: name the server by 'host'")
    }
    if parameters["service"] != nil {
      throw Fault("connection service files are not read: write the service's parameters out")
    }
    for key in ["host", "dbname", "user"] where parameters[key, default: ""].isEmpty {
      throw Fault("it does not say '\(key)': postgresql://USER@HOST/DATABASE names all three")
    }
    for key in Self.fileKeys {
      if let path = parameters[key], !path.hasPrefix("/"), path != "system" {
        throw Fault("'\(key)' must be a full path")
      }
    }
    guard servers.count == Self.list(parameters["host"]).count,
      servers.allSatisfy({ (1...65_535).contains($0.port) && !$0.host.hasPrefix("@") })
    else { throw Fault("hosts and ports do not fit together") }
  }

  package init(from decoder: any Decoder) throws {
    try self.init([String: String](from: decoder))
  }

  package func encode(to encoder: any Encoder) throws { try parameters.encode(to: encoder) }

  /// In the order in which they are tried.
  package var servers: [Server] {
    // As libpq has it: an empty port is the usual one.
    let ports = Self.list(parameters["port"]).map { $0.isEmpty ? "5432" : $0 }
    let hosts = Self.list(parameters["host"])
    guard ports.count == 1 || ports.count == hosts.count else { return [] }
    return hosts.enumerated().map { index, host in
      Server(host: host, port: Int(ports[ports.count == 1 ? 0 : index]) ?? 0)
    }
  }

  /// The same with addresses in the place of names that were looked up before; certificates are still held against the
  /// names.
  /// - Parameter addresses: of each host that is a name.
  package func resolved(_ addresses: [String: [String]]) -> PostgresLocation {
    var (hosts, numbers, ports): ([String], [String], [String]) = ([], [], [])
    for server in servers {
      let found = server.isSocket ? [""] : addresses[server.host] ?? [""]
      for address in found {
        hosts.append(server.host)
        numbers.append(address)
        ports.append(String(server.port))
      }
    }
    var resolved = self
    resolved.parameters["host"] = hosts.joined(separator: ",")
    resolved.parameters["port"] = ports.joined(separator: ",")
    if numbers.contains(where: { !$0.isEmpty }) {
      resolved.parameters["hostaddr"] = numbers.joined(separator: ",")
    }
    return resolved
  }

  /// The same for a role that works in a schema of its own: without what lets anybody else in.
  package func tenant(_ role: String, in schema: String) -> PostgresLocation {
    var changed = self
    for key in ["passfile", "sslcert", "sslkey"] { changed.parameters[key] = nil }
    changed.parameters["user"] = role
    let path = "-csearch_path=\"\(schema)\""
    changed.parameters["options"] = parameters["options"].map { "\($0) \(path)" } ?? path
    return changed
  }

  /// The same with a file in another place.
  package func with(_ key: String, _ value: String) -> PostgresLocation {
    var changed = self
    changed.parameters[key] = value
    return changed
  }

  /// What libpq is told: what was said, and what must hold besides.
  /// - Parameters:
  ///   - application: what the server shows in pg_stat_activity.
  ///   - owns: true for the store's owner, all of whose connections must be to the server that takes writes: a replica
  ///     may be behind.
  package func parameters(for application: String, owns: Bool = false) -> [String: String] {
    let defaults = [
      "connect_timeout": "5", "gssencmode": "disable", "keepalives_idle": "5",
      "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000",
    ]
    var fixed = ["client_encoding": "UTF8", "application_name": application]
    if owns { fixed["target_session_attrs"] = "read-write" }
    return defaults.merging(parameters) { $1 }.merging(fixed) { $1 }
  }

  private static func list(_ text: String?) -> [String] {
    (text ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }
}

extension PostgresLocation: CustomStringConvertible {
  /// For people: which database, on which servers, as whom.
  package var description: String {
    let servers = servers.map { $0.isSocket ? $0.host : "\($0.host):\($0.port)" }
    return "PostgreSQL database \(parameters["dbname"] ?? "") at \(servers.joined(separator: ", "))"
  }
}
