package import Charters
package import Chassis
package import Storage
package import Vocabulary

extension LauncherRun {
  /// What the person asked for; nil keeps what the home says.
  package struct Wishes: Sendable, Hashable {
    package var bind: String?
    package var portOffset: Int?
    package var gatewayPort: Int?
    /// The door's outside address, `https://host` with an optional port.
    package var issuer: String?
    /// PEM files of the door's own certificate with its chain, and of its key; "none": the authority's again.
    package var edgeCertificateFile: String?
    package var edgeKeyFile: String?
    /// PEM file of authorities of one's own servers; "none": the system's alone.
    package var outsideAuthorityFile: String?
    /// Issuers of others whose access tokens the door takes; empty: none any more.
    package var issuers: [IssuerChoice]?
    package var otlpEndpoint: String?
    package var limitsFactor: Int?
    /// Where all services are to keep their stores that may do so, as whoever may make roles and schemas there.
    package var database: PostgresLocation?
    /// Where single services are to keep their stores.
    package var databases: [ServiceName: PostgresLocation] = [:]
    /// Defences to leave out, for tests of the drills; a release's services then refuse to start.
    package var weakened: [Weakness]?
    /// An Open Policy Agent on this machine that decides about access; "none": our own engine again.
    package var policyURL: String?
    /// How long access policies decide that nobody confirms, in seconds.
    package var policyStaleSeconds: Int?
    /// Room that each service keeps to finish what was begun, MiB; 0: the default again.
    package var diskReserveMiB: Int?
    /// Settings by their names, the later ones over the earlier.
    package var settings: [SettingWish] = []
    /// Refuse to run with less confinement than a machine like this one can give.
    package var requiresConfinement = false
    /// Use a home also where others can put another one in its place, see `HomePath`.
    package var trustsHomePath = false
    /// No wishes.
    package init() {}

    /// The platform as it is to run: what is not wished stays as it was.
    package func applied(to present: Platform?) -> Platform {
      var platform = present ?? Platform()
      if let bind { platform.gatewayBind = bind }
      if let portOffset { platform.portOffset = portOffset }
      if let gatewayPort {
        if platform.issuer == "https://localhost:\(platform.gatewayPort)" {
          platform.issuer = "https://localhost:\(gatewayPort)"
        }
        platform.gatewayPort = gatewayPort
      }
      if let issuer { platform.issuer = issuer }
      if let edgeCertificateFile {
        platform.edgeCertificateFile = edgeCertificateFile == "none" ? nil : edgeCertificateFile
      }
      if let edgeKeyFile { platform.edgeKeyFile = edgeKeyFile == "none" ? nil : edgeKeyFile }
      if let outsideAuthorityFile {
        platform.outsideAuthorityFile = outsideAuthorityFile == "none" ? nil : outsideAuthorityFile
      }
      if let issuers { platform.issuers = issuers.isEmpty ? nil : issuers }
      if let otlpEndpoint { platform.otlpEndpoint = otlpEndpoint == "none" ? nil : otlpEndpoint }
      if let limitsFactor { platform.limitsFactor = limitsFactor }
      if let database { platform.database = database }
      for (service, location) in databases {
        platform.place(StoreServer(location), for: service)
      }
      if let policyURL { platform.policyURL = policyURL == "none" ? nil : policyURL }
      if let policyStaleSeconds { platform.policyStaleSeconds = policyStaleSeconds }
      if let diskReserveMiB {
        platform.diskReserveMiB = diskReserveMiB == 0 ? nil : diskReserveMiB
      }
      if let weakened { platform.weakened = weakened }
      return platform
    }

    /// The same with the settings that the charters declare.
    package func applied(
      to present: Platform?, of charters: CharterSet
    ) throws(LaunchFailure) -> Platform {
      let platform: Platform
      do throws(SettingRefusal) {
        platform = try SettingsBook(charters).applied(settings, to: applied(to: present))
      } catch {
        throw .badSetting(error)
      }
      try DoorPapers.check(issuers: platform.issuers ?? [], in: charters)
      return platform
    }
  }
}
