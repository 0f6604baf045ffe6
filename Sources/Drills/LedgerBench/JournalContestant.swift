import Dispatch
import Foundation
import LedgerBook
import LedgerStorage
import Storage
import Synchronization
package import Vocabulary

/// Ours: the book and its journal on SQLite, in this process.
package struct JournalContestant: Sendable {
  /// Batches that have been sent and not answered, as from several callers.
  static let inFlight = 4

  let folder: String
  let clock: Clock

  /// - Parameter folder: where stores are made, one for each run; the caller removes it.
  package init(folder: String, clock: Clock) {
    self.folder = folder
    self.clock = clock
  }

  /// - Parameters:
  ///   - transfers: rounded down to whole batches.
  ///   - buildsIndex: false measures the journal alone.
  package func run(
    _ workload: Workload, transfers: Int, batch: Int, buildsIndex: Bool
  ) async throws -> Figures {
    let own = "\(folder)/journal-\(workload.shape.rawValue)-\(buildsIndex)"
    var settings = LedgerKeeper.Settings()
    settings.buildsIndex = buildsIndex
    let store = try Store.open(
      path: "\(own)/ledger.sqlite", migrations: [.journal], clock: clock)
    defer { store.close() }
    let keeper = try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: settings)
    try await open(workload.accounts, keeper)
    let begun = Meter.seconds()
    let cpu = Meter.cpuSeconds()
    let count = max(1, transfers / batch)
    let (latencies, created) = await send(workload, batches: count, of: batch, keeper)
    let seconds = Meter.seconds() - begun
    while buildsIndex, keeper.projectionLag >= Int64(settings.limits.recentBlock) {
      try await Task.sleep(for: .milliseconds(20))
    }
    let caughtUp = Meter.seconds() - begun
    guard created == count * batch else { throw BenchFailure.refused(count * batch - created) }
    let suffix = buildsIndex ? "" : ", index held back"
    return Figures(
      name: "journal on SQLite, batches of \(batch), \(workload.shape.rawValue)\(suffix)",
      transfers: created, seconds: seconds, perSecond: Double(created) / seconds,
      p50: latencies.quantile(0.5), p99: latencies.quantile(0.99),
      p999: latencies.quantile(0.999),
      cpuMicros: (Meter.cpuSeconds() - cpu) / Double(created) * 1e6,
      bytesPerTransfer: Double(Meter.diskBytes(own)) / Double(created), peakMiB: Meter.peakMiB(),
      perSecondCaughtUp: buildsIndex ? Double(created) / caughtUp : nil)
  }

  private func open(_ accounts: Int, _ keeper: LedgerKeeper) async throws {
    guard let euro = Currency(numericCode: 978) else { throw BenchFailure.refused(accounts) }
    for start in stride(from: 0, to: accounts, by: Book.batchMax) {
      let batch = (start..<min(accounts, start + Book.batchMax)).map {
        AccountRequest(id: AccountID(bits: UInt128($0 + 1)), currency: euro, code: 1)
      }
      _ = try await keeper.open(batch) { _ in [] }
    }
  }

  private func send(
    _ workload: Workload, batches: Int, of size: Int, _ keeper: LedgerKeeper
  ) async -> (Latencies, created: Int) {
    await withCheckedContinuation { continuation in
      // A thread of its own: it waits for answers, which a task must not.
      DispatchQueue(label: "strongroom.bench").async {
        var workload = workload
        let seen = Mutex((latencies: Latencies(), created: 0))
        let gate = DispatchSemaphore(value: Self.inFlight)
        let group = DispatchGroup()
        for _ in 0..<batches {
          let batch = workload.batch(of: size)
          gate.wait()
          group.enter()
          let begun = Meter.seconds()
          keeper.apply(batch) { result in
            let spent = Meter.seconds() - begun
            seen.withLock {
              $0.latencies.add(spent)
              if case .success(let applied) = result { $0.created += applied.created }
            }
            gate.signal()
            group.leave()
          }
        }
        group.wait()
        continuation.resume(returning: seen.withLock { ($0.latencies, $0.created) })
      }
    }
  }

  /// Seconds from a closed store to books that answer.
  package func start(after workload: Workload) async throws -> Double {
    let path = "\(folder)/journal-\(workload.shape.rawValue)-true/ledger.sqlite"
    let begun = Meter.seconds()
    let store = try Store.open(path: path, migrations: [.journal], clock: clock)
    defer { store.close() }
    let keeper = try await LedgerKeeper(store: store, clock: clock, randomness: .system)
    guard try await keeper.trialBalance().allSatisfy(\.isBalanced) else {
      throw BenchFailure.unbalanced
    }
    return Meter.seconds() - begun
  }

  /// Bytes of memory for each account, beside those of an empty book.
  package func memoryPerAccount(_ accounts: Int) throws -> Int {
    guard let euro = Currency(numericCode: 978) else { throw BenchFailure.refused(accounts) }
    let before = Meter.residentBytes()
    var book = Book()
    for start in stride(from: 0, to: accounts, by: Book.batchMax) {
      let batch = (start..<min(accounts, start + Book.batchMax)).map {
        AccountRequest(id: AccountID(bits: UInt128($0 + 1)), currency: euro, code: 1)
      }
      _ = book.open(batch, at: Instant(seconds: 1))
    }
    let after = Meter.residentBytes()
    return withExtendedLifetime(book) { (after - before) / max(1, accounts) }
  }
}

/// A measurement that measured something else.
package enum BenchFailure: Error, CustomStringConvertible {
  case refused(Int)
  case unbalanced
  case sqlite(String)

  package var description: String {
    switch self {
    case .refused(let count): "\(count) transfers were not accepted"
    case .unbalanced: "the books do not balance"
    case .sqlite(let reason): "SQLite: \(reason)"
    }
  }
}
