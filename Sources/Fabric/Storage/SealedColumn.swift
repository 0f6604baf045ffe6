package import Sealing

/// One column whose fields are sealed: AES-256-GCM with the key's version in the ciphertext, and
/// tenant, table, column and row as associated data, so that a field copied to another place does
/// not open there.
package struct SealedColumn: Sendable {
  /// There is one tenant so far.
  package static let tenant = "strongroom"

  private let keyring: Keyring
  private let table: String
  private let column: String

  package init(table: String, column: String, keyring: Keyring) {
    self.table = table
    self.column = column
    self.keyring = keyring
  }

  /// - Parameter row: the row's primary key, as text.
  /// - Throws: `SealingRefusal`.
  package func seal(_ text: String, row: String) throws(SealingRefusal) -> SQLValue {
    .blob(try keyring.seal(Array(text.utf8), context: context(row)))
  }

  /// - Throws: `StoreError.unexpectedColumn` where the column is not in the answer,
  ///   `SealingRefusal`.
  package func open(_ answer: Row, row: String) throws -> String {
    String(
      decoding: try keyring.open(try answer.blob(column), context: context(row)), as: UTF8.self)
  }

  private func context(_ row: String) -> SealingContext {
    SealingContext(tenant: Self.tenant, table: table, column: column, row: row)
  }
}
