package import ArgumentParser
import Chassis
import Foundation
package import Launcher
import LedgerAPI
import PolicyClient
import Storage
import Telemetry
import Vocabulary

/// What `up` passes on to the launcher, and the launcher understands.
package struct LaunchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Checkout, or folder of charters.", valueName: "dir"))
  package var charters: String?

  @Option(
    help: ArgumentHelp(
      "Folder of a service to add: its charter.yaml, grants.yaml and program. May be repeated.",
      valueName: "dir"))
  package var with: [String] = []

  @Option(
    help: ArgumentHelp(
      "Folder with the access policies of a home that has none (default: the checkout's Policies).",
      valueName: "dir"))
  package var policies: String?

  @Option(
    help: ArgumentHelp(
      "Open Policy Agent on this machine that decides about access instead of our own engine, or 'none'.",
      valueName: "url"))
  var policyURL: String?

  @Option(
    help: ArgumentHelp(
      "How long access policies decide that nobody confirms any more (default 300).",
      valueName: "seconds"))
  var policyStaleSeconds: Int?

  @Option(
    help: ArgumentHelp(
      "Let audit records go after so many days (1–36500); 0: keep them for ever, as before the first wish.",
      valueName: "n"))
  var auditKeepDays: Int?

  @Option(
    help: ArgumentHelp(
      "Added to every internal port (7100–7108); not to the gateway's.", valueName: "n"))
  var portOffset: Int?

  @Option(help: ArgumentHelp("The gateway's public port (default 8443).", valueName: "n"))
  var gatewayPort: Int?

  @Option(
    help: ArgumentHelp(
      "IPv4 address of the gateway's public port (default 127.0.0.1).", valueName: "ip"))
  var bind: String?

  @Option(
    help: ArgumentHelp(
      "The door's outside address, https://host or https://host:port; tokens name it as their issuer.",
      valueName: "url"))
  var issuer: String?

  @Option(
    help: ArgumentHelp(
      "PEM file of the door's own certificate with its chain, or 'none' for the authority's. Read anew every 5 minutes.",
      valueName: "file"))
  var edgeCertificate: String?

  @Option(
    help: ArgumentHelp("PEM file of that certificate's key, or 'none'.", valueName: "file"))
  var edgeKey: String?

  @Option(
    help: ArgumentHelp(
      "PEM file of the authorities of your own servers, for destinations whose addresses a charter names, or 'none'.",
      valueName: "file"))
  var outsideCA: String?

  @Option(
    help: ArgumentHelp(
      "JSON file of issuers of others whose access tokens the door takes (Docs/settings.md), or 'none'.",
      valueName: "file"))
  var issuers: String?

  @Option(
    help: ArgumentHelp("OTLP/HTTP collector for traces, or 'none'.", valueName: "url"))
  var otlp: String?

  @Option(
    help: ArgumentHelp("Multiplies the gateway's rate limits, for load tests.", valueName: "n"))
  var limitsFactor: Int?

  @Option(
    help: ArgumentHelp(
      "Where all services keep their stores: postgresql://USER@HOST/DATABASE?passfile=FILE&sslmode=verify-full.",
      discussion: """
        Kept for the next 'up'. USER needs CREATEROLE, and CREATE on the database: each service gets a role and a \
        schema of its own, and may use no other's. A home with stores in files takes them there by \
        'strongroom move'.
        """, valueName: "location"))
  var database: String?

  @Option(
    help: ArgumentHelp(
      "Where the ledger keeps its books: postgresql://USER@HOST/DATABASE?passfile=FILE&sslmode=verify-full.",
      discussion: """
        Kept for the next 'up'. All parameters of libpq are taken but passwords, which belong into the \
        passfile; HOST may be a list. Only the ledger may reach the server.
        """, valueName: "location"))
  var ledgerDatabase: String?

  @OptionGroup package var keeping: KeepingOptions

  @OptionGroup var chosen: SettingOptions

  #if DEBUG
    @Option(
      help: ArgumentHelp("Leave a defence out, for tests of the drills.", visibility: .hidden))
    var weaken: [Weakness] = []
  #endif

  @Flag(
    help: "Refuse to start where any measure of confinement is missing, root's too (exit code 78).")
  var requireConfinement = false

  @Flag(
    help: """
      Use the home although others than its owner and root can write to a folder on its way, and so put \
      another one in its place.
      """)
  var trustHomePath = false

  package init() {}

  package func validate() throws {
    if let portOffset, !(0...50_000).contains(portOffset) {
      throw ValidationError("--port-offset must be from 0 to 50000")
    }
    if let policyURL, policyURL != "none" {
      do throws(RemotePolicyFailure) {
        let address = try RemotePolicyAddress(policyURL)
        guard address.isLoopback, !address.isEncrypted else {
          throw RemotePolicyFailure.misconfigured(
            "--policy-url must be http://127.0.0.1, localhost or [::1]: an agent runs beside those whom it serves"
          )
        }
      } catch {
        throw ValidationError("\(error)")
      }
    }
    if let policyStaleSeconds, !(1...86_400).contains(policyStaleSeconds) {
      throw ValidationError("--policy-stale-seconds must be from 1 to 86400")
    }
    if let auditKeepDays, !(0...36_500).contains(auditKeepDays) {
      throw ValidationError("--audit-keep-days must be from 0 to 36500")
    }
    if let gatewayPort, !(1...65_535).contains(gatewayPort) {
      throw ValidationError("--gateway-port must be from 1 to 65535")
    }
    if let bind {
      var address = in_addr()
      guard inet_pton(AF_INET, bind, &address) == 1 else {
        throw ValidationError("--bind must be an IPv4 address, for example 127.0.0.1 or 0.0.0.0")
      }
    }
    if let issuer, DoorPapers.issuer(issuer) == nil {
      throw ValidationError(
        "--issuer must be https:// with a host in lower case and an optional port, and nothing after it: "
          + "https://bank.example")
    }
    if let otlp, otlp != "none", CollectorEndpoint(otlp) == nil {
      throw ValidationError(
        "--otlp must be http://127.0.0.1, localhost or [::1], with an optional port and path: a "
          + "collector elsewhere is reached through an agent on this machine")
    }
    _ = try issuerChoices()
    _ = try databaseLocation(database, option: "--database")
    _ = try databaseLocation(ledgerDatabase, option: "--ledger-database")
    if let limitsFactor, !(1...1_000_000).contains(limitsFactor) {
      throw ValidationError("--limits-factor must be from 1 to 1000000")
    }
  }

  /// What of the platform is to change.
  package var wishes: LauncherRun.Wishes {
    var wishes = LauncherRun.Wishes()
    wishes.bind = bind
    wishes.portOffset = portOffset
    wishes.gatewayPort = gatewayPort
    wishes.issuer = issuer
    wishes.edgeCertificateFile = edgeCertificate.map(Self.paperPath)
    wishes.edgeKeyFile = edgeKey.map(Self.paperPath)
    wishes.outsideAuthorityFile = outsideCA.map(Self.paperPath)
    // Validated before.
    wishes.issuers = try? issuerChoices()
    wishes.otlpEndpoint = otlp
    wishes.limitsFactor = limitsFactor
    // The services need no names, so they resolve none.
    wishes.policyURL = policyURL?.replacing("//localhost", with: "//127.0.0.1")
    wishes.policyStaleSeconds = policyStaleSeconds
    // Validated before.
    wishes.database = try? databaseLocation(database, option: "--database")
    wishes.databases[LedgerOperations.getTrialBalance.service] = try? databaseLocation(
      ledgerDatabase, option: "--ledger-database")
    keeping.apply(to: &wishes)
    wishes.settings = (try? chosen.wishes()) ?? []
    if let auditKeepDays {
      // By its older name.
      wishes.settings.append(
        SettingWish("audit.keep_days", "\(auditKeepDays)", from: "--audit-keep-days"))
    }
    #if DEBUG
      if !weaken.isEmpty { wishes.weakened = weaken }
    #endif
    wishes.requiresConfinement = requireConfinement
    wishes.trustsHomePath = trustHomePath
    return wishes
  }

  /// Services are started elsewhere, so they need the whole path.
  private static func paperPath(_ path: String) -> String {
    path == "none" ? path : absolutePath(path)
  }

  /// The same options as words for another process.
  package var words: [String] {
    var words: [String] = []
    func add(_ name: String, _ value: (some CustomStringConvertible)?) {
      if let value { words += [name, value.description] }
    }
    add("--charters", charters)
    for folder in addedFolders(with) { add("--with", folder) }
    add("--policies", policies.map(absolutePath))
    add("--policy-url", policyURL)
    add("--policy-stale-seconds", policyStaleSeconds)
    add("--audit-keep-days", auditKeepDays)
    add("--port-offset", portOffset)
    add("--gateway-port", gatewayPort)
    add("--bind", bind)
    add("--issuer", issuer)
    add("--edge-certificate", edgeCertificate.map(Self.paperPath))
    add("--edge-key", edgeKey.map(Self.paperPath))
    add("--outside-ca", outsideCA.map(Self.paperPath))
    add("--issuers", issuers.map(Self.paperPath))
    add("--otlp", otlp)
    add("--limits-factor", limitsFactor)
    add("--database", database)
    add("--ledger-database", ledgerDatabase)
    words += keeping.words + chosen.words
    #if DEBUG
      for weakness in weaken { add("--weaken", weakness.rawValue) }
    #endif
    if requireConfinement { words.append("--require-confinement") }
    if trustHomePath { words.append("--trust-home-path") }
    return words
  }
}

#if DEBUG
  extension Weakness: ExpressibleByArgument {}
#endif
