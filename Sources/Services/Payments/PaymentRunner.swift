package import Chassis
import LedgerAPI
import StrictJSON
package import Telemetry
package import Vocabulary

/// Does what the machine decides: asks the ledger, tells the machine what it said. The only part of
/// this service that waits for another. Two that work on one payment do no harm, since the store
/// decides; the set of busy ones only saves the reconciler work.
package actor PaymentRunner {
  /// How long a hold stays when we cannot post it: as long as the ledger lets it. After a longer outage the money is the
  /// person's again, and nothing has happened.
  static let holdSeconds = LedgerLimits.personHoldSecondsMax
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

  /// A payment as it stands after the work on it.
  package struct Outcome: Sendable {
    package let record: PaymentRecord
    /// Whether it was posted by this work, and what was to be written with that is.
    package let isPosted: Bool
  }

  /// Carries a payment as far as it goes in the caller's time.
  /// - Parameters:
  ///   - context: with the transaction token, where a hold is to be made.
  ///   - posting: written in the change that makes it posted.
  /// - Returns: the payment as it then stands; not settled when the ledger's answer is not known.
  package func carryOut(
    _ change: PaymentStore.Change, context: CallContext, posting: PaymentStore.Posting? = nil
  ) async throws -> Outcome {
    let id = change.record.id
    guard busy.insert(id).inserted else { return Outcome(record: change.record, isPosted: false) }
    defer { busy.remove(id) }
    let context = CallContext(
      correlation: context.correlation, trace: context.trace,
      deadline: Deadline(context.deadline.instant - Self.answerReserve),
      transactionToken: context.transactionToken)
    return try await follow(change, context, posting)
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
    _ = try await follow(change, context, nil)
  }

  private func follow(
    _ begun: PaymentStore.Change, _ context: CallContext, _ posting: PaymentStore.Posting?
  ) async throws -> Outcome {
    var change = begun
    while true {
      let record = change.record
      let events: [PaymentMachine.Event]
      switch change.action {
      case .rest, .wait:
        // One line that names both ids, so that whoever knows the payment finds the whole
        // transaction.
        log.with(correlation: record.correlation).info(
          "payment came to rest", ["payment": .id(record.id)])
        let isPosted = record.machine.state == .posted && begun.record.machine.state != .posted
        return Outcome(record: record, isPosted: isPosted)
      case .createHold:
        events = await createHold(record, context)
      case .postHold:
        // Written down before it is asked for, as every step is that may be the first to be asked.
        events =
          record.machine.state == .held ? [.postingBegun] : await postHold(record, context)
      }
      // Nothing learned is nothing to write; the reconciler asks later.
      if events == [.unknown] { return Outcome(record: record, isPosted: false) }
      change = try await store.change(record.id, by: events, posting: posting)
    }
  }

  // MARK: asking the ledger

  /// Nothing stands between a hold and its posting here, so both are asked for at once: whether it was done is one answer,
  /// and one change of the books.
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
          timeoutSeconds: Self.holdSeconds, code: Self.transferCode, posting: record.postingID),
        context: context)
      switch Self.finding(answer.transfer) {
      // Made before, by a build that asked for the two one after the other.
      case .none, .open: return [.holdCreated, .postingBegun]
      case .posted: return [.found(.posted)]
      case .returned(let reason): return [.found(.returned(reason: reason))]
      }
    } catch {
      switch Self.word(on: error.kind) {
      case .no: return [.holdRefused(reason: error.slug)]
      case .noFromNowOn: return [await earlierHold(record, context, refused: error.slug)]
      case .silence: return [.unknown]
      }
    }
  }

  /// This request made no hold. One of before, whose answer was lost, may have.
  private func earlierHold(
    _ record: PaymentRecord, _ context: CallContext, refused reason: String
  ) async -> PaymentMachine.Event {
    // The permission is for a new hold, and not needed to ask.
    let context = CallContext(
      correlation: context.correlation, trace: context.trace, deadline: context.deadline)
    guard let finding = await find(record, context) else { return .unknown }
    switch finding {
    case .none: return .holdRefused(reason: reason)
    case .open, .posted, .returned: return .found(finding)
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
      switch error.kind {
      case .over: return [.postingRefused(reason: error.slug)]
      // Somebody froze or closed an account after the hold: it ends with its time, or is posted once the account is thawed.
      case .barred, .policy: return [.unknown]
      case .permission, .differs, .busy, .unavailable, .unknown, .defect: return [.unknown]
      case .malformed, .absent, .refused:
        // A posting that is refused for any other reason is our mistake or the ledger's; the money
        // stays held meanwhile.
        log.with(correlation: record.correlation).error(
          "the ledger does not post a hold of ours",
          ["payment": .id(record.id), "why": .identifier(error.slug)])
        return [.unknown]
      }
    }
  }

  /// - Returns: nil when the ledger does not say.
  private func find(_ record: PaymentRecord, _ context: CallContext) async
    -> PaymentMachine.Finding?
  {
    do {
      let transfer = try await ledger.call(
        LedgerOperations.getHold, Nothing(), path: ["id": record.holdID.description],
        context: context)
      return Self.finding(transfer)
    } catch {
      switch error.kind {
      case .absent: return .none(mayStillCome: clock.now() < record.authorizedUntil)
      case .malformed, .permission, .policy, .refused, .barred, .over, .differs, .busy,
        .unavailable, .unknown, .defect:
        return nil
      }
    }
  }

  private static func finding(_ transfer: LedgerTransfer) -> PaymentMachine.Finding {
    switch transfer.hold?.phase {
    case .open?, nil: .open
    case .posted?: .posted
    case .voided?: .returned(reason: "hold-voided")
    case .expired?: .returned(reason: "hold-expired")
    }
  }

  /// What a problem says about a hold that was asked for.
  package enum Word: Hashable, Sendable {
    /// There is none.
    case no
    /// None was made now; there may be one of before.
    case noFromNowOn
    /// Nothing: the ledger must be asked.
    case silence
  }

  package static func word(on kind: ProblemKind) -> Word {
    switch kind {
    case .malformed, .absent, .refused, .barred, .over: .no
    case .policy: .noFromNowOn
    // An earlier request with a better permission may have made the hold.
    case .permission: .silence
    // There is a hold with this id, made by another version of us.
    case .differs: .silence
    case .busy, .unavailable, .unknown, .defect: .silence
    }
  }
}
