package import Charters
import Glibc
import StrictJSON
package import Vocabulary

/// Makes a home, or brings an existing one up to date; what it keeps (keys, data) is never
/// overwritten.
package enum HomeSetup {
  /// Folders, `platform.json`, the root key on the first run, and copies of the charters.
  package static func prepare(
    _ home: Home, platform: PlatformFile, charters: [CharterFile], randomness: Randomness
  ) throws(LaunchFailure) {
    try makeFolders(home)
    try platform.write(to: home)
    try makeRootKey(home, randomness)
    try copy(charters, to: home)
  }

  /// The folders alone; enough to take the lock.
  package static func makeFolders(_ home: Home) throws(LaunchFailure) {
    // sun_path of unix(7) holds 108 bytes with the final zero.
    guard home.authoritySocket.utf8.count <= 107 else {
      throw .badHome(
        path: home.path, reason: "its path is too long for a Unix socket; choose a shorter --home")
    }
    for folder in [
      home.path, home.chartersFolder, home.keysFolder, home.launchFolder, home.runFolder,
      home.dataFolder, home.logFolder,
    ] {
      try WholeFile.makePrivateFolder(folder)
    }
  }

  private static func makeRootKey(
    _ home: Home, _ randomness: Randomness
  ) throws(LaunchFailure) {
    if let present = try WholeFile.read(home.rootKeyFile) {
      let key = bytes(hex: String(decoding: present, as: UTF8.self).filter { $0 != "\n" })
      guard key?.count == 32 else {
        throw .badHome(
          path: home.rootKeyFile,
          reason:
            "it is not 32 bytes in hex. Everything sealed on disk needs the original: restore "
            + "it from your backup")
      }
      guard chmod(home.rootKeyFile, 0o600) == 0 else {
        throw .badHome(path: home.rootKeyFile, reason: errorText(errno))
      }
      return
    }
    // A home with data but without its key was damaged; a new key would only hide that.
    guard WholeFile.names(in: home.dataFolder).isEmpty else {
      throw .badHome(
        path: home.rootKeyFile,
        reason: "it is missing, but there is data sealed under it. Restore it from your backup")
    }
    let key = hexText(randomness.bytes(32))
    try WholeFile.write(Array(key.utf8) + [0x0a], to: home.rootKeyFile)
  }

  /// Charters are named by their service, whatever their file was called; those no longer there go.
  private static func copy(_ files: [CharterFile], to home: Home) throws(LaunchFailure) {
    var kept: Set<String> = []
    for file in files {
      var name = DataClasses.fileName
      if file.name.split(separator: "/").last != Substring(name) {
        do throws(CharterFaults) {
          name = "\(try Charter.parse(file: file.name, text: file.text).service).yaml"
        } catch {
          throw .badCharters(error)
        }
      }
      kept.insert(name)
      try WholeFile.write(Array(file.text.utf8), to: "\(home.chartersFolder)/\(name)")
    }
    for name in WholeFile.names(in: home.chartersFolder) where !kept.contains(name) {
      unlink("\(home.chartersFolder)/\(name)")
    }
  }
}

/// `platform.json`: what every service reads first.
package struct PlatformFile: Hashable, Sendable, Codable {
  /// `strongroom.local`.
  package var trustDomain: String
  /// IPv4 address that the gateway's public port binds.
  package var bind: String
  /// Added to every charter's port.
  package var portOffset: Int
  /// The gateway's public port.
  package var gatewayPort: Int
  /// OpenID Connect issuer, a URL at the gateway.
  package var issuer: String
  /// OTLP/HTTP collector.
  package var otlpEndpoint: String?
  /// Multiplies the gateway's rate limits; for load tests.
  package var limitsFactor: Int

  private enum CodingKeys: String, CodingKey {
    case bind, issuer
    case trustDomain = "trust_domain"
    case portOffset = "port_offset"
    case gatewayPort = "gateway_port"
    case otlpEndpoint = "otlp_endpoint"
    case limitsFactor = "limits_factor"
  }

  package init(
    bind: String = "127.0.0.1", portOffset: Int = 0, gatewayPort: Int = 8_443,
    otlpEndpoint: String? = nil, limitsFactor: Int = 1
  ) {
    trustDomain = "strongroom.local"
    self.bind = bind
    self.portOffset = portOffset
    self.gatewayPort = gatewayPort
    issuer = "https://localhost:\(gatewayPort)"
    self.otlpEndpoint = otlpEndpoint
    self.limitsFactor = limitsFactor
  }

  /// The base of every public URL.
  package var publicURL: String { issuer }

  package func write(to home: Home) throws(LaunchFailure) {
    guard let bytes = try? StrictJSON.encode(self) else {
      throw .system(call: "encode platform.json", code: EINVAL)
    }
    try WholeFile.write(bytes + [0x0a], to: home.platformFile)
  }

  /// Nil when there is none, or it is not readable.
  package static func read(_ home: Home) -> PlatformFile? {
    guard let bytes = try? WholeFile.read(home.platformFile) else { return nil }
    return try? StrictJSON.decode(PlatformFile.self, from: bytes)
  }
}
