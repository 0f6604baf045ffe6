/// Where a sealed field lives. It is authenticated with the field, so a value copied into another
/// row, column or tenant does not open there.
package struct SealingContext: Hashable, Sendable {
  package let tenant: String
  package let table: String
  package let column: String
  package let row: String

  package init(tenant: String, table: String, column: String, row: String) {
    self.tenant = tenant
    self.table = table
    self.column = column
    self.row = row
  }

  /// Each part behind its length, so that no two contexts have the same bytes.
  /// - Throws: `SealingRefusal.contextTooLarge`.
  func bytes() throws(SealingRefusal) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in [tenant, table, column, row] {
      let utf8 = Array(part.utf8)
      guard utf8.count <= SealingLimits.contextPartBytesMax else { throw .contextTooLarge }
      bytes.append(UInt8(utf8.count >> 8))
      bytes.append(UInt8(utf8.count & 0xff))
      bytes += utf8
    }
    return bytes
  }
}
