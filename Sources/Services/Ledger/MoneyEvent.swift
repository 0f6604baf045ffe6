import AuditAPI
import Chassis
import Crypto
import LedgerAPI
import LedgerBook
import LedgerStorage
import Storage
import StrictJSON
import Vocabulary

/// What the ledger tells the audit log of money: ids and amounts, nothing about a person beyond an
/// opaque reference.
struct MoneyEvent: Sendable {
  var operation: String
  var outcome: String
  var reason: String?
  var caller: ServiceName = "ledger"
  var subject: String?
  var client: String?
  /// Nil where the ledger acts on its own account: then a new one is drawn.
  var correlation: CorrelationID?
  var detail: [String: String] = [:]

  func record(_ id: AuditRecordID, at now: Instant, correlation: CorrelationID) -> AuditRecord {
    AuditRecord(
      id: id, at: now, service: "ledger", kind: .money, correlation: correlation, caller: caller,
      subject: subject, client: client, operation: operation, outcome: outcome, reason: reason,
      detail: detail)
  }

  /// The record for the audit log, as it leaves by the outbox.
  func message(at now: Instant, _ randomness: Randomness) -> OutboxMessage? {
    let id = AuditRecordID(at: now, random: randomness.bits128())
    guard let correlation = correlation ?? CorrelationID(bits: randomness.bits128()) else {
      return nil
    }
    return OutboxMessage(record(id, at: now, correlation: correlation))
  }

  static func expired(_ hold: Transfer) -> MoneyEvent {
    MoneyEvent(
      operation: "expireHold", outcome: "expired", correlation: hold.correlationID,
      detail: detail(of: hold))
  }

  static func detail(of transfer: Transfer) -> [String: String] {
    var detail = [
      "transfer": "\(transfer.id)", "sequence": "\(transfer.sequence)",
      "debit_account": "\(transfer.debitAccount)", "credit_account": "\(transfer.creditAccount)",
      "amount_minor_units": "\(transfer.amount)", "currency": transfer.currency.code,
    ]
    detail["payment"] = transfer.paymentID?.description
    detail["hold"] = transfer.pendingID?.description
    return detail
  }
}

/// The request because of which the books change.
struct Occasion: Sendable {
  var operation: String
  var caller: ServiceName
  var subject: String?
  var client: String?
  var correlation: CorrelationID?
  /// What tells which batch it was; nil where the events are told one by one.
  private var batch: (digest: [UInt8], form: String)?

  init(_ call: Call, of operation: String) {
    self.operation = operation
    caller = call.caller
    subject = call.transaction?.subject
    client = call.transaction?.clientID
    correlation = call.correlation
  }

  /// A batch is told as one event with the SHA-256 of its canonical JSON: whoever has the batch can
  /// prove that it is the one.
  init(_ call: Call, of operation: String, batch: some Encodable) throws {
    self.init(call, of: operation)
    self.batch = (Array(SHA256.hash(data: try StrictJSON.encode(batch))), "json")
  }

  /// The same for a binary batch, with the SHA-256 of its bytes.
  init(_ call: Call, of operation: String, binary: [UInt8]) {
    self.init(call, of: operation)
    batch = (Array(SHA256.hash(data: binary)), "binary")
  }

  private func event(_ outcome: String, reason: String? = nil) -> MoneyEvent {
    MoneyEvent(
      operation: operation, outcome: outcome, reason: reason, caller: caller, subject: subject,
      client: client, correlation: correlation)
  }

  /// What a batch of accounts came to.
  func messages(_ opened: OpenedAccounts, _ randomness: Randomness) -> [OutboxMessage] {
    guard opened.created > 0 else { return [] }
    var event = event("opened")
    event.detail = batchDetail(events: opened.outcomes.count, created: opened.created)
    event.detail["first"] = opened.first.map { "\($0)" } ?? ""
    event.detail["last"] = opened.last.map { "\($0)" } ?? ""
    return kept([event], at: opened.moment, randomness)
  }

  /// What a batch of transfers came to.
  func messages(_ applied: AppliedTransfers, _ randomness: Randomness) -> [OutboxMessage] {
    guard applied.created > 0 else { return [] }
    var event = event("posted")
    event.detail = batchDetail(events: applied.outcomes.count, created: applied.created)
    event.detail["existing"] = "\(applied.outcomes.count { $0 == .exists })"
    event.detail["first"] = applied.first.map { "\($0.id)" } ?? ""
    event.detail["last"] = applied.last.map { "\($0.id)" } ?? ""
    event.detail["first_sequence"] = applied.first.map { "\($0.sequence)" } ?? ""
    event.detail["last_sequence"] = applied.last.map { "\($0.sequence)" } ?? ""
    return kept([event], at: applied.moment, randomness)
  }

  /// What a change of one account came to, refusals too; what was so already is not told again.
  func messages(
    _ changed: ChangedAccount, _ order: AccountChangeOrder, _ randomness: Randomness
  ) -> [OutboxMessage] {
    var event: MoneyEvent
    switch changed.outcome {
    case .exists: return []
    case .refused(let refusal): event = self.event(AuditRecord.refused, reason: refusal.rawValue)
    case .created: event = self.event(order.change.done)
    }
    event.detail = ["account": "\(order.account)", "change": order.change.rawValue]
    return kept([event], at: changed.moment, randomness)
  }

  /// What opening one account came to.
  func messages(
    _ opened: OpenedAccounts, _ account: NewAccount, _ randomness: Randomness
  ) -> [OutboxMessage] {
    guard let outcome = opened.outcomes.first, outcome != .exists else { return [] }
    var event = event("opened")
    if case .refused(let refusal) = outcome {
      event = self.event(AuditRecord.refused, reason: refusal.rawValue)
    }
    event.detail = [
      "account": "\(account.id)", "currency": account.currency.code, "code": "\(account.code)",
    ]
    event.detail["owner"] = account.owner.map { "\($0)" }
    return kept([event], at: opened.moment, randomness)
  }

  /// What a single request came to. A hold that was posted at the same moment is one event, and names both.
  func messages(
    _ applied: AppliedTransfers, _ request: TransferRequest, _ randomness: Randomness
  ) -> [OutboxMessage] {
    let events = applied.outcomes.prefix(1).compactMap { single(request, $0, applied) }
    return kept(events, at: applied.moment, randomness)
  }

  private func batchDetail(events: Int, created: Int) -> [String: String] {
    [
      "events": "\(events)", "created": "\(created)",
      "batch_sha256": hexText(batch?.digest ?? []), "batch_form": batch?.form ?? "",
    ]
  }

  private func kept(
    _ events: [MoneyEvent], at now: Instant, _ randomness: Randomness
  ) -> [OutboxMessage] {
    events.compactMap { $0.message(at: now, randomness) }
  }

  /// One event by itself. What had been done before moves nothing now, so it is not told again.
  private func single(
    _ request: TransferRequest, _ outcome: TransferOutcome, _ applied: AppliedTransfers
  ) -> MoneyEvent? {
    switch outcome {
    case .exists: return nil
    case .refused(let refusal):
      var event = event(AuditRecord.refused, reason: refusal.rawValue)
      event.detail["transfer"] = "\(request.id)"
      event.detail["hold"] = request.pendingID.map { "\($0)" }
      event.detail["payment"] = request.paymentID.map { "\($0)" }
      event.detail["amount_minor_units"] = request.amount.map { "\($0)" }
      return event
    case .created:
      let isHold = request.flags.contains(.pending) && applied.created == 1
      let isVoiding = request.flags.contains(.voidPending)
      var event = event(isHold ? "held" : isVoiding ? "voided" : "posted")
      if let transfer = applied.last { event.detail = MoneyEvent.detail(of: transfer) }
      return event
    }
  }
}

extension AccountAction {
  fileprivate var done: String {
    switch self {
    case .freeze: "frozen"
    case .thaw: "thawed"
    case .close: "closed"
    }
  }
}
