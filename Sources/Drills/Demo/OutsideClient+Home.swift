package import Chassis
import NIOPosix
package import Transport
import Vocabulary

extension OutsideClient {
  /// Speaks to the door of a home's platform, and believes the authority that the home names.
  /// - Throws: as the client does.
  package convenience init(
    to platform: Platform, in home: Home, from source: String? = nil
  ) throws {
    try self.init(
      host: "localhost", port: platform.gatewayPort, authorityFile: home.edgeAuthorityFile,
      group: MultiThreadedEventLoopGroup.singleton, from: source,
      ownFile: platform.edgeCertificateFile,
      name: platform.edgeCertificateFile == nil ? nil : EdgeNames.host(of: platform.issuer))
  }
}
