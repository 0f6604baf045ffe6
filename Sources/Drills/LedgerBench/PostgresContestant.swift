import Dispatch
import LedgerBook
import LedgerJournal
import LedgerPostgres
import Synchronization
import Vocabulary

/// Ours on PostgreSQL: the same book and entries, each entry one row, committed by one session while
/// the next is decided. The journal alone: there is no index on PostgreSQL yet.
package struct PostgresContestant: Sendable {
  private let location: String

  /// - Parameter location: of a database to spoil, as libpq wants it.
  package init(location: String) { self.location = location }

  package func run(_ workload: Workload, transfers: Int, batch: Int) throws -> Figures {
    let lane = try CommitLane(location)
    var journaled = JournaledBook(Book(), epoch: lane.epoch)
    guard let euro = Currency(numericCode: 978) else { throw BenchFailure.refused(transfers) }
    _ = journaled.begin(at: Instant(seconds: 1))
    for start in stride(from: 0, to: workload.accounts, by: Book.batchMax) {
      let batch = (start..<min(workload.accounts, start + Book.batchMax)).map {
        AccountRequest(id: AccountID(bits: UInt128($0 + 1)), currency: euro, code: 1)
      }
      _ = journaled.open(batch)
    }
    if let opened = journaled.seal() { lane.commit(opened) }
    lane.finish()
    var filter = IDFilter(bytes: 67_108_864, key: 1)
    var workload = workload
    let before = try lane.bytes()
    let begun = Meter.seconds()
    let cpu = Meter.cpuSeconds()
    let count = max(1, transfers / batch)
    for _ in 0..<count {
      let rows = workload.batch(of: batch)
      _ = journaled.begin(at: Instant(nanoseconds: Int64(Meter.seconds() * 1e9)))
      // As the service does; nothing is asked of an index, for the book forgets nothing here.
      _ = journaled.book.questions(of: rows) { filter.mayContain($0) }
      _ = journaled.apply(rows)
      guard let sealed = journaled.seal() else { throw BenchFailure.refused(batch) }
      for row in sealed.entry.accepted { filter.insert(row.id) }
      lane.commit(sealed)
    }
    lane.finish()
    let seconds = Meter.seconds() - begun
    guard lane.failed == 0, journaled.book.sequence == Int64(count * batch) else {
      throw BenchFailure.refused(lane.failed)
    }
    let made = count * batch
    let latencies = lane.latencies
    return Figures(
      name: "journal on PostgreSQL, batches of \(batch), \(workload.shape.rawValue), no index",
      transfers: made, seconds: seconds, perSecond: Double(made) / seconds,
      p50: latencies.quantile(0.5), p99: latencies.quantile(0.99),
      p999: latencies.quantile(0.999),
      cpuMicros: (Meter.cpuSeconds() - cpu) / Double(made) * 1e6,
      bytesPerTransfer: Double(try lane.bytes() - before) / Double(made), peakMiB: Meter.peakMiB())
  }
}

/// One session that commits entries in order, on a queue of its own, two at the most.
///
/// Sendable by hand: the session is touched on `queue` only.
private final class CommitLane: @unchecked Sendable {
  let epoch: Int64
  private let connection: PostgresConnection
  private let journal: PostgresJournal
  private let queue = DispatchQueue(label: "strongroom.bench.postgres")
  private let gate = DispatchSemaphore(value: CommitFlow.flightsMax)
  private let seen = Mutex((latencies: Latencies(), failed: 0))

  init(_ location: String) throws {
    connection = try PostgresConnection(location)
    try connection.script(
      "SET client_min_messages = warning; DROP TABLE IF EXISTS journal; DROP TABLE IF EXISTS writer"
    )
    journal = try PostgresJournal(connection)
    guard let epoch = try journal.takeOver() else { throw BenchFailure.refused(0) }
    self.epoch = epoch
  }

  func commit(_ sealed: SealedEntry) {
    gate.wait()
    let begun = Meter.seconds()
    queue.async { [self] in
      let isKept = (try? journal.append(sealed)) ?? false
      seen.withLock {
        $0.latencies.add(Meter.seconds() - begun)
        if !isKept { $0.failed += 1 }
      }
      gate.signal()
    }
  }

  func finish() { queue.sync {} }
  var latencies: Latencies { seen.withLock { $0.latencies } }
  var failed: Int { seen.withLock { $0.failed } }

  /// Bytes of the table with its index and its large values.
  func bytes() throws -> Int64 {
    try queue.sync {
      let answer = try connection.execute("SELECT pg_total_relation_size('journal')")
      guard case .integer(let bytes)? = answer.rows.first?.first else {
        throw PostgresFailure.unexpected
      }
      return bytes
    }
  }
}
