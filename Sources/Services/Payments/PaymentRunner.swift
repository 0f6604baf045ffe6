package import Chassis
import LedgerAPI
import StrictJSON
package import Telemetry
package import Vocabulary

/// Does what the machine decides: asks the ledger, tells the machine what it said. The only part of
/// this service that waits for another. Two that work on one payment do no harm, since the store
/// decides; the set of busy ones only saves the reconciler work.
package actor PaymentRunner {
  /// How long a hold stays when we cannot post it: longer than any outage we mean to survive,
  /// shorter than people bear.
  static let holdSeconds: Int64 = 86_400
  /// The ledger's `code` for transfers that payments make.
  static let transferCode: UInt16 = 100
  /// Kept back from the caller's time, for writing down and answering what is known by then.
  static let answerReserve: Duration = .milliseconds(300)

  private let store: PaymentStore
  private let ledger: ServiceClient
  private let clock: Clock
  private let log: Log
  private var busy: Set<PaymentID> = []

  package init(store: PaymentStore, ledger: ServiceClient, clock: Clock, log: Log) {
    self.store = store
    self.ledger = ledger
    self.clock = clock
    self.log = log
  }

  /// Carries a payment as far as it goes in the caller's time.
  /// - Parameter context: with the transaction token, where a hold is to be made.
  /// - Returns: the payment as it then stands; not settled when the ledger's answer is not known.
  package func carryOut(
    _ change: PaymentStore.Change, context: CallContext
  ) async throws -> PaymentRecord {
    let id = change.record.id
    guard busy.insert(id).inserted else { return change.record }
    defer { busy.remove(id) }
    let context = CallContext(
      correlation: context.correlation, trace: context.trace,
      deadline: Deadline(context.deadline.instant - Self.answerReserve),
      transactionToken: context.transactionToken)
    return try await follow(change, context)
  }

  /// Finds out what became of an open payment and brings it to its end. Without a permission it
  /// never asks for a hold.
  package func reconcile(_ record: PaymentRecord, context: CallContext) async throws {
    guard busy.insert(record.id).inserted else { return }
    defer { busy.remove(record.id) }
    guard let finding = await find(record, context) else { return }
    let events: [PaymentMachine.Event] =
      finding == .open ? [.found(.open), .postingBegun] : [.found(finding)]
    let change = try await store.change(record.id, by: events)
    _ = try await follow(change, context)
  }

  private func follow(
    _ change: PaymentStore.Change, _ context: CallContext
  ) async throws -> PaymentRecord {
    var change = change
    while true {
      let record = change.record
      let events: [PaymentMachine.Event]
      switch change.action {
      case .rest, .wait:
        // One line that names both ids, so that whoever knows the payment finds the whole
        // transaction.
        log.with(correlation: record.correlation).info(
          "payment came to rest", ["payment": .id(record.id)])
        return record
      case .createHold: events = await createHold(record, context)
      case .postHold:
        // Written down before it is asked for, as every step is.
        events =
          record.machine.state == .held ? [.postingBegun] : await postHold(record, context)
      }
      // Nothing learned is nothing to write; the reconciler asks later.
      if events == [.unknown] { return record }
      change = try await store.change(record.id, by: events)
    }
  }

  // MARK: asking the ledger

  private func createHold(
    _ record: PaymentRecord, _ context: CallContext
  ) async -> [PaymentMachine.Event] {
    let order = record.order
    do {
      let answer = try await ledger.call(
        LedgerOperations.createHold,
        NewHold(
          id: record.holdID, debtor: order.debtor, creditor: order.creditor,
          amount: order.amount, paymentID: record.id, correlationID: record.correlation,
          timeoutSeconds: Self.holdSeconds, code: Self.transferCode), context: context)
      switch Self.finding(answer.transfer) {
      case .none, .open: return [.holdCreated, .postingBegun]
      case .posted: return [.found(.posted)]
      case .returned(let reason): return [.found(.returned(reason: reason))]
      }
    } catch {
      return [Self.isRefusal(error) ? .holdRefused(reason: Self.told(error.slug)) : .unknown]
    }
  }

  private func postHold(
    _ record: PaymentRecord, _ context: CallContext
  ) async -> [PaymentMachine.Event] {
    do {
      _ = try await ledger.call(
        LedgerOperations.postHold, HoldPosting(id: record.postingID),
        path: ["id": record.holdID.description], context: context)
      return [.postingDone]
    } catch {
      guard Self.isRefusal(error) else { return [.unknown] }
      guard Self.holdIsGone.contains(error.slug) else {
        // A posting that is refused for any other reason is our mistake or the ledger's; the money
        // stays held meanwhile.
        log.with(correlation: record.correlation).error(
          "the ledger does not post a hold of ours",
          ["payment": .id(record.id), "why": .identifier(error.slug)])
        return [.unknown]
      }
      return [.postingRefused(reason: error.slug)]
    }
  }

  /// - Returns: nil when the ledger does not say.
  private func find(_ record: PaymentRecord, _ context: CallContext) async
    -> PaymentMachine.Finding?
  {
    do {
      let transfer = try await ledger.call(
        LedgerOperations.getTransfer, Nothing(), path: ["id": record.holdID.description],
        context: context)
      return Self.finding(transfer)
    } catch {
      guard error.slug == Problem.notFound.slug else { return nil }
      return .none(mayStillCome: clock.now() < record.authorizedUntil)
    }
  }

  /// What the person learns. Whether a stranger's account exists is not for them to know.
  private static func told(_ slug: String) -> String {
    ["debit-account-not-found", "debit-account-not-owned-by-subject"].contains(slug)
      ? "debtor-account-unknown" : slug
  }

  private static let holdIsGone: Set = [
    "pending-transfer-expired", "pending-transfer-already-voided",
  ]

  private static func finding(_ transfer: LedgerTransfer) -> PaymentMachine.Finding {
    switch transfer.hold?.phase {
    case .open?, nil: .open
    case .posted?: .posted
    case .voided?: .returned(reason: "hold-voided")
    case .expired?: .returned(reason: "hold-expired")
    }
  }

  /// Whether the ledger's domain has spoken. What concerns the permission has not: an earlier
  /// request with a better one may have made the hold, so the ledger is asked.
  private static func isRefusal(_ problem: Problem) -> Bool {
    (400..<500).contains(problem.status) && ![401, 408, 425, 429].contains(problem.status)
      && !problem.slug.hasPrefix("transaction-token") && problem.slug != "insufficient-scope"
      && problem.slug != Problem.forbidden.slug
  }
}
