import Crypto
package import PaymentsAPI
package import Vocabulary

/// A payment as this service keeps it.
package struct PaymentRecord: Hashable, Sendable {
  package let id: PaymentID
  package let subject: PersonID
  /// The OAuth client of the request that made it.
  package let client: String
  package let order: PaymentOrder
  /// Of the request that made it; the ledger's hold carries the same one.
  package let correlation: CorrelationID
  package internal(set) var machine: PaymentMachine
  /// Until when a hold with a permission that was given may still reach the ledger.
  package internal(set) var authorizedUntil: Instant
  package let createdAt: Instant
  package internal(set) var updatedAt: Instant

  package init(
    id: PaymentID, subject: PersonID, client: String, order: PaymentOrder,
    correlation: CorrelationID, machine: PaymentMachine = PaymentMachine(),
    authorizedUntil: Instant, createdAt: Instant, updatedAt: Instant
  ) {
    self.id = id
    self.subject = subject
    self.client = client
    self.order = order
    self.correlation = correlation
    self.machine = machine
    self.authorizedUntil = authorizedUntil
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  /// The ledger's names for this payment's hold and its posting. They follow from the payment's id,
  /// so that whoever asks again, and whenever, asks for the same ones.
  package var holdID: TransferID { Self.transfer("hold", of: id) }
  package var postingID: TransferID { Self.transfer("posting", of: id) }

  private static func transfer(_ role: String, of payment: PaymentID) -> TransferID {
    let text = "strongroom/payments/v1/\(role)/\(payment)"
    guard let id = TransferID(digest: Array(SHA256.hash(data: Array(text.utf8)))) else {
      preconditionFailure("a SHA-256 digest has more than sixteen bytes")
    }
    return id
  }

  /// As the person it belongs to may see it.
  package var contract: Payment {
    Payment(
      id: id, state: machine.state.shown, reason: machine.state.reason.map(ToldReason.told),
      order: NewPayment(
        amount: order.amount, debtor: order.debtor, creditor: order.creditor,
        reference: order.reference?.reveal(for: .subjectAccess)),
      correlationID: correlation, createdAt: createdAt, updatedAt: updatedAt)
  }
}

extension PaymentMachine.State {
  /// The state in the contract's words.
  package var shown: PaymentState {
    switch self {
    case .intent, .holding: .received
    case .held, .posting: .held
    case .posted: .posted
    case .refused: .refused
    case .nothingHappened: .nothingHappened
    }
  }

  /// The line that the activity log gets when a payment comes into this state.
  var event: ActivityEvent {
    switch shown {
    case .received: .received
    case .held: .held
    case .posted: .posted
    case .refused: .refused
    case .nothingHappened: .nothingHasHappened
    }
  }

  package var reason: String? {
    switch self {
    case .intent, .holding, .held, .posting, .posted: nil
    case .refused(let reason), .nothingHappened(.holdReturned(let reason)): reason
    case .nothingHappened(.authorizationExpired): "authorization-expired"
    }
  }

  /// Nothing more comes by itself.
  package var isSettled: Bool {
    switch self {
    case .intent, .holding, .held, .posting: false
    case .posted, .refused, .nothingHappened: true
    }
  }

  /// The word in the store's column `state`; with `reason` it is the whole state.
  var word: String {
    switch self {
    case .intent: "intent"
    case .holding: "holding"
    case .held: "held"
    case .posting: "posting"
    case .posted: "posted"
    case .refused: "refused"
    case .nothingHappened(.authorizationExpired): "expired"
    case .nothingHappened(.holdReturned): "returned"
    }
  }

  /// Nil for a word that this version does not know.
  init?(word: String, reason: String?) {
    switch word {
    case "intent": self = .intent
    case "holding": self = .holding
    case "held": self = .held
    case "posting": self = .posting
    case "posted": self = .posted
    case "refused": self = .refused(reason: reason ?? "refused")
    case "expired": self = .nothingHappened(.authorizationExpired)
    case "returned": self = .nothingHappened(.holdReturned(reason: reason ?? "returned"))
    default: return nil
    }
  }
}
