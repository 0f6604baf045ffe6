import ArgumentParser
import AuthorityAPI
import IdentityAPI
import OperatorCommands
import Vocabulary

struct RotateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate", abstract: "Replace keys while everything runs.",
    discussion: """
      Nothing is interrupted: what the old key signed or sealed stays readable until it has expired or \
      was sealed anew. Each rotation is in the audit log, with the operator as its caller.
      """,
    subcommands: [
      RotateIssuerCommand.self, RotateRootCommand.self, RotateSealingKeyCommand.self,
      RotateSigningKeyCommand.self,
    ])
}

struct RotateIssuerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issuer", abstract: "The authority that signs workload certificates.",
    discussion:
      "Certificates that are out stay good for their hour; new ones come from the new issuer.")
  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      try await place.send(Nothing(), to: AuthorityOperations.rotateIssuer)
    }
  }
}

struct RotateRootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "root", abstract: "The trust root, with overlap.",
    discussion: """
      Both roots are in every trust bundle until the last certificate below the old one has expired.
      The gateway's edge-ca.pem is written anew: hand it to whoever pins it.
      """)
  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      try await place.send(Nothing(), to: AuthorityOperations.rotateTrustRoot)
    }
  }
}

struct RotateSealingKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sealing-key", abstract: "The key that seals a service's sensitive columns.",
    discussion: """
      The service seals with the new version within some seconds, and seals anew what lies under older \
      ones. When nothing is left under an old version, the authority retires it.
      """)
  @OptionGroup var place: PlaceOptions

  @Argument(help: "The service, for example customers.")
  var service: String

  func run() async throws {
    try await reporting(json: place.json) {
      guard let name = ServiceName(service) else {
        throw ValidationError("'\(service)' is not a service's name")
      }
      try await place.send(
        RotateSealingKey(service: name), to: AuthorityOperations.rotateSealingKey)
    }
  }
}

struct RotateSigningKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signing-key", abstract: "The key that signs access and identity tokens.",
    discussion: """
      The key that was announced in the JWKS signs from now on and the next one is announced; tokens of \
      the old key stay good until they expire.
      """)
  @OptionGroup var place: PlaceOptions

  @Option(
    help: "ES256 or EdDSA: the algorithm of the next key. RS256: the key for clients of its own.")
  var alg: String?

  func run() async throws {
    try await reporting(json: place.json) {
      try await place.send(KeyRotation(alg: alg), to: IdentityOperations.rotateSigningKey)
    }
  }
}
