import LedgerBook
import Storage
import Vocabulary

/// A transfer as it is stored, with the end of the hold where it is one and has one.
struct StoredTransfer: Sendable {
  let transfer: Transfer
  let end: HoldEnd?
}

extension LedgerStore {
  /// Ids in one statement; the list is filled up with zeros, which name nothing.
  private static let idsMax = 64
  private static let idMarks = Array(repeating: "?", count: idsMax).joined(separator: ", ")

  static let accountColumns = """
    SELECT a.number, a.id, a.currency, a.code, a.owner, a.flags, a.created_at,
    b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted, b.is_closed
    FROM accounts a JOIN balances b ON b.account = a.number
    """
  static let transferColumns = """
    SELECT t.sequence, t.id, d.id AS debit_id, c.id AS credit_id, t.amount, t.amount_limit,
    t.currency, t.code, t.pending_id, t.timeout_seconds, t.payment_id, t.correlation_id,
    t.booked_on, t.flags, t.created_at, e.manner, e.ended_by, e.ended_at
    FROM transfers t JOIN accounts d ON d.number = t.debit_account
    JOIN accounts c ON c.number = t.credit_account LEFT JOIN hold_ends e ON e.hold = t.sequence
    """

  static func account(_ id: AccountID, _ snapshot: Snapshot) throws -> Account? {
    try snapshot.row("\(accountColumns) WHERE a.id = ?", [.blob(id.bytes)]).map(account)
  }

  /// The accounts that exist, in the order of the ids.
  static func accounts(_ ids: [AccountID], _ snapshot: Snapshot) throws -> [Account] {
    let found = try each(ids.map(\.bytes)) { marks in
      try snapshot.rows("\(accountColumns) WHERE a.id IN (\(idMarks))", marks)
    }
    let byID = try Dictionary(
      found.map { try account($0) }.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    return ids.compactMap { byID[$0] }
  }

  static func accounts(of owner: PersonID, _ snapshot: Snapshot, max: Int) throws -> [Account] {
    try snapshot.rows(
      "\(accountColumns) WHERE a.owner = ? ORDER BY a.number LIMIT ?",
      [.blob(owner.bytes), .count(max)]
    ).map { try account($0) }
  }

  static func transfer(_ id: TransferID, _ snapshot: Snapshot) throws -> StoredTransfer? {
    try snapshot.row("\(transferColumns) WHERE t.id = ?", [.blob(id.bytes)]).map(transfer)
  }

  static func sequence(of id: TransferID, _ snapshot: Snapshot) throws -> Int64? {
    try snapshot.row("SELECT sequence FROM transfers WHERE id = ?", [.blob(id.bytes)])?
      .integer("sequence")
  }

  static func transfers(
    _ ids: some Collection<TransferID>, _ snapshot: Snapshot
  ) throws -> [StoredTransfer] {
    try each(ids.map(\.bytes)) { marks in
      try snapshot.rows("\(transferColumns) WHERE t.id IN (\(idMarks))", marks)
    }.map { try transfer($0) }
  }

  static func usedTokens(
    _ tokens: some Collection<TransactionID>, _ snapshot: Snapshot
  ) throws -> Set<TransactionID> {
    let rows = try each(tokens.map(\.bytes)) { marks in
      try snapshot.rows("SELECT txn FROM hold_tokens WHERE txn IN (\(idMarks))", marks)
    }
    return Set(try rows.map { try id($0.blob("txn")) })
  }

  /// An account's transfers after (or, newest first, before) a sequence. Each side is read by its
  /// own index.
  static func transfers(
    of number: Int64, after sequence: Int64, newestFirst: Bool, limit: Int, _ snapshot: Snapshot
  ) throws -> [StoredTransfer] {
    func side(_ column: String) -> String {
      """
      SELECT * FROM (SELECT sequence AS s FROM transfers WHERE \(column) = ?
      AND sequence \(newestFirst ? "<" : ">") ? ORDER BY sequence \(newestFirst ? "DESC" : "ASC")
      LIMIT ?)
      """
    }
    let arguments: [SQLValue] = [.integer(number), .integer(sequence), .count(limit)]
    return try snapshot.rows(
      """
      \(transferColumns) WHERE t.sequence IN
      (\(side("debit_account")) UNION ALL \(side("credit_account")))
      ORDER BY t.sequence \(newestFirst ? "DESC" : "ASC") LIMIT ?
      """, arguments + arguments + [.count(limit)]
    ).map { try transfer($0) }
  }

  static func number(of id: AccountID, _ snapshot: Snapshot) throws -> Int64? {
    try snapshot.row("SELECT number FROM accounts WHERE id = ?", [.blob(id.bytes)])?
      .integer("number")
  }

  /// The sums of each currency, as stored. Each is added up in halves of 32 bits: so many balances
  /// may exceed 64.
  static func totals(_ snapshot: Snapshot) throws -> [CurrencyTotal] {
    let sums = ["debits_pending", "debits_posted", "credits_pending", "credits_posted"].map {
      "sum(b.\($0) >> 32) AS \($0)_high, sum(b.\($0) & 4294967295) AS \($0)_low"
    }
    let rows = try snapshot.rows(
      """
      SELECT a.currency, count(*) AS accounts, \(sums.joined(separator: ", "))
      FROM accounts a JOIN balances b ON b.account = a.number GROUP BY a.currency
      """)
    return try rows.map { row in
      func sum(_ name: String) throws -> UInt128 {
        let high = UInt128(try row.integer("\(name)_high").magnitude)
        return high << 32 + UInt128(try row.integer("\(name)_low").magnitude)
      }
      return CurrencyTotal(
        currency: try currency(row), accounts: Int(try row.integer("accounts")),
        debitsPending: try sum("debits_pending"), debitsPosted: try sum("debits_posted"),
        creditsPending: try sum("credits_pending"), creditsPosted: try sum("credits_posted"))
    }.sorted { $0.currency < $1.currency }
  }

  // MARK: rows

  private static func each(
    _ ids: [[UInt8]], _ read: ([SQLValue]) throws -> [Row]
  ) rethrows -> [Row] {
    var rows: [Row] = []
    var start = 0
    while start < ids.count {
      var marks = ids[start..<min(start + idsMax, ids.count)].map { SQLValue.blob($0) }
      marks += Array(repeating: .blob([]), count: idsMax - marks.count)
      rows += try read(marks)
      start += idsMax
    }
    return rows
  }

  private static func id<Kind>(_ bytes: [UInt8]) throws -> ID<Kind> {
    guard bytes.count == 16 else { throw StoreError.constraint("an id has 16 bytes") }
    return ID(bits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
  }

  private static func currency(_ row: Row) throws -> Currency {
    let number = try row.integer("currency")
    guard let currency = UInt16(exactly: number).flatMap(Currency.init(numericCode:)) else {
      throw StoreError.constraint("\(number) is no currency of ISO 4217")
    }
    return currency
  }

  static func account(_ row: Row) throws -> Account {
    var account = Account(
      AccountRequest(
        id: try id(row.blob("id")), currency: try currency(row),
        code: UInt16(truncatingIfNeeded: try row.integer("code")),
        owner: try row.optionalBlob("owner").map { try id($0) },
        flags: AccountFlags(rawValue: UInt16(truncatingIfNeeded: try row.integer("flags")))),
      createdAt: Instant(nanoseconds: try row.integer("created_at")))
    account.debitsPending = try row.integer("debits_pending")
    account.debitsPosted = try row.integer("debits_posted")
    account.creditsPending = try row.integer("credits_pending")
    account.creditsPosted = try row.integer("credits_posted")
    account.isClosed = try row.integer("is_closed") == 1
    return account
  }

  static func transfer(_ row: Row) throws -> StoredTransfer {
    var request = TransferRequest(id: try id(row.blob("id")))
    request.amount = try row.optionalInteger("amount_limit")
    request.code = UInt16(truncatingIfNeeded: try row.integer("code"))
    request.pendingID = try row.optionalBlob("pending_id").map { try id($0) }
    request.timeoutSeconds = try row.integer("timeout_seconds")
    request.paymentID = try row.optionalBlob("payment_id").map { try id($0) }
    if let bytes = try row.optionalBlob("correlation_id") {
      let bits: ID<CorrelationID> = try id(bytes)
      request.correlationID = CorrelationID(bits: bits.bits)
    }
    request.bookedOn = try row.optionalInteger("booked_on").map {
      CivilDate(daysSinceEpoch: Int($0))
    }
    request.flags = TransferFlags(rawValue: UInt16(truncatingIfNeeded: try row.integer("flags")))
    let transfer = Transfer(
      request, debitAccount: try id(row.blob("debit_id")),
      creditAccount: try id(row.blob("credit_id")), amount: try row.integer("amount"),
      currency: try currency(row), sequence: try row.integer("sequence"),
      createdAt: Instant(nanoseconds: try row.integer("created_at")))
    guard let name = try row.optionalText("manner") else {
      return StoredTransfer(transfer: transfer, end: nil)
    }
    guard let manner = HoldEnd.Manner(rawValue: name) else {
      throw StoreError.constraint("\(name) is no end of a hold")
    }
    return StoredTransfer(
      transfer: transfer,
      end: HoldEnd(
        hold: transfer.id, manner: manner, by: try row.optionalBlob("ended_by").map { try id($0) },
        at: Instant(nanoseconds: try row.integer("ended_at"))))
  }
}
