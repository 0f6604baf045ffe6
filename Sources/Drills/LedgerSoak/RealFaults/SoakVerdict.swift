import LedgerBook
import LedgerStorage
import Storage
package import Vocabulary

/// What books must say after whatever happened to their writer.
package struct SoakVerdict: Sendable {
  package private(set) var transfers: Int64 = 0
  package private(set) var entries: Int64 = 0
  package private(set) var answered = 0
  /// Empty where all holds.
  package private(set) var complaints: [String] = []

  /// Looks at a store that nobody has open: everything answered is there as it was sent, nothing refused is,
  /// nothing is there twice, every hash and balance is right. Then opens it in earnest, and asks again.
  package init(
    folder: String, answers: Acknowledgements, clock: Clock
  ) async throws {
    answered = answers.accepted.count
    // Before anybody was answered the store may not even have its tables: then it must only start.
    if answered > 0 { try read(folder, answers) }
    guard complaints.isEmpty else { return }
    try await askAgain(folder, answers, clock)
  }

  private mutating func read(_ folder: String, _ answers: Acknowledgements) throws {
    let reader = try StoreReader(path: SoakWriter.store(in: folder))
    let report = try LedgerVerifier(reader).verify()
    (transfers, entries) = (report.transfers, report.entries)
    complaints += report.findings
    guard complaints.isEmpty else { return }
    var places: [SoakLoad.Name: [Int]] = [:]
    try LedgerHistory(reader).transfers { transfer in
      let (name, place) = SoakLoad.place(of: transfer.id)
      places[name, default: []].append(place)
      let sent = SoakLoad.batch(name)
      guard sent.indices.contains(place), isSame(transfer, sent[place]) else {
        complaints.append("transfer \(transfer.id) is not what was sent")
        return
      }
    }
    for (name, accepted) in answers.accepted {
      let kept = places[name] ?? []
      if Set(kept) != accepted || kept.count != accepted.count {
        complaints.append(
          """
          caller \(name.caller), batch \(name.number): answered \(accepted.sorted()), kept \
          \(kept.sorted())
          """)
      }
    }
  }

  private func isSame(_ transfer: Transfer, _ request: TransferRequest) -> Bool {
    transfer.flags == request.flags && transfer.pendingID == request.pendingID
      && (request.amount == nil || request.amount == transfer.amount)
      && (request.debitAccount == nil || request.debitAccount == transfer.debitAccount)
      && (request.creditAccount == nil || request.creditAccount == transfer.creditAccount)
  }

  /// A writer starts on these books, answers old batches as before and takes new ones.
  private mutating func askAgain(
    _ folder: String, _ answers: Acknowledgements, _ clock: Clock
  ) async throws {
    let store = try Store.open(
      path: SoakWriter.store(in: folder), migrations: [.journal], clock: clock)
    defer { store.close() }
    let keeper = try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: SoakWriter.settings)
    let some = answers.accepted.keys.sorted().enumerated().filter { $0.offset % 37 == 0 }
    for (_, name) in some {
      // Only what was accepted: what was refused for want of money may go through today.
      let batch = SoakLoad.batch(name)
      let rows = answers.accepted[name, default: []].sorted().map { RequestRow(batch[$0]) }
      let outcomes = rows.isEmpty ? [] : try await keeper.apply(rows).outcomes
      if outcomes.contains(where: { $0 != .exists }) {
        complaints.append("caller \(name.caller), batch \(name.number), asked again: \(outcomes)")
      }
    }
    _ = try await SoakWriter.send(
      SoakLoad.Name(caller: 0, number: answers.next(of: 0)), keeper)
    if try await keeper.trialBalance().contains(where: { !$0.isBalanced }) {
      complaints.append("the books do not balance")
    }
  }
}
