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
  package var isEmpty: Bool { transfers.isEmpty && ends.isEmpty && tokens.isEmpty }
}

extension Book {
  /// Which ids of a batch the book cannot answer for itself.
  /// - Parameters:
  ///   - mayBeKnown: false only for an id or token that was certainly never used.
  package func questions(
    of batch: [RequestRow], tokens: [UInt128] = [], mayBeKnown: (UInt128) -> Bool
  ) -> Questions {
    var questions = Questions()
    for request in batch {
      if recent.transfer(request.id) == nil, mayBeKnown(request.id) {
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
