import NIOCore
package import PaymentsAPI
import StrictJSON
package import Transport
package import Vocabulary

/// Payments through the gateway from several clients at once, each over its own connection with its own token.
package struct PaymentLoad: Sendable {
  package struct Order: Sendable {
    package let payment: NewPayment
    package let key: String
    package init(payment: NewPayment, key: String) {
      self.payment = payment
      self.key = key
    }
  }
  package struct Lane: Sendable {
    package let client: OutsideClient
    package let accessToken: String
    package let orders: [Order]
    package init(client: OutsideClient, accessToken: String, orders: [Order]) {
      self.client = client
      self.accessToken = accessToken
      self.orders = orders
    }
  }
  package struct Report: Sendable {
    package var posted = 0
    /// Requests sent again with the same key, because no answer said what became of the payment.
    package var repeated = 0
    /// Last answers other than 201, by status; 0 counts connections that broke.
    package var others: [Int: Int] = [:]
    package var spans: [Duration] = []
    package var took: Duration = .zero
    package var payments: [Payment] = []

    package var perSecond: Double {
      let seconds = Double(took.nanoseconds) / 1e9
      return seconds > 0 ? Double(posted) / seconds : 0
    }
    /// Of sorted spans; nil for none.
    package func quantile(permille: Int) -> Duration? {
      let sorted = spans.sorted()
      guard !sorted.isEmpty else { return nil }
      return sorted[min(sorted.count - 1, sorted.count * permille / 1_000)]
    }
  }

  private let clock: Clock
  package init(clock: Clock) { self.clock = clock }

  private struct Outcome: Sendable {
    let status: Int
    let repeated: Int
    let span: Duration
    let payment: Payment?
  }

  /// Sends every lane's orders one after the other, `atOnce` lanes at the same time.
  /// - Parameter progress: called after each answer, from any lane.
  package func run(
    _ lanes: [Lane], atOnce: Int = 16, progress: @escaping @Sendable () -> Void = {}
  ) async -> Report {
    let (start, clock) = (clock.now(), clock)
    var report = Report()
    await withTaskGroup(of: [Outcome].self) { group in
      var waiting = lanes[...]
      func begin() {
        guard let lane = waiting.popFirst() else { return }
        group.addTask {
          var outcomes: [Outcome] = []
          for order in lane.orders {
            let begun = clock.now()
            var (answer, repeated) = (await Self.send(order, lane), 0)
            while Self.saysNothing(answer.status), repeated < Self.repeatsMax {
              repeated += 1
              answer = await Self.send(order, lane)
            }
            // One person has a rate; whoever is told so comes back, as every client should.
            var waits = 0
            while answer.status == 429, waits < Self.waitsMax {
              waits += 1
              try? await Task.sleep(for: Self.waitFor429)
              answer = await Self.send(order, lane)
            }
            outcomes.append(
              Outcome(
                status: answer.status, repeated: repeated, span: clock.now() - begun,
                payment: answer.payment))
            progress()
          }
          return outcomes
        }
      }
      for _ in 0..<max(1, atOnce) { begin() }
      for await outcomes in group {
        begin()
        for outcome in outcomes {
          report.spans.append(outcome.span)
          report.repeated += outcome.repeated
          if outcome.status == 201 {
            report.posted += 1
          } else {
            report.others[outcome.status, default: 0] += 1
          }
          if let payment = outcome.payment { report.payments.append(payment) }
        }
      }
    }
    report.took = clock.now() - start
    return report
  }

  /// No answer, or one that does not say what became of the payment: the same key may be sent again.
  private static let repeatsMax = 3
  /// How long a sender pauses who was told that there were too many requests, and how often in a row.
  private static let waitFor429: Duration = .milliseconds(250)
  private static let waitsMax = 240
  private static func saysNothing(_ status: Int) -> Bool { [0, 502, 503, 504].contains(status) }

  private static func send(_ order: Order, _ lane: Lane) async -> (status: Int, payment: Payment?) {
    guard let body = try? StrictJSON.encode(order.payment) else { return (0, nil) }
    let request = WireRequest(
      method: "POST", target: PaymentsOperations.createPayment.path,
      headers: [
        "authorization": "Bearer \(lane.accessToken)", "content-type": "application/json",
        Header.idempotencyKey: order.key,
      ], body: ByteBuffer(bytes: body))
    guard let answer = try? await lane.client.send(request) else { return (0, nil) }
    let payment = try? StrictJSON.decode(Payment.self, from: Array(answer.body.readableBytesView))
    return (answer.status, payment)
  }
}
