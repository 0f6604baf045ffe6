package import Chassis
package import Sealing
import Tokens
import Vocabulary

/// This service's sealing keyring as it is now, and what it seals: the references of payments, each for its own row, and
/// the places at which statements go on.
package struct PaymentSeals: Sendable {
  /// The platform has one tenant today; the name is part of every seal, so a second one changes nothing for the first.
  private static let tenant = "main"

  private let keys: SealingKeys

  package init(_ keys: SealingKeys) { self.keys = keys }

  package var current: Keyring { keys.current }

  // MARK: references

  func sealed(_ reference: Masked<String>, of payment: PaymentID) throws -> [UInt8] {
    try current.seal(
      Array(reference.reveal(for: .sealing).utf8), context: Self.reference(of: payment))
  }

  /// - Throws: `SealingRefusal` when the column was changed, moved, or sealed under a key that is not ours.
  func opened(_ sealed: [UInt8], of payment: PaymentID) throws -> Masked<String> {
    let bytes = try current.open(sealed, context: Self.reference(of: payment))
    return Masked(String(decoding: bytes, as: UTF8.self))
  }

  private static func reference(of payment: PaymentID) -> SealingContext {
    SealingContext(tenant: tenant, table: "payments", column: "reference", row: "\(payment)")
  }

  // MARK: cursors

  /// A page's `next` as the person gets it. The ledger's counts all transfers of the bank; what is sealed tells nobody
  /// how many others made in between, and is good for this account only.
  /// - Parameter balance: what the account held before the page's last line, in minor units, where it is known.
  func cursor(_ next: String, balance: Int64?, of account: AccountID) throws -> String {
    let text = balance.map { "\(next) \($0)" } ?? next
    return try sealed(text, Self.cursor(of: account))
  }

  /// The ledger's `after` and `balance_after`; nil for a text that no page of this account gave.
  func place(in cursor: String, of account: AccountID) -> (next: String, balance: String?)? {
    guard let parts = opened(cursor, Self.cursor(of: account))?.split(separator: " "),
      let next = parts.first
    else { return nil }
    return (String(next), parts.count == 2 ? String(parts[1]) : nil)
  }

  /// The same for a person's accounts: the ledger's place counts all accounts of the bank.
  func cursor(_ next: String, of person: PersonID) throws -> String {
    try sealed(next, Self.cursor(of: person))
  }

  func place(in cursor: String, of person: PersonID) -> String? {
    opened(cursor, Self.cursor(of: person))
  }

  private func sealed(_ text: String, _ context: SealingContext) throws -> String {
    Base64URL.encode(try current.seal(Array(text.utf8), context: context))
  }

  private func opened(_ cursor: String, _ context: SealingContext) -> String? {
    guard let sealed = Base64URL.decode(cursor),
      let bytes = try? current.open(sealed, context: context)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func cursor(of account: AccountID) -> SealingContext {
    SealingContext(tenant: tenant, table: "statement", column: "next", row: "\(account)")
  }

  private static func cursor(of person: PersonID) -> SealingContext {
    SealingContext(tenant: tenant, table: "accounts", column: "next", row: "\(person)")
  }
}
