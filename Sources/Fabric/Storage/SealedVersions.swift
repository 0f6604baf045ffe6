import Sealing

extension Snapshot {
  /// Under which versions of the keyring a column's fields are sealed; fields in clear are passed over. Goes from version to
  /// version by an index on the field's first bytes, so that it does not grow with the table.
  /// - Parameters:
  ///   - column: of sealed fields; beside them there may be text that begins with a visible character.
  ///   - table: with an index on `substr(column, 1, 5)` where the column is not null.
  package func sealedVersions(_ column: String, of table: String) throws -> Set<UInt32> {
    let head = "substr(\(column), 1, \(Keyring.headBytes))"
    var versions: Set<UInt32> = []
    var after: [UInt8] = []
    while let found = try row(
      """
      SELECT \(head) AS head FROM \(table) WHERE \(column) IS NOT NULL AND \(head) > ?
      ORDER BY \(head) LIMIT 1
      """, [.blob(after)])
    {
      after = try found.blob("head")
      guard let version = Keyring.version(ofHead: after) else { break }
      versions.insert(version)
    }
    return versions
  }
}
