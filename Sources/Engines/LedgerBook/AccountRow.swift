package import Vocabulary

/// An account in fixed width, as the book keeps it: 80 bytes without a reference.
package struct AccountRow: BitwiseCopyable, Hashable, Sendable {
  package var id: UInt128
  /// Zero: the bank's own.
  package var owner: UInt128
  /// Nanoseconds since 1970.
  package var createdAt: Int64
  package var debitsPending: Int64 = 0
  package var debitsPosted: Int64 = 0
  package var creditsPending: Int64 = 0
  package var creditsPosted: Int64 = 0
  /// ISO 4217, numeric.
  package var currency: UInt16
  package var code: UInt16
  package var flags: UInt16
  /// `AccountBars`: zero while it is open.
  package var closed: UInt16

  package init(_ request: AccountRequest, createdAt: Instant) {
    id = request.id.bits
    owner = request.owner?.bits ?? 0
    self.createdAt = createdAt.nanoseconds
    currency = request.currency.numericCode
    code = request.code
    flags = request.flags.rawValue
    closed = request.flags.contains(.closed) ? 1 : 0
  }

  /// From storage, field by field.
  package init(
    id: UInt128, owner: UInt128, createdAt: Int64, currency: UInt16, code: UInt16, flags: UInt16,
    closed: UInt16
  ) {
    self.id = id
    self.owner = owner
    self.createdAt = createdAt
    self.currency = currency
    self.code = code
    self.flags = flags
    self.closed = closed
  }

  func has(_ flag: AccountFlags) -> Bool { flags & flag.rawValue != 0 }

  /// What further debits leave within posted credits, in minor units; never negative.
  var debitsLeft: Int64 { max(0, creditsPosted - debitsPosted - debitsPending) }
  /// What further credits leave within posted debits, in minor units; never negative.
  var creditsLeft: Int64 { max(0, debitsPosted - creditsPosted - creditsPending) }
}

extension Account {
  /// Nil where the currency is none of ISO 4217, which an account of the book never has.
  package init?(_ row: AccountRow) {
    guard let currency = Currency(numericCode: row.currency) else { return nil }
    self.init(
      AccountRequest(
        id: AccountID(bits: row.id), currency: currency, code: row.code,
        owner: row.owner == 0 ? nil : PersonID(bits: row.owner),
        flags: AccountFlags(rawValue: row.flags)),
      createdAt: Instant(nanoseconds: row.createdAt))
    debitsPending = row.debitsPending
    debitsPosted = row.debitsPosted
    creditsPending = row.creditsPending
    creditsPosted = row.creditsPosted
    isClosed = row.isClosed
    isFrozen = row.isFrozen
  }
}
