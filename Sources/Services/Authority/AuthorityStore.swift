import AuditAPI
import Chassis
import Crypto
import Sealing
import Storage
import Vocabulary
import WorkloadIdentity

/// All of the authority's SQL. Private keys are sealed before they come here and opened after.
struct AuthorityStore: Sendable {
  /// Versions of one service's sealing keys.
  static let sealingVersionsMax = 1_000

  let store: Store
  let sealing: Keyring
  let trustDomain: String

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

  /// The newest version of a service's sealing keys; the first is made on the first question.
  func sealingVersion(of service: ServiceName, at now: Instant) async throws -> Int {
    try await store.write { transaction in
      let version = try Self.newest(of: service, transaction)
      guard version == 0 else { return version }
      try Self.add(1, to: service, transaction, at: now)
      return 1
    }
  }

  /// Adds a version.
  /// - Throws: `Problem` beyond `sealingVersionsMax`.
  func rotateSealing(of service: ServiceName, at now: Instant) async throws -> Int {
    try await store.write { transaction in
      let next = try Self.newest(of: service, transaction) + 1
      guard next <= Self.sealingVersionsMax else {
        throw Problem("too-many-versions", 409, "The service has as many key versions as it may")
      }
      try Self.add(next, to: service, transaction, at: now)
      return next
    }
  }

  /// A service's key: derived, never stored, different for every service and version.
  func sealingKey(of service: ServiceName, version: Int) throws -> [UInt8] {
    try Self.sealingKey(of: service, version: version, from: sealing)
  }

  static func sealingKey(
    of service: ServiceName, version: Int, from root: Keyring
  ) throws -> [UInt8] {
    try root.subkey(label: "sealing/\(service)/\(version)", version: 1).withBytes { Array($0) }
  }

  /// The newest version of each service's sealing keys.
  func sealingVersions() async throws -> [String: Int] {
    let rows = try await store.read {
      try $0.rows("SELECT service, max(version) AS newest FROM sealing_versions GROUP BY service")
    }
    return try rows.reduce(into: [:]) { $0[try $1.text("service")] = Int(try $1.integer("newest")) }
  }

  private static func newest(of service: ServiceName, _ transaction: Transaction) throws -> Int {
    let row = try transaction.row(
      "SELECT max(version) AS newest FROM sealing_versions WHERE service = ?", [.id(service)])
    return Int(try row?.optionalInteger("newest") ?? 0)
  }

  private static func add(
    _ version: Int, to service: ServiceName, _ transaction: Transaction, at now: Instant
  ) throws {
    _ = try transaction.execute(
      "INSERT INTO sealing_versions (service, version, created_at) VALUES (?, ?, ?)",
      [.id(service), .count(version), .integer(now.nanoseconds)])
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
        hint: "use the root key or passphrase, and the trust domain, that this store was made with")
    }
    let privateKey = try P256.Signing.PrivateKey(rawRepresentation: raw)
    let certificate = try row.optionalBlob("certificate")
    let slot = KeySlot(
      id: id, kind: kind, issuedBy: try row.optionalText("issued_by").flatMap { SigningKeyID($0) },
      createdAt: Instant(nanoseconds: try row.integer("created_at")),
      activeFrom: Instant(nanoseconds: try row.integer("active_from")),
      notAfter: Instant(nanoseconds: try row.integer("not_after")),
      retiresAt: try row.optionalInteger("retires_at").map { Instant(nanoseconds: $0) })
    return SigningKey(
      slot: slot, privateKey: privateKey,
      authority: try certificate.map {
        try CertificateAuthority(certificateBytes: $0, privateKey: privateKey)
      })
  }

  private static let damaged = StartFailure(
    "the authority's store holds a key that it cannot have written",
    hint: "restore the newest backup of this store; nothing was written to it")
}
