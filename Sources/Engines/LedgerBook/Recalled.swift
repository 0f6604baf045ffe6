/// What history says of the ids that a batch names and that the book does not remember itself. Read
/// before the batch is decided; usually empty, because ids are new.
package struct Recalled: Sendable {
  private var transfers: [UInt128: KnownTransfer] = [:]
  private var ends: [UInt128: KnownTransfer] = [:]
  private var tokens: Set<UInt128> = []
  package let isEmpty: Bool

  package static let nothing = Recalled(transfers: [], ends: [], tokens: [])

  /// - Parameters:
  ///   - transfers: accepted before under an id that the batch names, and the holds of those that
  ///     end one.
  ///   - ends: those that posted or voided a hold which the batch names.
  ///   - tokens: those of the batch that allowed a hold before.
  package init(transfers: [KnownTransfer], ends: [KnownTransfer], tokens: Set<UInt128>) {
    for known in transfers { self.transfers[known.row.id] = known }
    for known in ends { self.ends[known.row.pendingID] = known }
    self.tokens = tokens
    isEmpty = transfers.isEmpty && ends.isEmpty && tokens.isEmpty
  }

  func transfer(_ id: UInt128) -> KnownTransfer? { isEmpty ? nil : transfers[id] }
  func end(of hold: UInt128) -> KnownTransfer? { isEmpty ? nil : ends[hold] }
  func isUsed(_ token: UInt128) -> Bool { !isEmpty && tokens.contains(token) }
}

/// What a batch names that only history can know.
package struct Questions: Sendable {
  /// Ids of transfers, sorted.
  package internal(set) var transfers: [UInt128] = []
  /// Ids of holds whose ends are asked for, sorted.
  package internal(set) var ends: [UInt128] = []
  package internal(set) var tokens: [UInt128] = []
  /// True where the end of a hold is sent again, so that its hold may have to be recalled.
  var repeated = false
  package var isEmpty: Bool {
    transfers.isEmpty && ends.isEmpty && tokens.isEmpty && !repeated
  }
}

extension Book {
  /// Which ids of a batch the book cannot answer for itself.
  /// - Parameters:
  ///   - mayBeKnown: false only for an id or token that was certainly never used.
  package func questions(
    of batch: [RequestRow], tokens: [UInt128] = [], mayBeKnown: (UInt128) -> Bool
  ) -> Questions {
    warm(batch)
    var questions = Questions()
    for request in batch {
      if let again = recent.transfer(request.id) {
        questions.repeated = questions.repeated || again.row.does(.resolving)
      } else if mayBeKnown(request.id) {
        questions.transfers.append(request.id)
      }
      let hold = request.pendingID
      guard hold != 0, !holds.isOpen(hold) else { continue }
      if recent.transfer(hold) == nil, mayBeKnown(hold) { questions.transfers.append(hold) }
      if recent.end(of: hold) == nil, mayBeKnown(hold) { questions.ends.append(hold) }
    }
    questions.tokens = tokens.filter { !recent.isUsed($0) && mayBeKnown($0) }
    questions.transfers.sort()
    questions.ends.sort()
    return questions
  }

  /// Brings what a batch will look at into the cache, all at once instead of one after the other.
  private func warm(_ batch: [RequestRow]) {
    var seen: UInt32 = 0
    for request in batch {
      seen &+= recent.touch(request.id) &+ numbers.touch(request.debitAccount)
      seen &+= numbers.touch(request.creditAccount)
    }
    for request in batch {
      if let debit = numbers.find(request.debitAccount) { seen &+= UInt32(accounts[debit].code) }
      if let credit = numbers.find(request.creditAccount) { seen &+= UInt32(accounts[credit].code) }
    }
    withExtendedLifetime(seen) {}
  }

  /// The holds that answers name and that are not known either: an end sent again is compared with
  /// its hold, which the request need not name rightly.
  package func holdsToRecall(after answers: [KnownTransfer], batch: [RequestRow]) -> [UInt128] {
    let found = Set(answers.map(\.row.id))
    var named = Set(answers.filter { $0.row.does(.resolving) }.map(\.row.pendingID))
    for request in batch {
      if let again = recent.transfer(request.id), again.row.does(.resolving) {
        named.insert(again.row.pendingID)
      }
    }
    return named.filter { !found.contains($0) && recent.transfer($0) == nil }.sorted()
  }
}
