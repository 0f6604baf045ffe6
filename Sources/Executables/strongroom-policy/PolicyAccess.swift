import ArgumentParser
import PolicyBundles
import PolicyDocuments
import PolicyServer
import Telemetry

extension LogLevel: ExpressibleByArgument {}
extension RequestAuthentication: ExpressibleByArgument {}
extension RequestAuthorization: ExpressibleByArgument {}

/// Who may ask, and how that is known.
struct PolicyAccess: ParsableArguments {
  @Option(help: ArgumentHelp("Certificate with its chain, PEM.", valueName: "file"))
  var tlsCertFile: String?

  @Option(help: ArgumentHelp("Its private key, PEM.", valueName: "file"))
  var tlsPrivateKeyFile: String?

  @Option(
    help: ArgumentHelp("Authorities of callers, for --authentication tls.", valueName: "file"))
  var tlsCaCertFile: String?

  @Option(help: "off, token (bearer token) or tls (client certificate): what 'identity' is.")
  var authentication = RequestAuthentication.off

  @Option(help: "off or basic: data.system.authz.allow decides about each request.")
  var authorization = RequestAuthorization.off

  @Flag(help: "Listen where others reach it although nobody is asked who they are.")
  var insecureAddress = false

  var tls: PolicyServerTLS? {
    guard let tlsCertFile, let tlsPrivateKeyFile else { return nil }
    return PolicyServerTLS(
      certificateFile: tlsCertFile, keyFile: tlsPrivateKeyFile,
      callerAuthorityFile: authentication == .tls ? tlsCaCertFile : nil)
  }

  /// Nobody reads along, and callers show who they are.
  var isGuarded: Bool { tls != nil && authentication != .off }

  func validate(_ address: ListenAddress) throws {
    guard (tlsCertFile == nil) == (tlsPrivateKeyFile == nil) else {
      throw ValidationError("--tls-cert-file and --tls-private-key-file belong together")
    }
    guard authentication != .tls || tls != nil && tlsCaCertFile != nil else {
      throw ValidationError(
        "--authentication tls needs --tls-cert-file, --tls-private-key-file and --tls-ca-cert-file")
    }
    guard authentication != .token || authorization == .basic else {
      throw ValidationError(
        "a token proves nothing until data.system.authz.allow has looked at it: add --authorization basic"
      )
    }
    guard address.isLoopback || isGuarded || insecureAddress else {
      throw ValidationError(
        """
        \(address.host) can be reached by others, who could read and change all policies. Add --tls-cert-file, \
        --tls-private-key-file and --authentication, or --insecure-address where something else keeps them away.
        """)
    }
  }
}

/// Who must have signed the bundles.
struct PolicySignature: ParsableArguments {
  @Option(help: ArgumentHelp("PEM of the public key, or the secret.", valueName: "key"))
  var verificationKey: String?

  @Option(help: "\(BundleSigningKey.algorithms.joined(separator: ", ")).")
  var signingAlg = "RS256"

  @Option(help: "What the signature must be for.")
  var scope: String?

  func validate() throws {
    guard BundleSigningKey.algorithms.contains(signingAlg) else {
      throw ValidationError("--signing-alg must be one of \(BundleSigningKey.algorithms)")
    }
  }

  func verification() throws -> BundleVerification? {
    do {
      return try verificationKey.map {
        BundleVerification(
          algorithm: signingAlg, key: try PolicyBuildCommand.key($0, signingAlg),
          scope: scope ?? "")
      }
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    }
  }
}

/// `host:port`; without a host all addresses of the machine.
struct ListenAddress {
  let host: String
  let port: Int

  /// - Throws: `ValidationError`.
  init(_ text: String) throws {
    guard let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
    else { throw ValidationError("--addr must be host:port, such as localhost:8181") }
    self.port = port
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    // Clients that were told 127.0.0.1 and those that were told localhost find the same server.
    self.host = host.isEmpty ? "0.0.0.0" : host == "localhost" ? "127.0.0.1" : host
  }

  var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
}
