import AuditAPI
import Chassis
import PaymentsAPI
package import Storage
package import Vocabulary

/// All SQL of this service. A change of state, its line in the activity log and its audit record
/// are one transaction; the machine is asked inside it, so that two who work on one payment cannot
/// both be right. A class: there is one store.
package final class PaymentStore: Sendable {
  let store: Store
  private let clock: Clock
  private let randomness: Randomness

  package init(store: Store, clock: Clock, randomness: Randomness) {
    self.store = store
    self.clock = clock
    self.randomness = randomness
  }

  /// A payment after a change, and what the machine wants done now.
  package struct Change: Sendable {
    package let record: PaymentRecord
    package let action: PaymentMachine.Action
  }

  /// Writes an authorised payment down, or takes up the one that has this id.
  /// - Throws: a 409 where the id belongs to another order.
  package func begin(_ fresh: PaymentRecord) async throws -> Change {
    let now = clock.now()
    return try await store.write { transaction in
      guard var known = try Self.record(fresh.id, transaction.snapshot) else {
        var record = fresh
        let action = try record.machine.handle(.authorized)
        try Self.insert(record, in: transaction)
        try self.note(record, at: now, in: transaction)
        return Change(record: record, action: action)
      }
      guard known.order == fresh.order, known.subject == fresh.subject else {
        throw Problem(
          "idempotency-key-reused", 409, "This key was first used for another request",
          fields: ["first": known.id.description])
      }
      // The later of the two: an earlier permission may still be on its way.
      known.authorizedUntil = max(known.authorizedUntil, fresh.authorizedUntil)
      return try self.change(known, by: [.authorized], at: now, in: transaction)
    }
  }

  /// Tells a payment what happened.
  /// - Throws: `PaymentMachine.OutOfOrder` where that cannot be; `Problem.notFound`.
  package func change(_ id: PaymentID, by events: [PaymentMachine.Event]) async throws -> Change {
    let now = clock.now()
    return try await store.write { transaction in
      guard let known = try Self.record(id, transaction.snapshot) else { throw Problem.notFound }
      return try self.change(known, by: events, at: now, in: transaction)
    }
  }

  private func change(
    _ known: PaymentRecord, by events: [PaymentMachine.Event], at now: Instant,
    in transaction: Transaction
  ) throws -> Change {
    var record = known
    var action = PaymentMachine.Action.rest
    for event in events { action = try record.machine.handle(event) }
    record.updatedAt = now
    let state = record.machine.state
    try transaction.execute(
      """
      UPDATE payments SET state = ?, reason = ?, authorized_until = ?, updated_at = ? WHERE id = ?
      """,
      [
        .text(state.word), .optional(state.reason), .integer(record.authorizedUntil.nanoseconds),
        .integer(now.nanoseconds), .id(record.id),
      ])
    if known.machine.state.shown != state.shown { try note(record, at: now, in: transaction) }
    return Change(record: record, action: action)
  }

  private static func insert(_ record: PaymentRecord, in transaction: Transaction) throws {
    let order = record.order
    try transaction.execute(
      """
      INSERT INTO payments (id, subject, client, debtor, creditor, amount, currency, reference,
        correlation, state, reason, authorized_until, created_at, updated_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .id(record.id), .id(record.subject), .text(record.client), .id(order.debtor),
        .id(order.creditor), .integer(order.amount.minorUnits), .id(order.amount.currency),
        // The store of the service that owns it; the file is for this service's eyes only.
        .optional(order.reference?.reveal(for: .subjectAccess)), .id(record.correlation),
        .text(record.machine.state.word), .optional(record.machine.state.reason),
        .integer(record.authorizedUntil.nanoseconds), .integer(record.createdAt.nanoseconds),
        .integer(record.updatedAt.nanoseconds),
      ])
  }

  /// The activity line and the audit record of the state a payment has just come into.
  private func note(_ record: PaymentRecord, at now: Instant, in transaction: Transaction) throws {
    let state = record.machine.state
    try transaction.execute(
      "INSERT INTO activity (subject, payment, event, reason, at) VALUES (?, ?, ?, ?, ?)",
      [
        .id(record.subject), .id(record.id), .text(state.event.rawValue), .optional(state.reason),
        .integer(now.nanoseconds),
      ])
    let audit = AuditRecord(
      id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: "payments",
      kind: .money, correlation: record.correlation, caller: "payments",
      subject: record.subject.description, client: record.client,
      operation: PaymentsOperations.createPayment.id, outcome: state.event.rawValue,
      reason: state.reason,
      detail: [
        "payment": record.id.description, "hold": record.holdID.description,
        "amount_minor_units": "\(record.order.amount.minorUnits)",
        "currency": record.order.amount.currency.code,
        "debtor": record.order.debtor.description, "creditor": record.order.creditor.description,
      ])
    transaction.append(OutboxMessage(audit))
  }
}
