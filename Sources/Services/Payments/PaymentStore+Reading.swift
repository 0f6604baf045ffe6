package import PaymentsAPI
import Storage
package import Vocabulary

/// What is asked of the store. Everything a person asks for is found by that person's id, never
/// without it.
extension PaymentStore {
  /// A person's own payment, or nil.
  package func payment(_ id: PaymentID, of subject: PersonID) async throws -> PaymentRecord? {
    let found = try await store.read { try Self.record(id, $0) }
    return found?.subject == subject ? found : nil
  }

  /// Where a page of payments begins: after this one.
  package struct Position: Hashable, Sendable {
    let createdAt: Int64
    let id: String

    init(_ record: PaymentRecord) {
      createdAt = record.createdAt.nanoseconds
      id = record.id.description
    }
    /// Nil for a text that no page gave.
    package init?(_ text: String) {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let nanoseconds = Int64(parts[0]),
        let id = PaymentID(String(parts[1]))
      else { return nil }
      createdAt = nanoseconds
      self.id = id.description
    }
    /// What a page says is next.
    package var text: String { "\(createdAt).\(id)" }
  }

  /// A person's payments, newest first.
  package func payments(
    of subject: PersonID, after position: Position?, limit: Int
  ) async throws -> PaymentPage {
    let start = position?.createdAt ?? .max
    let arguments: [SQLValue] = [
      .id(subject), .integer(start), .integer(start), .text(position?.id ?? ""), .count(limit + 1),
    ]
    let records = try await store.read { snapshot in
      try snapshot.rows(
        """
        SELECT * FROM payments
        WHERE subject = ? AND (created_at < ? OR (created_at = ? AND id < ?))
        ORDER BY created_at DESC, id DESC LIMIT ?
        """, arguments
      ).map { try Self.record($0) }
    }
    let page = records.prefix(limit)
    return PaymentPage(
      payments: page.map(\.contract),
      next: records.count > limit ? page.last.map { Position($0).text } : nil)
  }

  /// A person's activity after a line, oldest first.
  package func activity(
    of subject: PersonID, since sequence: Int64, limit: Int
  ) async throws -> Activity {
    let entries = try await store.read { snapshot in
      try snapshot.rows(
        """
        SELECT a.sequence AS sequence, a.at AS at, a.event AS event, a.reason AS line_reason, p.*
        FROM activity a JOIN payments p ON p.id = a.payment
        WHERE a.subject = ? AND a.sequence > ? ORDER BY a.sequence LIMIT ?
        """, [.id(subject), .integer(sequence), .count(limit)]
      ).map { row in
        guard let event = ActivityEvent(rawValue: try row.text("event")) else {
          throw StoreError.unexpectedColumn("event")
        }
        return ActivityEntry(
          sequence: try row.integer("sequence"), at: Instant(nanoseconds: try row.integer("at")),
          event: event, payment: try Self.record(row).contract,
          reason: try row.optionalText("line_reason"))
      }
    }
    return Activity(entries: entries, next: entries.last?.sequence ?? sequence)
  }

  /// Payments that are not settled and were not touched since `instant`, oldest first.
  package func open(untouchedSince instant: Instant, limit: Int) async throws -> [PaymentRecord] {
    try await store.read { snapshot in
      try snapshot.rows(
        """
        SELECT * FROM payments WHERE state IN ('intent', 'holding', 'held', 'posting')
        AND updated_at <= ? ORDER BY updated_at LIMIT ?
        """, [.integer(instant.nanoseconds), .count(limit)]
      ).map { try Self.record($0) }
    }
  }

  /// How many payments are not settled.
  package func openCount() async throws -> Int64 {
    try await store.read { snapshot in
      let row = try snapshot.row(
        """
        SELECT count(*) AS number FROM payments
        WHERE state IN ('intent', 'holding', 'held', 'posting')
        """)
      return try row?.integer("number") ?? 0
    }
  }

  static func record(_ id: PaymentID, _ snapshot: Snapshot) throws -> PaymentRecord? {
    try snapshot.row("SELECT * FROM payments WHERE id = ?", [.id(id)]).map { try record($0) }
  }

  private static func record(_ row: Row) throws -> PaymentRecord {
    guard let id = PaymentID(try row.text("id")),
      let subject = PersonID(try row.text("subject")),
      let debtor = AccountID(try row.text("debtor")),
      let creditor = AccountID(try row.text("creditor")),
      let currency = Currency(try row.text("currency")),
      let correlation = CorrelationID(try row.text("correlation")),
      let state = PaymentMachine.State(
        word: try row.text("state"), reason: try row.optionalText("reason"))
    else { throw StoreError.unexpectedColumn("payments") }
    let amount = try Money(minorUnits: try row.integer("amount"), currency: currency)
    return PaymentRecord(
      id: id, subject: subject, client: try row.text("client"),
      order: PaymentOrder(
        amount: amount, debtor: debtor, creditor: creditor,
        reference: try row.optionalText("reference").map { Masked($0) }),
      correlation: correlation, machine: PaymentMachine(state),
      authorizedUntil: Instant(nanoseconds: try row.integer("authorized_until")),
      createdAt: Instant(nanoseconds: try row.integer("created_at")),
      updatedAt: Instant(nanoseconds: try row.integer("updated_at")))
  }
}
