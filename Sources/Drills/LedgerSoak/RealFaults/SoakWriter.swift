import LedgerBook
import LedgerStorage
import Storage
package import Vocabulary

/// The process that is tormented: a keeper on a store, and callers who send batch after batch, wait for the
/// answer, write down what they were told, and send a batch again when nobody told them.
package struct SoakWriter: Sendable {
  let folder: String
  let callers: Int
  let clock: Clock

  /// - Parameters:
  ///   - folder: for the store and the answers; made where it is not there.
  package init(folder: String, callers: Int, clock: Clock) {
    self.folder = folder
    self.callers = callers
    self.clock = clock
  }

  static func store(in folder: String) -> String { "\(folder)/ledger/ledger.sqlite" }
  static func answers(in folder: String) -> String { "\(folder)/answers" }

  /// Small, so that a few seconds see many index segments and snapshots.
  static var settings: LedgerKeeper.Settings {
    var settings = LedgerKeeper.Settings()
    settings.limits = Book.Limits(recentBlock: 500)
    settings.snapshotEvery = 3_000
    return settings
  }

  /// Runs until the process is killed or `batches` of each caller are answered.
  package func run(batches: Int = .max) async throws {
    let store = try Store.open(
      path: Self.store(in: folder), migrations: [.journal], clock: clock)
    defer { store.close() }
    let keeper = try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: Self.settings)
    let file = try AcknowledgementFile(path: Self.answers(in: folder))
    let before = Acknowledgements(path: Self.answers(in: folder))
    while (try? await keeper.open(SoakLoad.accounts()) { _ in [] }) == nil {
      try await Task.sleep(for: .milliseconds(5))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<callers {
        let first = before.next(of: caller)
        group.addTask {
          for number in first..<max(first, batches) {
            let name = SoakLoad.Name(caller: caller, number: number)
            try file.append(Acknowledgements.line(name, try await Self.send(name, keeper)))
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Sends a batch until it is answered.
  static func send(_ name: SoakLoad.Name, _ keeper: LedgerKeeper) async throws -> [Int] {
    let rows = SoakLoad.batch(name).map { RequestRow($0) }
    while true {
      do {
        let applied = try await keeper.apply(rows)
        return applied.outcomes.indices.filter {
          applied.outcomes[$0] == .created || applied.outcomes[$0] == .exists
        }
      } catch {
        // Not kept, or not known: the same again will tell. A pause, for the books may be read just now.
        try await Task.sleep(for: .milliseconds(2))
      }
    }
  }
}
