/// One payment's way, decided and nothing else: told what happened, it says what to do next.
/// Unknown is not failed: as long as nobody has said what became of a hold, the payment stays open
/// and the ledger is asked.
package struct PaymentMachine: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    /// Written down; nothing was asked of the ledger.
    case intent
    /// The ledger was asked for a hold; what it did is not known.
    case holding
    /// The ledger holds the money.
    case held
    /// The ledger was asked to post the hold; what it did is not known.
    case posting
    case posted
    /// The ledger said no to the hold; there is none.
    case refused(reason: String)
    case nothingHappened(Cause)
  }
  /// Why a payment ended without money moving though nobody refused it.
  package enum Cause: Hashable, Sendable {
    /// The hold never reached the ledger and its permission has run out. The person may send the
    /// payment again.
    case authorizationExpired
    /// The hold was given back to the debtor before it was posted. Final: its id is used up.
    case holdReturned(reason: String)
  }
  package enum Event: Hashable, Sendable {
    /// A request with a valid permission asks for this payment, for the first time or again.
    case authorized
    /// There is a hold.
    case holdCreated
    /// The ledger's domain says no; there is no hold.
    case holdRefused(reason: String)
    /// The posting is about to be asked for.
    case postingBegun
    case postingDone
    /// The hold was given back before it could be posted.
    case postingRefused(reason: String)
    /// No answer, or one that does not tell.
    case unknown
    /// What the ledger says when asked by id.
    case found(Finding)
  }
  /// What the ledger knows of a payment's hold.
  package enum Finding: Hashable, Sendable {
    /// No hold. `mayStillCome` while a permission is valid with which one could yet arrive.
    case none(mayStillCome: Bool)
    case open
    case posted
    case returned(reason: String)
  }
  package enum Action: Hashable, Sendable {
    case createHold
    case postHold
    /// Nothing now; the reconciler asks the ledger later.
    case wait
    /// Nothing ever again, unless a new request comes.
    case rest
  }
  /// An event that cannot come in this state: a defect, ours or the ledger's.
  package struct OutOfOrder: Error, Hashable {
    package let state: State
    package let event: Event
  }

  package private(set) var state: State

  /// A payment that was just written down, or one read from the store.
  package init(_ state: State = .intent) { self.state = state }

  package mutating func handle(_ event: Event) throws(OutOfOrder) -> Action {
    switch state {
    case .intent: try handleIntent(event)
    case .holding: try handleHolding(event)
    case .held: try handleHeld(event)
    case .posting: try handlePosting(event)
    case .posted, .refused: try handleFinal(event)
    case .nothingHappened(.authorizationExpired): try handleExpired(event)
    case .nothingHappened(.holdReturned): try handleFinal(event)
    }
  }

  private mutating func handleIntent(_ event: Event) throws(OutOfOrder) -> Action {
    switch event {
    case .authorized: return move(to: .holding, .createHold)
    case .found(.none(mayStillCome: true)): return .wait
    case .found(.none(mayStillCome: false)):
      return move(to: .nothingHappened(.authorizationExpired), .rest)
    // Nothing was asked for, so nothing can be answered or found.
    case .holdCreated, .holdRefused, .postingBegun, .postingDone, .postingRefused, .unknown,
      .found(.open), .found(.posted), .found(.returned):
      throw OutOfOrder(state: state, event: event)
    }
  }

  private mutating func handleHolding(_ event: Event) throws(OutOfOrder) -> Action {
    switch event {
    // Asking again is harmless: the hold's id follows from the payment's.
    case .authorized: return .createHold
    case .holdCreated, .found(.open): return move(to: .held, .postHold)
    case .holdRefused(let reason): return move(to: .refused(reason: reason), .rest)
    case .unknown, .found(.none(mayStillCome: true)): return .wait
    case .found(.none(mayStillCome: false)):
      return move(to: .nothingHappened(.authorizationExpired), .rest)
    case .found(.posted): return move(to: .posted, .rest)
    case .found(.returned(let reason)):
      return move(to: .nothingHappened(.holdReturned(reason: reason)), .rest)
    case .postingBegun, .postingDone, .postingRefused:
      throw OutOfOrder(state: state, event: event)
    }
  }

  private mutating func handleHeld(_ event: Event) throws(OutOfOrder) -> Action {
    switch event {
    case .postingBegun: return move(to: .posting, .postHold)
    case .authorized, .holdCreated, .found(.open): return .postHold
    case .unknown: return .wait
    case .found(.posted): return move(to: .posted, .rest)
    case .found(.returned(let reason)):
      return move(to: .nothingHappened(.holdReturned(reason: reason)), .rest)
    // We have seen the hold; a ledger that no longer knows it has lost something.
    case .found(.none), .holdRefused, .postingDone, .postingRefused:
      throw OutOfOrder(state: state, event: event)
    }
  }

  private mutating func handlePosting(_ event: Event) throws(OutOfOrder) -> Action {
    switch event {
    // Posting again is harmless: the posting's id follows from the payment's.
    case .authorized, .postingBegun, .found(.open): return .postHold
    case .postingDone, .found(.posted): return move(to: .posted, .rest)
    case .postingRefused(let reason), .found(.returned(let reason)):
      return move(to: .nothingHappened(.holdReturned(reason: reason)), .rest)
    case .unknown: return .wait
    case .found(.none), .holdCreated, .holdRefused:
      throw OutOfOrder(state: state, event: event)
    }
  }

  /// `posted`, `refused`, and a hold that was given back: a request that comes again gets the same
  /// answer.
  private mutating func handleFinal(_ event: Event) throws(OutOfOrder) -> Action {
    switch event {
    case .authorized: return .rest
    case .holdCreated, .holdRefused, .postingBegun, .postingDone, .postingRefused, .unknown,
      .found:
      throw OutOfOrder(state: state, event: event)
    }
  }

  /// Nothing reached the ledger and nothing can any more; a new permission begins anew.
  private mutating func handleExpired(_ event: Event) throws(OutOfOrder) -> Action {
    switch event {
    case .authorized: return move(to: .holding, .createHold)
    case .holdCreated, .holdRefused, .postingBegun, .postingDone, .postingRefused, .unknown,
      .found:
      throw OutOfOrder(state: state, event: event)
    }
  }

  private mutating func move(to next: State, _ action: Action) -> Action {
    state = next
    return action
  }
}
