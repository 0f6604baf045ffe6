import AuthorityAPI
import Chassis
import Sealing
import StrictJSON
import Tokens
import Vocabulary

/// Gives payments its keyring; the authority's own attestation is tested with the authority.
struct KeyKeeper: Service {
  static let name: ServiceName = "authority"
  private static let key = [UInt8](repeating: 5, count: 32)
  static func keyring() throws -> Keyring { try Keyring(keys: [1: key], current: 1) }

  init(_ context: ServiceContext) async throws {}
  var auditSink: AuditSink? { { _ in } }
  var operations: [String: Handler] {
    [
      AuthorityOperations.getSealingKeyring.id: { _ in
        let version = SealingKeyVersion(version: 1, key: Base64URL.encode(Self.key))
        return try .json(200, SealingKeyring(current: 1, keys: [version]))
      },
      // There is one version, so nobody has anything to report.
      AuthorityOperations.reportSealingVersions.id: { _ in throw Problem.notFound },
    ]
  }
}
