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
  let seals: PaymentSeals

  package init(store: Store, clock: Clock, randomness: Randomness, seals: PaymentSeals) {
    self.store = store
    self.clock = clock
    self.randomness = randomness
    self.seals = seals
  }

  /// A payment after a change, and what the machine wants done now.
  package struct Change: Sendable {
    package let record: PaymentRecord
    package let action: PaymentMachine.Action
  }

  /// Writes an authorised payment down, or takes up the one that has this id.
  /// - Parameter claiming: writes down the key under which it was asked for, in the same change.
  /// - Throws: a 409 where the id belongs to another order.
  package func begin(
    _ fresh: PaymentRecord,
    claiming: (@Sendable (Transaction) throws -> Void)? = nil
  ) async throws -> Change {
    let now = clock.now()
    return try await store.write { transaction in
      try claiming?(transaction)
      guard var known = try self.record(fresh.id, transaction.snapshot) else {
        var record = fresh
        let action = try record.machine.handle(.authorized)
        try self.insert(record, in: transaction)
        try self.note(record, at: now, in: transaction)
        return Change(record: record, action: action)
      }
      guard known.order == fresh.order, known.subject == fresh.subject else {
        throw Problem(
          "idempotency-key-reused", 409, "This key was first used for another request",
          kind: .differs,
          fields: ["first": known.id.description])
      }
      // The later of the two: an earlier permission may still be on its way.
      known.authorizedUntil = max(known.authorizedUntil, fresh.authorizedUntil)
      return try self.change(known, by: [.authorized], at: now, in: transaction)
    }
  }

  /// What is written in the change that makes a payment posted, besides what the store writes.
  package typealias Posting = @Sendable (PaymentRecord, Transaction) throws -> Void

  /// Tells a payment what happened.
  /// - Throws: `PaymentMachine.OutOfOrder` where that cannot be; `Problem.notFound`.
  package func change(
    _ id: PaymentID, by events: [PaymentMachine.Event], posting: Posting? = nil
  ) async throws -> Change {
    let now = clock.now()
    return try await store.write { transaction in
      guard let known = try self.record(id, transaction.snapshot) else { throw Problem.notFound }
      let change = try self.change(known, by: events, at: now, in: transaction)
      if change.record.machine.state == .posted { try posting?(change.record, transaction) }
      return change
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

  private func insert(_ record: PaymentRecord, in transaction: Transaction) throws {
    let order = record.order
    let reference = try order.reference.map { try seals.sealed($0, of: record.id) }
    try transaction.execute(
      "INSERT INTO people (subject, lines) VALUES (?, 0) ON CONFLICT (subject) DO NOTHING",
      [.id(record.subject)])
    try transaction.execute(
      """
      INSERT INTO payments (id, person, client, debtor, creditor, amount, currency, sealed_reference,
        correlation, state, reason, authorized_until, created_at, updated_at)
      SELECT ?, number, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM people WHERE subject = ?
      """,
      [
        .id(record.id), .text(record.client), .id(order.debtor), .id(order.creditor),
        .integer(order.amount.minorUnits), .id(order.amount.currency), .optional(reference),
        .id(record.correlation),
        .text(record.machine.state.word), .optional(record.machine.state.reason),
        .integer(record.authorizedUntil.nanoseconds), .integer(record.createdAt.nanoseconds),
        .integer(record.updatedAt.nanoseconds), .id(record.subject),
      ])
  }

  /// The activity line and the audit record of the state a payment has just come into.
  private func note(_ record: PaymentRecord, at now: Instant, in transaction: Transaction) throws {
    let state = record.machine.state
    try transaction.execute(
      "UPDATE people SET lines = lines + 1 WHERE subject = ?", [.id(record.subject)])
    try transaction.execute(
      """
      INSERT INTO activity (person, number, payment, event, reason, at)
      SELECT people.number, people.lines, payments.number, ?, ?, ?
      FROM payments JOIN people ON people.number = payments.person WHERE payments.id = ?
      """,
      [
        .text(state.event.rawValue), .optional(state.reason), .integer(now.nanoseconds),
        .id(record.id),
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
