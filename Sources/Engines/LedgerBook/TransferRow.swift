import Vocabulary

/// A transfer as it was accepted, in fixed width: what the journal is made of. 128 bytes,
/// little-endian, in the order of these fields; accounts stand as their numbers. Its sequence is its
/// place in the journal. It never changes.
package struct TransferRow: BitwiseCopyable, Hashable, Sendable {
  package static let bytes = 128

  package var id: UInt128
  /// The hold that it posts or voids; zero: none.
  package var pendingID: UInt128
  /// Zero: none.
  package var paymentID: UInt128
  /// Zero: none.
  package var correlationID: UInt128
  /// The transaction token by which a person allowed it; zero: none.
  package var token: UInt128
  /// Minor units moved or reserved, 0 to `Book.amountMax`.
  package var amount: Int64
  /// What a balancing transfer asked for at most; `RequestRow.absentAmount`: all, or not balancing.
  package var amountLimit: Int64
  package var debit: UInt32
  package var credit: UInt32
  package var timeoutSeconds: UInt32
  /// Days since 1970-01-01; `RequestRow.absentDay`: none.
  package var bookedOn: Int32
  package var code: UInt16
  /// ISO 4217, numeric.
  package var currency: UInt16
  package var flags: UInt16
  /// Who asked for it, as the ledger numbers its callers; zero: the operator, or a book older than this field.
  package var maker: UInt16
  /// Nanoseconds since 1970.
  package var createdAt: Int64

  /// The request as it is, with the two accounts and the amount that the book decided.
  @inline(__always)
  init(
    _ request: RequestRow, token: UInt128, debit: Int, credit: Int, amount: Int64, createdAt: Int64
  ) {
    id = request.id
    pendingID = request.pendingID
    paymentID = request.paymentID
    correlationID = request.correlationID
    self.token = token
    self.amount = amount
    amountLimit = request.does(.balancing) ? request.amount : RequestRow.absentAmount
    self.debit = UInt32(truncatingIfNeeded: debit)
    self.credit = UInt32(truncatingIfNeeded: credit)
    timeoutSeconds = request.timeoutSeconds
    bookedOn = request.bookedOn
    code = request.code
    currency = request.currency
    flags = request.flags
    maker = request.maker
    self.createdAt = createdAt
  }

  /// Who made it, also where the book is older than the field: only payments made holds on tokens then.
  package var madeBy: UInt16 {
    maker == RequestRow.operatorMaker && token != 0 ? RequestRow.paymentsMaker : maker
  }

  /// Whether this hold may be ended by the request. Its maker ends it, for it alone had the person's permission, which
  /// stays with the hold as `token`; the operator gives a hold back, but never posts one of others.
  func isEnded(by request: RequestRow) -> Bool {
    request.maker == madeBy || request.maker == maker
      || (request.does(.voidPending) && request.maker == RequestRow.operatorMaker)
  }

  /// True where it has one of these flags.
  @inline(__always)
  package func does(_ any: TransferFlags) -> Bool { flags & any.rawValue != 0 }
  /// True where it posts or voids a hold.
  package var resolves: Bool { flags & TransferFlags.resolving.rawValue != 0 }
  /// When a hold gives the money back by itself, in nanoseconds since 1970; nil: never.
  package var expiresAt: Int64? {
    guard does(.pending), timeoutSeconds > 0 else { return nil }
    return (Instant(nanoseconds: createdAt) + .seconds(Int64(timeoutSeconds))).nanoseconds
  }
}

/// A transfer of the past with its place in it.
package struct KnownTransfer: BitwiseCopyable, Hashable, Sendable {
  package let row: TransferRow
  /// From 1, without gaps.
  package let sequence: Int64
  package init(row: TransferRow, sequence: Int64) {
    self.row = row
    self.sequence = sequence
  }
}

extension Book {
  /// A row in words; nil where it names an account or a currency that does not exist.
  package func transfer(_ known: KnownTransfer) -> Transfer? {
    let row = known.row
    guard accounts.indices.contains(Int(row.debit)), accounts.indices.contains(Int(row.credit)),
      let currency = Currency(numericCode: row.currency)
    else { return nil }
    var request = TransferRequest(id: TransferID(bits: row.id))
    request.amount = row.amountLimit == RequestRow.absentAmount ? nil : row.amountLimit
    request.code = row.code
    request.pendingID = row.pendingID == 0 ? nil : TransferID(bits: row.pendingID)
    request.timeoutSeconds = Int64(row.timeoutSeconds)
    request.paymentID = row.paymentID == 0 ? nil : PaymentID(bits: row.paymentID)
    request.correlationID = CorrelationID(bits: row.correlationID)
    if row.bookedOn != RequestRow.absentDay {
      request.bookedOn = CivilDate(daysSinceEpoch: Int(row.bookedOn))
    }
    request.flags = TransferFlags(rawValue: row.flags)
    request.maker = row.madeBy
    return Transfer(
      request, debitAccount: AccountID(bits: accounts[Int(row.debit)].id),
      creditAccount: AccountID(bits: accounts[Int(row.credit)].id), amount: row.amount,
      currency: currency, sequence: known.sequence,
      createdAt: Instant(nanoseconds: row.createdAt))
  }
}
