import Foundation
package import Storage
import StrictJSON
package import Vocabulary

/// What all processes of one platform share: `DIR/platform.json`, written by `strongroom up`, plus where DIR is.
package struct Platform: Sendable, Codable, Hashable {
  package var trustDomain: String
  /// Address on which services listen; loopback or a private network.
  package var bind: String
  /// Added to every charter's port, so that two platforms fit on one machine.
  package var portOffset: Int
  package var gatewayPort: Int
  /// Address of the gateway's public listener.
  package var gatewayBind: String
  /// The OpenID Connect issuer: the outside URL of the gateway.
  package var issuer: String
  /// Base URL of an OTLP/HTTP collector, or nil for no traces.
  package var otlpEndpoint: String?
  /// Multiplies the gateway's limits; for load tests.
  package var limitsFactor: Int
  /// Lifetime of workload certificates in seconds, 60–3,600.
  package var svidSeconds: Int
  /// PEM files for the gateway's public certificate; nil: the authority issues one.
  package var edgeCertificateFile: String?
  package var edgeKeyFile: String?
  /// PEM file of the authorities that are believed, besides the system's, where a charter names a server's addresses; nil: none.
  package var outsideAuthorityFile: String?
  /// Issuers of others whose access tokens the door takes, as an operator's file said; nil: none.
  package var issuers: [IssuerChoice]?
  /// The database of all services that may keep their stores there, as whoever makes their roles; nil: there is none.
  package var database: PostgresLocation?
  /// Where services keep their stores that do so on a server, by their names; all others have files of their own.
  package private(set) var databases: [String: StoreServer]?
  /// An Open Policy Agent on this machine that decides instead, such as `http://127.0.0.1:8181`.
  package var policyURL: String?
  /// How long access policies decide that their source no longer confirms, 1–86,400 s; nil: 300.
  package var policyStaleSeconds: Int?
  /// Whole days that audit records are kept at least, in homes of builds before that was a setting of its service.
  package var auditKeepDays: Int?
  /// Room that each service keeps on its disk to finish what was begun, in MiB; nil: 256, or less on a small disk.
  package var diskReserveMiB: Int?
  /// What was chosen of the services' settings, by `SERVICE.NAME`; all else is as the charters say.
  package var settings: [String: ChosenSetting]?
  /// Defences left out, for tests of the drills; see `Weakness`.
  package var weakened: [Weakness]?

  enum CodingKeys: String, CodingKey {
    case trustDomain = "trust_domain"
    case bind
    case portOffset = "port_offset"
    case gatewayPort = "gateway_port"
    case gatewayBind = "gateway_bind"
    case issuer
    case otlpEndpoint = "otlp_endpoint"
    case limitsFactor = "limits_factor"
    case svidSeconds = "svid_seconds"
    case edgeCertificateFile = "edge_certificate_file"
    case edgeKeyFile = "edge_key_file"
    case outsideAuthorityFile = "outside_authority_file"
    case issuers
    case database
    case databases
    case policyURL = "policy_url"
    case policyStaleSeconds = "policy_stale_seconds"
    case auditKeepDays = "audit_keep_days"
    case diskReserveMiB = "disk_reserve_mib"
    case settings
    case weakened
  }

  package init(
    trustDomain: String = "strongroom.local", bind: String = "127.0.0.1", portOffset: Int = 0,
    gatewayPort: Int = 8443, gatewayBind: String = "127.0.0.1", issuer: String? = nil,
    otlpEndpoint: String? = nil, limitsFactor: Int = 1, svidSeconds: Int = 3_600,
    edgeCertificateFile: String? = nil, edgeKeyFile: String? = nil, weakened: [Weakness]? = nil
  ) {
    self.trustDomain = trustDomain
    self.bind = bind
    self.portOffset = portOffset
    self.gatewayPort = gatewayPort
    self.gatewayBind = gatewayBind
    self.issuer = issuer ?? "https://localhost:\(gatewayPort)"
    self.otlpEndpoint = otlpEndpoint
    self.limitsFactor = limitsFactor
    self.svidSeconds = svidSeconds
    self.edgeCertificateFile = edgeCertificateFile
    self.edgeKeyFile = edgeKeyFile
    self.weakened = weakened
  }

  /// Nil for a service that keeps its store in a file.
  package func storeServer(of service: ServiceName) -> StoreServer? {
    databases?[service.description]
  }

  /// - Parameter server: nil for a file.
  package mutating func place(_ server: StoreServer?, for service: ServiceName) {
    var all = databases ?? [:]
    all[service.description] = server
    databases = all.isEmpty ? nil : all
  }

  package var policyStaleAfter: Duration { .seconds(policyStaleSeconds ?? 300) }

  /// - Throws: `StartFailure` naming the file and the field.
  package static func load(from home: Home) throws(StartFailure) -> Platform {
    guard let bytes = FileManager.default.contents(atPath: home.platformFile) else {
      throw StartFailure(
        "cannot read \(home.platformFile)", hint: "run `strongroom up` to create it")
    }
    let platform: Platform
    do {
      platform = try Platform(bytes: Array(bytes))
    } catch {
      throw StartFailure(
        "\(home.platformFile)\(error.pointer): \(error.reason)",
        hint: "correct the field, or remove the file and run `strongroom up`")
    }
    try platform.requireAllDefences()
    return platform
  }
}

/// The folder that holds one platform's state, and the names of what lies in it.
package struct Home: Sendable, Hashable {
  package let path: String
  package init(_ path: String) { self.path = path }

  package var platformFile: String { "\(path)/platform.json" }
  package var chartersFolder: String { "\(path)/charters" }
  /// How the names of the files end that hold, beside the charters, what the door tells of a service's operations.
  package static let contractSuffix = ".openapi.json"
  package var rootKeyFile: String { "\(path)/keys/root.key" }
  /// In its place where it is sealed under a passphrase.
  package var sealedRootKeyFile: String { "\(rootKeyFile).sealed" }
  package var launchFolder: String { "\(path)/launch" }
  package var workloadSocket: String { "\(path)/run/authority.sock" }
  package var runFolder: String { "\(path)/run" }
  /// Where the launcher tells the authority what processes execute.
  package var witnessSocket: String { "\(launchFolder)/witness.sock" }
  /// Written by the authority into the one folder that is its own to publish in.
  package var edgeAuthorityFile: String { "\(runFolder)/edge-ca.pem" }
  package func dataFolder(of service: ServiceName) -> String { "\(path)/data/\(service)" }
  /// Copies of the files that a database's location names, for a service that may read nothing else.
  package func databaseFile(_ key: String, of service: ServiceName) -> String {
    "\(dataFolder(of: service))/database-\(key)"
  }
  package func storeFile(of service: ServiceName) -> String {
    "\(path)/data/\(service)/\(service).sqlite"
  }
  /// What a service's program keeps, and where it meets its sidecar.
  package var programsFolder: String { "\(path)/program" }
  package func programFolder(of service: ServiceName) -> String { "\(programsFolder)/\(service)" }
  /// Where the program listens and its sidecar calls.
  package func serveSocket(of service: ServiceName) -> String {
    "\(programFolder(of: service))/serve.sock"
  }
  /// Where the sidecar listens and its program calls.
  package func callSocket(of service: ServiceName) -> String {
    "\(programFolder(of: service))/call.sock"
  }
  package func logFile(of service: ServiceName) -> String { "\(path)/log/\(service).log" }
}

/// Why a process does not start: one line, and what to do about it.
package struct StartFailure: Error, CustomStringConvertible {
  package let reason: String
  package let hint: String
  /// Whether another attempt may succeed without anybody's help.
  package let isPassing: Bool
  package init(_ reason: String, hint: String, isPassing: Bool = false) {
    self.reason = reason
    self.hint = hint
    self.isPassing = isPassing
  }
  package var description: String { "\(reason)\n  hint: \(hint)" }
}
