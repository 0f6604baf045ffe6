package import AuditAPI
package import Chassis
import CustomersAPI
import Sealing
package import Storage
package import Vocabulary

/// All of this service's SQL.
package struct CustomerStore: Sendable {
  private let store: Store
  package init(_ store: Store) { self.store = store }

  /// A row as it is.
  package struct Stored: Sendable {
    package let details: SealedDetails
    package let keyVersion: UInt32
    package let createdAt: Instant
  }

  package func customer(_ id: PersonID) async throws -> Stored? {
    try await store.read { try $0.customer(id) }
  }

  /// Keeps a new customer and the record of it, in one change.
  /// - Returns: the row under this id: this one, or the one that was there before (then nothing changed).
  package func add(
    _ details: SealedDetails, of id: PersonID, keyVersion: UInt32, record: AuditRecord
  ) async throws -> Stored {
    try await store.write { transaction in
      if let stored = try transaction.snapshot.customer(id) { return stored }
      try transaction.execute(
        """
        INSERT INTO customers (id, key_version, given_name, family_name, email, phone, address,
          birth_date, national_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [.id(id), .count(keyVersion)] + details.values + [.integer(record.at.milliseconds)])
      transaction.append(OutboxMessage(record))
      return Stored(
        details: details, keyVersion: keyVersion,
        createdAt: Instant(milliseconds: record.at.milliseconds))
    }
  }

  /// Seals one row anew, if it still has the version it was read with.
  package func reseal(
    _ id: PersonID, from version: UInt32, _ details: SealedDetails, to newer: UInt32
  ) async throws {
    try await store.write { transaction in
      try transaction.update(id, from: version, details, to: newer)
    }
  }

  /// Seals the next rows anew that are under an older version than the keyring's current one.
  /// - Returns: how many; fewer than the limit means that none is left.
  private func resealBatch(by keyring: Keyring, _ limit: Int) async throws -> Int {
    try await store.write { transaction in
      let rows = try transaction.rows(
        """
        SELECT \(Snapshot.columns) FROM customers WHERE key_version < ?
        ORDER BY key_version, id LIMIT ?
        """, [.count(keyring.currentVersion), .count(limit)])
      for row in rows {
        guard let id = PersonID(try row.text("id")) else { throw MissingColumn(.givenName) }
        let stored = try row.stored()
        try transaction.update(
          id, from: stored.keyVersion, stored.details.renewed(of: id, by: keyring),
          to: keyring.currentVersion)
      }
      return rows.count
    }
  }

  /// What the chassis asks of a service that seals.
  package var sealedFields: SealedFields {
    SealedFields(
      versions: { try await Set(counts().keys) }, batch: { try await resealBatch(by: $0, $1) })
  }

  /// How many rows are sealed under each version.
  package func counts() async throws -> [UInt32: Int64] {
    try await store.read { snapshot in
      let rows = try snapshot.rows(
        "SELECT key_version, count(*) AS rows FROM customers GROUP BY key_version")
      return try rows.reduce(into: [:]) {
        $0[UInt32(clamping: try $1.integer("key_version"))] = try $1.integer("rows")
      }
    }
  }
}

extension Snapshot {
  fileprivate static let columns =
    "id, key_version, given_name, family_name, email, phone, address, birth_date, national_id, "
    + "created_at"

  fileprivate func customer(_ id: PersonID) throws -> CustomerStore.Stored? {
    try row("SELECT \(Self.columns) FROM customers WHERE id = ?", [.id(id)])?.stored()
  }
}

extension Transaction {
  fileprivate func update(
    _ id: PersonID, from version: UInt32, _ details: SealedDetails, to newer: UInt32
  ) throws {
    try execute(
      """
      UPDATE customers SET given_name = ?, family_name = ?, email = ?, phone = ?, address = ?,
        birth_date = ?, national_id = ?, key_version = ? WHERE id = ? AND key_version = ?
      """, details.values + [.count(newer), .id(id), .count(version)])
  }
}

extension Row {
  fileprivate func stored() throws -> CustomerStore.Stored {
    var columns: [SealedDetails.Column: [UInt8]] = [:]
    for column in SealedDetails.Column.allCases {
      columns[column] = try optionalBlob(column.rawValue)
    }
    return CustomerStore.Stored(
      details: SealedDetails(columns: columns),
      keyVersion: UInt32(clamping: try integer("key_version")),
      createdAt: Instant(milliseconds: try integer("created_at")))
  }
}

extension SealedDetails {
  /// In the order of the columns in `INSERT` and `UPDATE` above, which is the order of the cases.
  fileprivate var values: [SQLValue] { Column.allCases.map { .optional(columns[$0]) } }
}

extension Instant {
  /// As the store keeps moments: whole milliseconds since the epoch.
  fileprivate var milliseconds: Int64 { nanoseconds / 1_000_000 }
  fileprivate init(milliseconds: Int64) {
    self.init(nanoseconds: milliseconds.multipliedReportingOverflow(by: 1_000_000).partialValue)
  }
}
