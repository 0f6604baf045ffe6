package import Chassis
import Crypto
package import Sealing
import Storage
package import Vocabulary

/// The sealed columns of this service.
enum SealedColumn {
  /// The platform has one tenant today; the name is part of every seal, so a second one changes nothing for the first.
  static let tenant = "main"

  static func secret(_ name: String) -> SealingContext {
    SealingContext(tenant: tenant, table: "sealed_secrets", column: "secret", row: name)
  }
  static func signingKey(_ kid: String) -> SealingContext {
    SealingContext(tenant: tenant, table: "signing_keys", column: "secret", row: kid)
  }
}

extension IdentityStore {
  /// The keys that must never change; made at the first start.
  package func secrets(
    _ keyring: Keyring, randomness: Randomness
  ) async throws -> IdentitySecrets {
    try await store.write { transaction in
      func key(_ name: String) throws -> SymmetricKey {
        if let row = try transaction.row(
          "SELECT secret FROM sealed_secrets WHERE name = ?", [.text(name)])
        {
          let sealed = try row.blob("secret")
          return SymmetricKey(data: try keyring.open(sealed, context: SealedColumn.secret(name)))
        }
        let bytes = randomness.bytes(32)
        try transaction.execute(
          "INSERT INTO sealed_secrets (name, secret) VALUES (?, ?)",
          [.text(name), .blob(try keyring.seal(bytes, context: SealedColumn.secret(name)))])
        return SymmetricKey(data: bytes)
      }
      return IdentitySecrets(blindIndex: try key("blind-index"), formTokens: try key("form-tokens"))
    }
  }

  /// What the chassis asks of a service that seals. There are few fields: two secrets, and as many keys as the JWK Set may
  /// have, so one round is all.
  package var sealedFields: SealedFields {
    SealedFields(versions: { try await sealedVersions() }, reseal: { try await reseal($0) })
  }

  private func sealedVersions() async throws -> Set<UInt32> {
    try await store.read { snapshot in
      let rows = try snapshot.rows(
        "SELECT secret FROM sealed_secrets UNION ALL SELECT secret FROM signing_keys")
      return Set(try rows.map { try Keyring.version(of: $0.blob("secret")) })
    }
  }

  /// Seals everything anew that is sealed under an older version.
  /// - Returns: how many fields.
  package func reseal(_ keyring: Keyring) async throws -> Int {
    try await store.write { transaction in
      var count = 0
      for row in try transaction.rows("SELECT name, secret FROM sealed_secrets") {
        let name = try row.text("name")
        guard let sealed = try keyring.renewed(row.blob("secret"), SealedColumn.secret(name)) else {
          continue
        }
        count += try transaction.execute(
          "UPDATE sealed_secrets SET secret = ? WHERE name = ?", [.blob(sealed), .text(name)])
      }
      for row in try transaction.rows("SELECT kid, secret FROM signing_keys") {
        let kid = try row.text("kid")
        guard let sealed = try keyring.renewed(row.blob("secret"), SealedColumn.signingKey(kid))
        else { continue }
        count += try transaction.execute(
          "UPDATE signing_keys SET secret = ? WHERE kid = ?", [.blob(sealed), .text(kid)])
      }
      return count
    }
  }
}
