import AuditAPI
import AuthorityAPI
import Chassis
import Sealing
import Storage
import Vocabulary

/// SQL of the secrets of the outside. Values are sealed before they come here and opened after.
extension AuthorityStore {
  /// What is kept of one secret.
  struct KeptSecret: Sendable {
    let name: SecretName
    let version: Int
    /// Nil for one that was removed.
    let sealed: [UInt8]?
    let changedAt: Instant
  }

  /// Keeps a value under the next version.
  /// - Parameter record: the audit record of it, from the version.
  /// - Returns: the version.
  func setSecret(
    _ value: [UInt8], at place: SecretPlace, _ now: Instant,
    record: @escaping @Sendable (Int) -> AuditRecord
  ) async throws -> Int {
    try await changeSecret(at: place, now, record: record) { version in
      try self.sealing.seal(value, context: self.context(of: place, version))
    }
  }

  /// Forgets a value; its number stays.
  /// - Returns: the version after it.
  /// - Throws: `Problem.notFound` where there is none.
  func removeSecret(
    at place: SecretPlace, _ now: Instant, record: @escaping @Sendable (Int) -> AuditRecord
  ) async throws -> Int {
    try await changeSecret(at: place, now, isRemoval: true, record: record) { _ in nil }
  }

  /// All of a service's secrets, also removed ones, by name.
  func secrets(of service: ServiceName) async throws -> [KeptSecret] {
    try await store.read { snapshot in
      try snapshot.rows(
        "SELECT name, version, sealed_value, changed_at FROM secrets WHERE service = ? ORDER BY name",
        [.id(service)]
      ).map { row in
        guard let name = SecretName(try row.text("name")) else { throw Problem.defect }
        return KeptSecret(
          name: name, version: Int(try row.integer("version")),
          sealed: try row.optionalBlob("sealed_value"),
          changedAt: Instant(nanoseconds: try row.integer("changed_at")))
      }
    }
  }

  /// The value of a secret; nil for one that was removed.
  /// - Throws: `SealingRefusal` where it is not what was kept here.
  func value(of secret: KeptSecret, _ service: ServiceName) throws(SealingRefusal) -> Secret? {
    guard let sealed = secret.sealed else { return nil }
    let place = SecretPlace(service: service, name: secret.name)
    var bytes = try sealing.open(sealed, context: context(of: place, secret.version))
    defer { bytes.wipe() }
    return Secret(bytes)
  }

  private func changeSecret(
    at place: SecretPlace, _ now: Instant, isRemoval: Bool = false,
    record: @escaping @Sendable (Int) -> AuditRecord,
    _ sealed: @escaping @Sendable (Int) throws -> [UInt8]?
  ) async throws -> Int {
    try await store.write { transaction in
      let known = try transaction.row(
        "SELECT version, sealed_value FROM secrets WHERE service = ? AND name = ?",
        [.id(place.service), .id(place.name)])
      let isThere = try known?.optionalBlob("sealed_value") != nil
      guard isThere || !isRemoval else { throw Problem.notFound }
      let version = Int(try known?.integer("version") ?? 0) + 1
      try transaction.execute(
        """
        INSERT INTO secrets (service, name, version, sealed_value, changed_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (service, name) DO UPDATE SET version = excluded.version,
          sealed_value = excluded.sealed_value, changed_at = excluded.changed_at
        """,
        [
          .id(place.service), .id(place.name), .count(version),
          .optional(try sealed(version)), .integer(now.nanoseconds),
        ])
      transaction.append(OutboxMessage(record(version)))
      return version
    }
  }

  private func context(of place: SecretPlace, _ version: Int) -> SealingContext {
    SealingContext(
      tenant: trustDomain, table: "secrets", column: "sealed_value",
      row: "\(place.service)/\(place.name)/\(version)")
  }
}
