import LedgerBook
import Storage
import Vocabulary

/// All of the ledger's SQL. Writes happen in the transaction that is passed in; nothing here
/// decides anything.
enum LedgerStore {
  // MARK: writing

  static func keep(_ opened: AccountsOpened, in book: Book, _ transaction: Transaction) throws {
    for account in opened.opened {
      guard let number = book.number(of: account.id) else { continue }
      try transaction.execute(
        """
        INSERT INTO accounts (number, id, currency, code, owner, flags, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        [
          .count(number), .blob(account.id.bytes), .count(account.currency.numericCode),
          .count(account.code), .optional(account.owner?.bytes), .count(account.flags.rawValue),
          .integer(account.createdAt.nanoseconds),
        ])
      try transaction.execute(
        """
        INSERT INTO balances
        (account, debits_pending, debits_posted, credits_pending, credits_posted, is_closed)
        VALUES (?, 0, 0, 0, 0, ?)
        """, [.count(number), .integer(account.isClosed ? 1 : 0)])
    }
  }

  static func keep(
    _ applied: Applied, in book: Book, recalling recall: Recall, _ transaction: Transaction
  ) throws {
    var sequences: [TransferID: Int64] = [:]
    for transfer in applied.created {
      try insert(transfer, in: book, transaction)
      if transfer.flags.contains(.pending) {
        sequences[transfer.id] = transfer.sequence
        try transaction.execute(
          "INSERT INTO open_holds (hold) VALUES (?)", [.integer(transfer.sequence)])
      }
    }
    for end in applied.ended {
      let known = sequences[end.hold] ?? recall.transfer(end.hold)?.sequence
      guard let hold = try known ?? sequence(of: end.hold, transaction.snapshot) else {
        throw StoreError.constraint("hold \(end.hold) is not stored")
      }
      try transaction.execute(
        "INSERT INTO hold_ends (hold, manner, ended_by, ended_at) VALUES (?, ?, ?, ?)",
        [
          .integer(hold), .text(end.manner.rawValue), .optional(end.by?.bytes),
          .integer(end.at.nanoseconds),
        ])
      try transaction.execute("DELETE FROM open_holds WHERE hold = ?", [.integer(hold)])
    }
    for (token, hold) in applied.used {
      guard let sequence = sequences[hold] else { continue }
      try transaction.execute(
        "INSERT INTO hold_tokens (txn, hold) VALUES (?, ?)",
        [.blob(token.bytes), .integer(sequence)])
    }
    for number in applied.touched { try update(book.allAccounts[number], number, transaction) }
  }

  static func setRevision(_ revision: Int64, at now: Instant, _ transaction: Transaction) throws {
    try transaction.execute(
      "UPDATE book SET revision = ?, latest = ? WHERE id = 1",
      [.integer(revision), .integer(now.nanoseconds)])
  }

  private static func insert(
    _ transfer: Transfer, in book: Book, _ transaction: Transaction
  ) throws {
    guard let debit = book.number(of: transfer.debitAccount),
      let credit = book.number(of: transfer.creditAccount)
    else { throw StoreError.constraint("transfer \(transfer.id) has no accounts") }
    try transaction.execute(
      """
      INSERT INTO transfers
      (sequence, id, debit_account, credit_account, amount, amount_limit, currency, code,
       pending_id, timeout_seconds, payment_id, correlation_id, booked_on, flags, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(transfer.sequence), .blob(transfer.id.bytes), .count(debit), .count(credit),
        .integer(transfer.amount), .optional(transfer.amountLimit),
        .count(transfer.currency.numericCode), .count(transfer.code),
        .optional(transfer.pendingID?.bytes), .integer(transfer.timeoutSeconds),
        .optional(transfer.paymentID?.bytes),
        .optional(transfer.correlationID.map { ID<CorrelationID>(bits: $0.bits).bytes }),
        .optional(transfer.bookedOn.map { Int64($0.daysSinceEpoch) }),
        .count(transfer.flags.rawValue), .integer(transfer.createdAt.nanoseconds),
      ])
  }

  private static func update(
    _ account: Account, _ number: Int, _ transaction: Transaction
  ) throws {
    try transaction.execute(
      """
      UPDATE balances SET debits_pending = ?, debits_posted = ?, credits_pending = ?,
      credits_posted = ?, is_closed = ? WHERE account = ?
      """,
      [
        .integer(account.debitsPending), .integer(account.debitsPosted),
        .integer(account.creditsPending), .integer(account.creditsPosted),
        .integer(account.isClosed ? 1 : 0), .count(number),
      ])
  }

  // MARK: the book as a whole

  static func revision(_ snapshot: Snapshot) throws -> Int64 {
    try snapshot.row("SELECT revision FROM book WHERE id = 1")?.integer("revision") ?? 0
  }

  /// The book as it is stored. Checks every sum; what does not fit is named.
  static func load(_ snapshot: Snapshot, limits: Book.Limits) throws -> (Book, revision: Int64) {
    guard let state = try snapshot.row("SELECT revision, latest FROM book WHERE id = 1") else {
      throw StoreError.constraint("table book has no row")
    }
    let rows = try snapshot.rows("\(accountColumns) ORDER BY a.number")
    let accounts = try rows.enumerated().map { number, row in
      guard try row.integer("number") == Int64(number) else {
        throw StoreError.constraint("account number \(number) is missing")
      }
      return try account(row)
    }
    let holds = try snapshot.rows(
      "\(transferColumns) JOIN open_holds o ON o.hold = t.sequence ORDER BY t.sequence")
    let last = try snapshot.row("SELECT max(sequence) AS last FROM transfers")
    let book = try Book(
      restoring: accounts, holds: holds.map { try transfer($0).transfer },
      sequence: last?.optionalInteger("last") ?? 0,
      now: Instant(nanoseconds: state.integer("latest")), limits: limits)
    return (book, try state.integer("revision"))
  }
}
