import Vocabulary

/// A run of linked events while a batch is walked. It stands or falls as one.
///
/// A chain that was accepted before and comes again is answered `exists` throughout. (TigerBeetle
/// answers `exists` for its first event and `linked_event_failed` for the rest; a caller who
/// retries cannot tell that from a failure.) A chain of which a part exists and a part is new has
/// been altered, so it falls.
struct Chain {
  private(set) var start: Int?
  private(set) var isBroken = false
  private(set) var mark = 0
  private(set) var sequence: Int64 = 0
  private var hasCreated = false
  private var hasExisting = false

  mutating func open(at index: Int, mark: Int, sequence: Int64) {
    start = index
    self.mark = mark
    self.sequence = sequence
  }

  /// Notes the outcome of one more event; true where it is this event that breaks the chain.
  mutating func breaks<Refusal>(_ outcome: Outcome<Refusal>) -> Bool {
    switch outcome {
    case .created: hasCreated = true
    case .exists: hasExisting = true
    case .refused: break
    }
    guard !isBroken else { return false }
    if case .refused = outcome { isBroken = true }
    if hasCreated, hasExisting { isBroken = true }
    return isBroken
  }
}

extension Array {
  /// Rewrites the outcomes of a chain that fell: what was created is not; what broke it keeps its
  /// reason.
  mutating func breakChain<Refusal>(from start: Int, with reason: Refusal)
  where Element == Outcome<Refusal> {
    for position in start..<count where self[position] == .created {
      self[position] = .refused(reason)
    }
  }
}
