import Sealing
package import Storage
import Vocabulary

extension PaymentStore {
  /// Under which versions references are sealed.
  package static func sealedVersions(in store: Store) async throws -> Set<UInt32> {
    try await store.read { try $0.sealedVersions("sealed_reference", of: "payments") }
  }

  /// Seals the next references anew that are in clear or under an older key, in one short change.
  /// - Returns: how many; fewer than `limit` means that none is left.
  package func resealBatch(limit: Int) async throws -> Int {
    let head = seals.current.fieldHead
    return try await store.write { transaction in
      var rows = try transaction.rows(
        """
        SELECT id, reference, sealed_reference FROM payments WHERE reference IS NOT NULL LIMIT ?
        """, [.count(limit)])
      for comparison in ["<", ">"] where rows.count < limit {
        rows += try transaction.rows(
          """
          SELECT id, reference, sealed_reference FROM payments WHERE sealed_reference IS NOT NULL
          AND substr(sealed_reference, 1, 5) \(comparison) ? LIMIT ?
          """, [.blob(head), .count(limit - rows.count)])
      }
      for row in rows {
        guard let id = PaymentID(try row.text("id")) else {
          throw StoreError.unexpectedColumn("id")
        }
        let clear: Masked<String>
        if let text = try row.optionalText("reference") {
          clear = Masked(text)
        } else {
          clear = try self.seals.opened(try row.blob("sealed_reference"), of: id)
        }
        // The store overwrites what it lets go (`secure_delete`), so nothing of it stays in the file.
        try transaction.execute(
          "UPDATE payments SET sealed_reference = ?, reference = NULL WHERE id = ?",
          [.blob(try self.seals.sealed(clear, of: id)), .id(id)])
      }
      return rows.count
    }
  }
}
