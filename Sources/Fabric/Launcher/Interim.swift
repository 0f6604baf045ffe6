package import Vocabulary
package struct Home: Sendable, Hashable {
  package let path: String
  package init(_ path: String) { self.path = path }

  package var platformFile: String { "\(path)/platform.json" }
  package var chartersFolder: String { "\(path)/charters" }
  package var rootKeyFile: String { "\(path)/keys/root.key" }
  package var launchFolder: String { "\(path)/launch" }
  package var workloadSocket: String { "\(path)/run/authority.sock" }
  package var runFolder: String { "\(path)/run" }
  package var edgeAuthorityFile: String { "\(path)/edge-ca.pem" }
  package func logFile(of service: ServiceName) -> String { "\(path)/log/\(service).log" }
}
package struct Platform: Sendable, Codable, Hashable {
  package var trustDomain: String
  package var bind: String
  package var portOffset: Int
  package var gatewayPort: Int
  package var gatewayBind: String
  package var issuer: String
  package var otlpEndpoint: String?
  package var limitsFactor: Int
  package init(
    trustDomain: String = "strongroom.local", bind: String = "127.0.0.1", portOffset: Int = 0,
    gatewayPort: Int = 8443, gatewayBind: String = "127.0.0.1", issuer: String? = nil,
    otlpEndpoint: String? = nil, limitsFactor: Int = 1
  ) {
    self.trustDomain = trustDomain
    self.bind = bind
    self.portOffset = portOffset
    self.gatewayPort = gatewayPort
    self.gatewayBind = gatewayBind
    self.issuer = issuer ?? "https://localhost:\(gatewayPort)"
    self.otlpEndpoint = otlpEndpoint
    self.limitsFactor = limitsFactor
  }
}
