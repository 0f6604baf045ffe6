import Payments
import Testing

private typealias State = PaymentMachine.State
private typealias Event = PaymentMachine.Event
private typealias Action = PaymentMachine.Action

/// Every state, once.
private let states: [(name: String, state: State)] = [
  ("intent", .intent), ("holding", .holding), ("held", .held), ("posting", .posting),
  ("posted", .posted), ("refused", .refused(reason: "r")),
  ("expired", .nothingHappened(.authorizationExpired)),
  ("returned", .nothingHappened(.holdReturned(reason: "r"))),
]

/// Every event, once.
private let events: [(name: String, event: Event)] = [
  ("authorized", .authorized), ("holdCreated", .holdCreated),
  ("holdRefused", .holdRefused(reason: "r")), ("postingBegun", .postingBegun),
  ("postingDone", .postingDone), ("postingRefused", .postingRefused(reason: "r")),
  ("unknown", .unknown), ("none, may come", .found(.none(mayStillCome: true))),
  ("none for ever", .found(.none(mayStillCome: false))), ("found open", .found(.open)),
  ("found posted", .found(.posted)), ("found returned", .found(.returned(reason: "r"))),
]

/// For each state, what each event leads to: next state and action; what is not here is out of
/// order.
private let table: [String: [String: (String, Action)]] = [
  "intent": [
    "authorized": ("holding", .createHold), "none, may come": ("intent", .wait),
    "none for ever": ("expired", .rest),
  ],
  "holding": [
    "authorized": ("holding", .createHold), "holdCreated": ("held", .postHold),
    "holdRefused": ("refused", .rest), "unknown": ("holding", .wait),
    "none, may come": ("holding", .wait), "none for ever": ("expired", .rest),
    "found open": ("held", .postHold), "found posted": ("posted", .rest),
    "found returned": ("returned", .rest),
  ],
  "held": [
    "authorized": ("held", .postHold), "holdCreated": ("held", .postHold),
    "postingBegun": ("posting", .postHold), "unknown": ("held", .wait),
    "found open": ("held", .postHold), "found posted": ("posted", .rest),
    "found returned": ("returned", .rest),
  ],
  "posting": [
    "authorized": ("posting", .postHold), "postingBegun": ("posting", .postHold),
    "postingDone": ("posted", .rest), "postingRefused": ("returned", .rest),
    "unknown": ("posting", .wait), "found open": ("posting", .postHold),
    "found posted": ("posted", .rest), "found returned": ("returned", .rest),
  ],
  "posted": ["authorized": ("posted", .rest)],
  "refused": ["authorized": ("refused", .rest)],
  "expired": ["authorized": ("holding", .createHold)],
  "returned": ["authorized": ("returned", .rest)],
]

@Suite struct `The payment machine` {
  @Test func `answers every event in every state as the table says`() throws {
    for (stateName, state) in states {
      for (eventName, event) in events {
        var machine = PaymentMachine(state)
        guard let (nextName, action) = table[stateName]?[eventName] else {
          #expect(throws: PaymentMachine.OutOfOrder.self, "\(stateName) × \(eventName)") {
            try machine.handle(event)
          }
          #expect(machine.state == state)
          continue
        }
        let next = try #require(states.first { $0.name == nextName }).state
        #expect(try machine.handle(event) == action, "\(stateName) × \(eventName)")
        #expect(machine.state == next, "\(stateName) × \(eventName)")
      }
    }
    print("payment machine: \(states.count * events.count) pairs of state and event")
  }

  /// Whatever happens in whatever order, money is never said to have moved without the ledger
  /// saying so.
  @Test func `says posted only after the ledger did`() throws {
    var seen: Set<PaymentMachine> = [PaymentMachine()]
    var frontier = seen
    while !frontier.isEmpty {
      var next: Set<PaymentMachine> = []
      for machine in frontier {
        for (_, event) in events {
          var moved = machine
          guard (try? moved.handle(event)) != nil else { continue }
          if moved.state == .posted, machine.state != .posted {
            #expect(event == .postingDone || event == .found(.posted))
          }
          if case .refused = moved.state, moved.state != machine.state {
            #expect(event == .holdRefused(reason: "r"))
          }
          if seen.insert(moved).inserted { next.insert(moved) }
        }
      }
      frontier = next
    }
    #expect(seen.count == states.count)
  }
}
