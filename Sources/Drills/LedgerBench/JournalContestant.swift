import Dispatch
import Foundation
import LedgerBook
import LedgerStorage
package import Storage
import StoragePostgres
import Synchronization
package import Vocabulary

/// Ours: the book and its journal on SQLite or on PostgreSQL, in this process.
package struct JournalContestant: Sendable {
  /// Batches that have been sent and not answered, as from several callers.
  static let inFlight = 4

  let folder: String
  /// Nil: on SQLite.
  let database: PostgresLocation?
  let clock: Clock

  /// - Parameters:
  ///   - folder: where stores are made, one for each run; the caller removes it.
  ///   - database: to spoil: a schema is made for each run, and removed.
  package init(folder: String, database: PostgresLocation? = nil, clock: Clock) {
    self.folder = folder
    self.database = database
    self.clock = clock
  }

  private func open(_ name: String) async throws -> Store {
    guard let database else {
      return try Store.open(
        path: "\(folder)/\(name)/ledger.sqlite", migrations: [.journal], clock: clock)
    }
    let schema = "bench"
    let admin = try PostgresConnection(database.parameters(for: "bench"))
    try admin.control(
      """
      SET client_min_messages = warning; DROP SCHEMA IF EXISTS \(schema) CASCADE;
      CREATE SCHEMA \(schema)
      """)
    return try await Store.open(
      database.with("options", "-csearch_path=\(schema)"), for: "bench", migrations: [.journal],
      clock: clock, randomness: .system)
  }

  /// Of the store's tables and files.
  private func bytes(_ name: String, _ store: Store) throws -> Int64 {
    guard database != nil else { return Int64(Meter.diskBytes("\(folder)/\(name)")) }
    let row = try store.readNow {
      try $0.row(
        """
        SELECT sum(pg_total_relation_size(c.oid))::bigint AS bytes FROM pg_class c
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
        """)
    }
    return try row?.integer("bytes") ?? 0
  }

  /// - Parameters:
  ///   - transfers: rounded down to whole batches.
  ///   - buildsIndex: false measures the journal alone.
  ///   - progress: called with the size of each batch that was answered, from any thread.
  package func run(
    _ workload: Workload, transfers: Int, batch: Int, buildsIndex: Bool,
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> Figures {
    let own = "journal-\(workload.shape.rawValue)-\(buildsIndex)"
    var settings = LedgerKeeper.Settings()
    settings.buildsIndex = buildsIndex
    let store = try await open(own)
    defer { store.close() }
    let keeper = try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: settings)
    try await open(workload.accounts, keeper)
    let begun = Meter.seconds()
    let cpu = Meter.cpuSeconds()
    let count = max(1, transfers / batch)
    let (latencies, created) = await send(workload, batches: count, of: batch, keeper, progress)
    let seconds = Meter.seconds() - begun
    while buildsIndex, keeper.projectionLag >= Int64(settings.limits.recentBlock) {
      try await Task.sleep(for: .milliseconds(20))
    }
    let caughtUp = Meter.seconds() - begun
    guard created == count * batch else { throw BenchFailure.refused(count * batch - created) }
    let suffix = buildsIndex ? "" : ", index held back"
    return Figures(
      name:
        "journal on \(database == nil ? "SQLite" : "PostgreSQL"), batches of \(batch), \(workload.shape.rawValue)\(suffix)",
      transfers: created, seconds: seconds, perSecond: Double(created) / seconds,
      p50: latencies.quantile(0.5), p99: latencies.quantile(0.99),
      p999: latencies.quantile(0.999),
      cpuMicros: (Meter.cpuSeconds() - cpu) / Double(created) * 1e6,
      bytesPerTransfer: Double(try bytes(own, store)) / Double(created), peakMiB: Meter.peakMiB(),
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
    _ workload: Workload, batches: Int, of size: Int, _ keeper: LedgerKeeper,
    _ progress: @escaping @Sendable (Int) -> Void
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
            progress(size)
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
