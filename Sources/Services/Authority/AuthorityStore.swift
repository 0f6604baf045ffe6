import AuditAPI
import Chassis
import Crypto
import Sealing
import Storage
import Vocabulary
import WorkloadIdentity

/// All of the authority's SQL. Private keys are sealed before they come here and opened after.
struct AuthorityStore: Sendable {
  let store: Store
  let sealing: Keyring
  let trustDomain: String
  /// What the edge authority must be for; nil where nobody will sign with it.
  let edgeNames: ServerNames?

  /// All signing keys that are not forgotten.
  /// - Throws: `StartFailure` when the root key does not open them.
  func keys() async throws -> [SigningKey] {
    let rows = try await store.read {
      try $0.rows("SELECT * FROM signing_keys ORDER BY active_from")
    }
    return try rows.map { try key(from: $0) }
  }

  /// Keeps a new key, with the record of its making in the same transaction.
  func insert(_ key: SigningKey, record: AuditRecord) async throws {
    let slot = key.slot
    let sealed = try sealing.seal(
      Array(key.privateKey.rawRepresentation), context: context(of: slot.id))
    let message = OutboxMessage(record)
    try await store.write { transaction in
      _ = try transaction.execute(
        """
        INSERT INTO signing_keys
          (id, kind, issued_by, certificate, sealed_key, created_at, active_from, not_after)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          .id(slot.id), .text(slot.kind.rawValue), .optional(slot.issuedBy?.description),
          .optional(key.authority?.certificateBytes), .blob(sealed),
          .integer(slot.createdAt.nanoseconds), .integer(slot.activeFrom.nanoseconds),
          .integer(slot.notAfter.nanoseconds),
        ])
      transaction.append(message)
    }
  }

  func retire(_ id: SigningKeyID, at moment: Instant, record: AuditRecord) async throws {
    let message = OutboxMessage(record)
    try await store.write { transaction in
      _ = try transaction.execute(
        "UPDATE signing_keys SET retires_at = ? WHERE id = ?",
        [.integer(moment.nanoseconds), .id(id)])
      transaction.append(message)
    }
  }

  func forget(_ id: SigningKeyID, record: AuditRecord) async throws {
    let message = OutboxMessage(record)
    try await store.write { transaction in
      _ = try transaction.execute("DELETE FROM signing_keys WHERE id = ?", [.id(id)])
      transaction.append(message)
    }
  }

  private func context(of id: SigningKeyID) -> SealingContext {
    SealingContext(
      tenant: trustDomain, table: "signing_keys", column: "sealed_key", row: id.description)
  }

  private func key(from row: Row) throws -> SigningKey {
    guard let id = SigningKeyID(try row.text("id")),
      let kind = KeyKind(rawValue: try row.text("kind"))
    else { throw Self.damaged }
    let raw: [UInt8]
    do {
      raw = try sealing.open(try row.blob("sealed_key"), context: context(of: id))
    } catch is SealingRefusal {
      throw StartFailure(
        "the root key does not open the authority's keys",
        hint: "use the root key, and the trust domain, that this store was made with")
    }
    let privateKey = try P256.Signing.PrivateKey(rawRepresentation: raw)
    let authority = try row.optionalBlob("certificate").map {
      try CertificateAuthority(certificateBytes: $0, privateKey: privateKey)
    }
    let isFit =
      kind != .edge || edgeNames == nil || authority?.constrainedNames?.hosts == edgeNames?.hosts
    let slot = KeySlot(
      id: id, kind: kind, issuedBy: try row.optionalText("issued_by").flatMap { SigningKeyID($0) },
      createdAt: Instant(nanoseconds: try row.integer("created_at")),
      activeFrom: Instant(nanoseconds: try row.integer("active_from")),
      notAfter: Instant(nanoseconds: try row.integer("not_after")),
      retiresAt: try row.optionalInteger("retires_at").map { Instant(nanoseconds: $0) },
      isFit: isFit)
    return SigningKey(slot: slot, privateKey: privateKey, authority: authority)
  }

  private static let damaged = StartFailure(
    "the authority's store holds a key that it cannot have written",
    hint: "restore the newest backup of this store; nothing was written to it")
}
