import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
package import PolicyBundles
package import PolicyEngine
import Synchronization
package import Telemetry
package import Vocabulary

/// Holds what decisions are made from, and has requests answered: short ones where they come in, an
/// event loop; long ones, and all that write, on threads of their own. A class: all connections
/// share it.
package final class PolicyService: Sendable {
  /// One state of the store. A class, so that taking it costs one reference.
  private final class Snapshot: Sendable {
    let store: PolicyStore
    init(_ store: PolicyStore) { self.store = store }
  }

  enum Answering {
    case now(PolicyAnswer)
    case later(EventLoopFuture<PolicyAnswer>)
  }

  private let snapshot: Mutex<Snapshot>
  /// Held while a change is worked out, so that no other is lost.
  private let writing = NIOLock()
  private let desk: PolicyDesk
  private let decisionLog: DecisionLog?
  let metrics: PolicyServerMetrics
  let clock: Clock
  private let randomness: Randomness
  private let threads: NIOThreadPool
  private let long = Atomic<Int>(0)

  /// - Parameters:
  ///   - labels: of this server, for status and decision log.
  ///   - settings: what `/v1/config` shows.
  ///   - decisionLog: nil: decisions are not logged, and have no ids.
  package init(
    _ store: PolicyStore, authorization: RequestAuthorization = .off,
    labels: [(String, Value)] = [], version: String = "", settings: Value = .object(.empty),
    decisionLog: DecisionLog? = nil, registry: MetricsRegistry = MetricsRegistry(),
    clock: Clock, randomness: Randomness
  ) {
    snapshot = Mutex(Snapshot(store))
    desk = PolicyDesk(
      authorization: authorization, labels: labels, version: version, settings: settings)
    self.decisionLog = decisionLog
    metrics = PolicyServerMetrics(registry)
    self.clock = clock
    self.randomness = randomness
    threads = NIOThreadPool(numberOfThreads: max(2, System.coreCount))
    threads.start()
    if let decisionLog {
      registry.counter(
        "strongroom_policy_decision_log_losses_total",
        help: "Decisions that the decision log does not have."
      ) { Double(decisionLog.losses) }
    }
  }

  /// Ends the threads; what they do is finished first.
  package func stop() async {
    try? await threads.shutdownGracefully()
    decisionLog?.flush()
  }

  private var current: Snapshot { snapshot.withLock { $0 } }
  var limits: PolicyServerLimits { current.store.limits }

  // MARK: Requests

  func answer(_ request: PolicyRequest, on loop: any EventLoop) -> Answering {
    let moment = moment(isQuick: true)
    let began = moment.ticks()
    if let answer = reply(request, current, moment) {
      count(request, answer, since: began)
      return .now(answer)
    }
    metrics.moved.add()
    guard long.wrappingAdd(1, ordering: .relaxed).newValue <= limits.longMax else {
      long.wrappingSubtract(1, ordering: .relaxed)
      let answer = PolicyRefusal.overloaded.answer
      count(request, answer, since: began)
      return .now(answer)
    }
    return .later(
      threads.runIfActive(eventLoop: loop) {
        defer { self.long.wrappingSubtract(1, ordering: .relaxed) }
        let answer =
          self.reply(request, self.current, self.moment(isQuick: false))
          ?? PolicyRefusal.internal("no answer was found").answer
        self.count(request, answer, since: began)
        return answer
      })
  }

  /// Nil where it takes too long for an event loop.
  private func reply(_ request: PolicyRequest, _ snapshot: Snapshot, _ moment: DecisionMoment)
    -> PolicyAnswer?
  {
    switch desk.reply(request, snapshot.store, moment) {
    case .answered(let answer, let event):
      if let event {
        metrics.count(event)
        decisionLog?.append(event, snapshot.store)
      }
      return answer
    case .metrics:
      return .text(
        metrics.registry.exposition(), contentType: "text/plain; version=0.0.4; charset=utf-8")
    case .write(let operation): return moment.isQuick ? nil : write(operation, request)
    case .tooLong: return nil
    }
  }

  private func write(_ operation: PolicyOperation, _ request: PolicyRequest) -> PolicyAnswer {
    do {
      return try change { store throws(PolicyRefusal) in try store.write(operation, request) }
    } catch {
      return error.answer
    }
  }

  private func moment(isQuick: Bool) -> DecisionMoment {
    let now = clock.now()
    return DecisionMoment(
      at: now, seed: randomness.next(),
      decisionID: decisionLog.map { _ in
        ID<DecisionEvent>(at: now, random: randomness.bits128()).description
      },
      isQuick: isQuick, ticks: { Int64(clamping: NIODeadline.now().uptimeNanoseconds) })
  }

  private func count(_ request: PolicyRequest, _ answer: PolicyAnswer, since began: Int64) {
    let span = Int64(clamping: NIODeadline.now().uptimeNanoseconds) - began
    let operation = try? PolicyOperation(method: request.method, path: request.path)
    metrics.count(
      handler: operation?.handler ?? "none", method: operation == nil ? "none" : request.method,
      status: answer.status, .nanoseconds(span))
  }

  // MARK: Changes

  /// One change after the other; decisions go on with what was there.
  private func change<Result, Failure: Error>(
    _ body: (inout PolicyStore) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    writing.lock()
    defer { writing.unlock() }
    var store = current.store
    let result = try body(&store)
    let next = Snapshot(store)
    snapshot.withLock { $0 = next }
    return result
  }

  /// Puts a bundle in force between two decisions.
  /// - Throws: `BundleRefusal`; what was in force stays, and `/v1/status` tells why.
  package func activate(_ name: String, _ bundle: PolicyBundle) throws(BundleRefusal) {
    let now = clock.now()
    do {
      try change { store throws(BundleRefusal) in try store.activate(name, bundle, at: now) }
    } catch {
      refuse(name, error)
      throw error
    }
    metrics.registry.counter(
      "strongroom_policy_bundle_activations_total", help: "Bundles put in force.",
      labels: ["name": name]
    ).add()
    metrics.registry.gauge(
      "strongroom_policy_bundle_activated_seconds",
      help: "When the bundle in force was activated, in seconds since 1970.",
      labels: ["name": name]
    ).set(now.seconds)
  }

  /// Notes that the next version of a bundle was not even read.
  package func refuse(_ name: String, _ refusal: BundleRefusal) {
    change { store in store.refuse(name, refusal) }
    metrics.registry.counter(
      "strongroom_policy_bundle_refusals_total", help: "Bundles that were refused.",
      labels: ["name": name]
    ).add()
  }
}
