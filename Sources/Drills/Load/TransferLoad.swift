import Demo
import LedgerAPI
import NIOCore
import StrictJSON
import Telemetry
package import Transport
package import Vocabulary

/// Single transfers from many callers at once, over the ledger's mutual TLS: each caller sends its next one when it has
/// the answer to the last. Runs on one event loop, as a service that calls the ledger does.
package struct TransferLoad: Sendable {
  /// How a transfer is written.
  package enum Form: String, Sendable, CaseIterable { case binary, json }

  package struct Report: Sendable {
    package var created = 0
    /// Answers that were something else than one transfer created.
    package var others: [String: Int] = [:]
    package var spans: [Duration] = []
    package var took: Duration = .zero

    package var perSecond: Double {
      let seconds = Double(took.nanoseconds) / 1e9
      return seconds > 0 ? Double(created) / seconds : 0
    }
    /// Of all spans; zero for none.
    package func quantile(permille: Int) -> Duration {
      let sorted = spans.sorted()
      guard !sorted.isEmpty else { return .zero }
      return sorted[min(sorted.count - 1, sorted.count * permille / 1_000)]
    }
  }

  private let transport: TransportClient
  /// Each loop has connections of its own, so all calls are made on one.
  private let loop: any EventLoop
  private let ledger: ServiceEndpoint
  private let clock: Clock
  private let randomness: Randomness
  private let accounts: [AccountID]
  private let currency: Currency

  /// - Parameter transport: must keep as many connections as there are callers.
  package init(
    _ transport: TransportClient, to ledger: ServiceEndpoint, accounts: [AccountID],
    currency: Currency, clock: Clock, randomness: Randomness
  ) {
    self.transport = transport
    loop = transport.group.next()
    self.ledger = ledger
    self.accounts = accounts
    self.currency = currency
    self.clock = clock
    self.randomness = randomness
  }

  /// Opens the accounts, with as many calls as it takes.
  /// - Throws: `DemoFailure` with what the ledger answered.
  package func open() async throws {
    for start in stride(from: 0, to: accounts.count, by: LedgerLimits.batchMax) {
      let part = accounts[start..<min(accounts.count, start + LedgerLimits.batchMax)]
      let batch = NewAccounts(
        accounts: part.map { NewAccount(id: $0, currency: currency, code: 1) })
      let request = request(to: "/v1/accounts", .binary, try BinaryBatch.encode(batch))
      let answer = try await loop.flatSubmit {
        transport.send(
          request, to: ledger, by: Deadline(clock.now() + .seconds(30)), isRepeatable: true,
          on: loop)
      }.get()
      guard answer.status == 200 else {
        throw DemoFailure("ledger: \(answer.status) \(String(buffer: answer.body))")
      }
    }
  }

  /// - Parameters:
  ///   - each: transfers of every caller, at most.
  ///   - longest: after this no new transfer is sent.
  ///   - progress: called after each answer, on the event loop.
  package func run(
    _ form: Form, callers: Int, each: Int, longest: Duration,
    progress: @escaping @Sendable () -> Void = {}
  ) async throws -> Report {
    let started = clock.now()
    let lanes = try await loop.flatSubmit {
      EventLoopFuture.whenAllSucceed(
        (0..<callers).map { _ in
          let lane = Lane(
            self, form, count: each, until: started + longest, loop: loop, progress)
          lane.next()
          return lane.done.futureResult
        }, on: loop)
    }.get()
    var report = Report()
    report.took = clock.now() - started
    for lane in lanes {
      report.created += lane.created
      report.others.merge(lane.others) { $0 + $1 }
      report.spans += lane.spans
    }
    return report
  }

  private func request(to path: String, _ form: Form, _ body: [UInt8]) -> WireRequest {
    // Zero is drawn once in 2^128 times; one will do as well.
    let correlation = CorrelationID(bits: randomness.bits128()) ?? CorrelationID(bits: 1)
    var headers: Headers = [
      "content-type": form == .binary ? BinaryBatch.contentType : "application/json"
    ]
    if let correlation {
      headers.add(Header.correlation, "\(correlation)")
      headers.add(
        Header.traceparent,
        TraceContext(startingAt: correlation, randomness: randomness).traceparent)
    }
    return WireRequest(
      method: "POST", target: path, headers: headers, body: ByteBuffer(bytes: body))
  }

  private func nextTransfer() -> NewTransfer {
    let debtor = Int(randomness.next() % UInt64(accounts.count))
    let other = 1 + Int(randomness.next() % UInt64(accounts.count - 1))
    var transfer = NewTransfer(id: TransferID(bits: randomness.bits128()))
    transfer.debitAccount = accounts[debtor]
    transfer.creditAccount = accounts[(debtor + other) % accounts.count]
    transfer.amount = 1 + Int64(randomness.next() % 100)
    transfer.currency = currency
    transfer.code = 1
    return transfer
  }

  /// One caller. A class confined to its event loop: it is called back with each answer.
  private final class Lane {
    struct Tally: Sendable {
      var created = 0
      var others: [String: Int] = [:]
      var spans: [Duration] = []
    }
    let done: EventLoopPromise<Tally>
    private let load: TransferLoad
    private let form: Form
    private let loop: any EventLoop
    private var left: Int
    private let end: Instant
    private let progress: @Sendable () -> Void
    private var tally = Tally()

    init(
      _ load: TransferLoad, _ form: Form, count: Int, until end: Instant, loop: any EventLoop,
      _ progress: @escaping @Sendable () -> Void
    ) {
      self.end = end
      self.progress = progress
      self.load = load
      self.form = form
      self.loop = loop
      left = count
      done = loop.makePromise()
    }

    func next() {
      let begun = load.clock.now()
      guard left > 0, begun < end else { return done.succeed(tally) }
      left -= 1
      let batch = NewTransfers(transfers: [load.nextTransfer()])
      let body: [UInt8]
      do {
        body = form == .binary ? try BinaryBatch.encode(batch) : try StrictJSON.encode(batch)
      } catch {
        return done.fail(error)
      }
      let own = NIOLoopBound(self, eventLoop: loop)
      load.transport.send(
        load.request(to: "/v1/transfers", form, body), to: load.ledger,
        by: Deadline(begun + .seconds(10)), isRepeatable: true, on: loop
      ).whenComplete { result in
        let lane = own.value
        lane.tally.spans.append(lane.load.clock.now() - begun)
        switch lane.outcome(of: result) {
        case "created": lane.tally.created += 1
        case let other: lane.tally.others[other, default: 0] += 1
        }
        lane.progress()
        lane.next()
      }
    }

    private func outcome(of result: Result<WireResponse, any Error>) -> String {
      switch result {
      case .failure(let error): return "\(error)"
      case .success(let answer) where answer.status != 200: return "\(answer.status)"
      case .success(let answer):
        let body = Array(answer.body.readableBytesView)
        let names =
          form == .binary
          ? try? BinaryBatch.transferResults(body)
          : (try? StrictJSON.decode(EventResults.self, from: body))?.results.map(\.result)
        return names?.first ?? "unreadable"
      }
    }
  }
}
