package import PaymentsAPI
import Storage
package import Vocabulary

/// What is asked of the store. Everything a person asks for is found by that person's id, never
/// without it.
extension PaymentStore {
  /// Payments with the person whose they are; conditions follow.
  private static let payments =
    "SELECT p.*, w.subject AS subject FROM payments p JOIN people w ON w.number = p.person"

  /// A person's own payment, or nil.
  package func payment(_ id: PaymentID, of subject: PersonID) async throws -> PaymentRecord? {
    let found = try await store.read { try self.record(id, $0) }
    return found?.subject == subject ? found : nil
  }

  /// What the person wrote on payments of their own; others are left out.
  /// - Parameter ids: of one page.
  package func references(
    of ids: Set<PaymentID>, by subject: PersonID
  ) async throws -> [PaymentID: String] {
    guard !ids.isEmpty else { return [:] }
    let places = Array(repeating: "?", count: ids.count).joined(separator: ", ")
    let records = try await store.read { snapshot in
      // By ids alone. Asked for the person too, SQLite takes a person for somebody with ten payments, and reads them all.
      try snapshot.rows("\(Self.payments) WHERE p.id IN (\(places))", ids.map { .id($0) })
        .map { try self.record($0) }
    }
    return Dictionary(
      records.compactMap { record in
        guard record.subject == subject else { return nil }
        return record.contract.reference.map { (record.id, $0) }
      },
      uniquingKeysWith: { first, _ in first })
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
      guard parts.count == 2, let nanoseconds = Int64(parts[0]), nanoseconds >= 0,
        "\(nanoseconds)" == parts[0], let id = PaymentID(String(parts[1]))
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
      .id(subject), .integer(start), .text(position?.id ?? ""), .count(limit + 1),
    ]
    let records = try await store.read { snapshot in
      try snapshot.rows(
        """
        \(Self.payments)
        WHERE w.subject = ? AND (p.created_at, p.id) < (?, ?)
        ORDER BY p.created_at DESC, p.id DESC LIMIT ?
        """, arguments
      ).map { try self.record($0) }
    }
    let page = records.prefix(limit)
    return PaymentPage(
      payments: page.map(\.contract),
      next: records.count > limit ? page.last.map { Position($0).text } : nil)
  }

  /// A person's activity after a line, oldest first. Lines are numbered for each person by itself.
  /// - Throws: a 409 for a line that the person has not had yet, as one of an older build's numbers.
  package func activity(
    of subject: PersonID, since number: Int64, limit: Int
  ) async throws -> Activity {
    let entries = try await store.read { snapshot in
      let last = try snapshot.row(
        "SELECT lines FROM people WHERE subject = ?", [.id(subject)])
      guard number <= (try last?.integer("lines") ?? 0) else {
        throw Problem(
          "no-such-line", 409, "There is no such line yet", detail: "begin again with 0",
          fields: ["field": "since"])
      }
      return try snapshot.rows(
        """
        SELECT a.number AS line, a.at AS at, a.event AS event, a.reason AS line_reason, p.*,
          w.subject AS subject
        FROM people w JOIN activity a ON a.person = w.number JOIN payments p ON p.number = a.payment
        WHERE w.subject = ? AND a.number > ? ORDER BY a.number LIMIT ?
        """, [.id(subject), .integer(number), .count(limit)]
      ).map { row in
        guard let event = ActivityEvent(rawValue: try row.text("event")) else {
          throw StoreError.unexpectedColumn("event")
        }
        return ActivityEntry(
          sequence: try row.integer("line"), at: Instant(nanoseconds: try row.integer("at")),
          event: event, payment: try self.record(row).contract,
          reason: try row.optionalText("line_reason").map(ToldReason.told))
      }
    }
    return Activity(entries: entries, next: entries.last?.sequence ?? number)
  }

  /// Payments that are not settled and were not touched since `instant`, oldest first.
  package func open(untouchedSince instant: Instant, limit: Int) async throws -> [PaymentRecord] {
    try await store.read { snapshot in
      try snapshot.rows(
        """
        \(Self.payments) WHERE p.state IN ('intent', 'holding', 'held', 'posting')
        AND p.updated_at <= ? ORDER BY p.updated_at LIMIT ?
        """, [.integer(instant.nanoseconds), .count(limit)]
      ).map { try self.record($0) }
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

  func record(_ id: PaymentID, _ snapshot: Snapshot) throws -> PaymentRecord? {
    try snapshot.row("\(Self.payments) WHERE p.id = ?", [.id(id)]).map { try record($0) }
  }

  private func record(_ row: Row) throws -> PaymentRecord {
    guard let id = PaymentID(try row.text("id")),
      let subject = PersonID(try row.text("subject")),
      let debtor = AccountID(try row.text("debtor")),
      let creditor = AccountID(try row.text("creditor")),
      let currency = Currency(try row.text("currency")),
      let correlation = CorrelationID(try row.text("correlation")),
      let state = PaymentMachine.State(
        word: try row.text("state"), reason: try row.optionalText("reason"))
    else { throw StoreError.unexpectedColumn("payments") }
    // Rows of an older build have it in clear until the round comes to them.
    let reference =
      try row.optionalBlob("sealed_reference").map { try seals.opened($0, of: id) }
      ?? row.optionalText("reference").map { Masked($0) }
    let amount = try Money(minorUnits: try row.integer("amount"), currency: currency)
    return PaymentRecord(
      id: id, subject: subject, client: try row.text("client"),
      order: PaymentOrder(
        amount: amount, debtor: debtor, creditor: creditor, reference: reference),
      correlation: correlation, machine: PaymentMachine(state),
      authorizedUntil: Instant(nanoseconds: try row.integer("authorized_until")),
      createdAt: Instant(nanoseconds: try row.integer("created_at")),
      updatedAt: Instant(nanoseconds: try row.integer("updated_at")))
  }
}
