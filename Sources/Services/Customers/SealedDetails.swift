package import CustomersAPI
package import Sealing
import StrictJSON
package import Vocabulary

/// Personal details as the store has them: each column sealed for its own place, so that no value can be moved to another
/// row or column unnoticed.
package struct SealedDetails: Sendable, Hashable {
  /// The platform has one tenant today; the name is part of every seal, so a second one changes nothing for the first.
  static let tenant = "main"
  static let table = "customers"

  package enum Column: String, Sendable, CaseIterable {
    case givenName = "given_name"
    case familyName = "family_name"
    case email, phone, address
    case birthDate = "birth_date"
    case nationalID = "national_id"
  }

  /// By column; `nationalID` may be absent.
  package let columns: [Column: [UInt8]]

  package init(columns: [Column: [UInt8]]) { self.columns = columns }

  /// - Throws: `SealingRefusal` when the keyring cannot seal (any more).
  package init(_ details: PersonalDetails, of id: PersonID, by keyring: Keyring) throws {
    var columns: [Column: [UInt8]] = [:]
    for column in Column.allCases {
      guard let plain = try Self.plain(column, of: details) else { continue }
      columns[column] = try keyring.seal(plain, context: Self.context(column, id))
    }
    self.columns = columns
  }

  /// - Throws: `SealingRefusal` when a column was changed, moved, or sealed under a key that is not ours.
  package func opened(of id: PersonID, by keyring: Keyring) throws -> PersonalDetails {
    func text(_ column: Column) throws -> String? {
      guard let sealed = columns[column] else { return nil }
      let bytes = try keyring.open(sealed, context: Self.context(column, id))
      guard let text = String(validating: bytes, as: UTF8.self) else { throw MissingColumn(column) }
      return text
    }
    func mandatory(_ column: Column) throws -> String {
      guard let value = try text(column) else { throw MissingColumn(column) }
      return value
    }
    return PersonalDetails(
      givenName: try mandatory(.givenName), familyName: try mandatory(.familyName),
      email: try mandatory(.email), phone: try mandatory(.phone),
      address: try StrictJSON.decode(
        PostalAddress.self, from: Array(mandatory(.address).utf8)),
      birthDate: try mandatory(.birthDate), nationalID: try text(.nationalID))
  }

  /// The same details under the keyring's current version.
  package func renewed(of id: PersonID, by keyring: Keyring) throws -> SealedDetails {
    var renewed = columns
    for (column, sealed) in columns {
      let context = Self.context(column, id)
      renewed[column] = try keyring.seal(keyring.open(sealed, context: context), context: context)
    }
    return SealedDetails(columns: renewed)
  }

  static func context(_ column: Column, _ id: PersonID) -> SealingContext {
    SealingContext(tenant: tenant, table: table, column: column.rawValue, row: "\(id)")
  }

  private static func plain(_ column: Column, of details: PersonalDetails) throws -> [UInt8]? {
    switch column {
    case .givenName: Array(details.givenName.reveal(for: .sealing).utf8)
    case .familyName: Array(details.familyName.reveal(for: .sealing).utf8)
    case .email: Array(details.email.reveal(for: .sealing).utf8)
    case .phone: Array(details.phone.reveal(for: .sealing).utf8)
    case .address: try StrictJSON.encode(details.address.reveal(for: .sealing))
    case .birthDate: Array(details.birthDate.reveal(for: .sealing).utf8)
    case .nationalID: details.nationalID.map { Array($0.reveal(for: .sealing).utf8) }
    }
  }
}

/// A row without a column it must have: the file was touched by somebody else.
struct MissingColumn: Error {
  let column: String
  init(_ column: SealedDetails.Column) { self.column = column.rawValue }
}
