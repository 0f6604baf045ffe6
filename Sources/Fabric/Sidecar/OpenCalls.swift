import Chassis
import Synchronization
package import Vocabulary

/// The requests that the program works on just now, by handle. A program calls others under the
/// handle it was given: so its calls carry the same correlation, deadline and transaction token, and
/// it never sees the token. A class: the door in and the door out look at the same one.
final class OpenCalls: Sendable {
  struct Entry: Sendable {
    let context: CallContext
    let subject: String?
    let client: String?
  }
  private struct State {
    var entries: [String: Entry] = [:]
    var given = GivenCorrelations()
  }
  private let state = Mutex(State())
  private let randomness: Randomness

  init(randomness: Randomness) { self.randomness = randomness }

  /// As many as there are requests, which the charter's limit on connections bounds.
  func open(_ entry: Entry) -> String {
    let handle = hexText(randomness.bytes(16))
    state.withLock {
      $0.entries[handle] = entry
      $0.given.note(entry.context.correlation)
    }
    return handle
  }
  func close(_ handle: String) { state.withLock { _ = $0.entries.removeValue(forKey: handle) } }
  subscript(_ handle: String) -> Entry? { state.withLock { $0.entries[handle] } }

  /// Whether the program was told this correlation lately. What goes on after a request ended keeps its
  /// id; under any other the program would write into a story that is not its own.
  func hasGiven(_ correlation: CorrelationID) -> Bool {
    state.withLock { $0.given.contains(correlation) }
  }
}

/// The correlations of the last requests, oldest first; as many as are kept, and no more.
package struct GivenCorrelations {
  /// Requests that are remembered.
  package static let rememberedMax = 4_096

  private var ring: [CorrelationID] = []
  private var next = 0
  /// How often each is in the ring: two requests may share one.
  private var counts: [CorrelationID: Int] = [:]

  package init() {}

  package mutating func note(_ correlation: CorrelationID) {
    counts[correlation, default: 0] += 1
    guard ring.count == Self.rememberedMax else { return ring.append(correlation) }
    let oldest = ring[next]
    counts[oldest] = counts[oldest].flatMap { $0 > 1 ? $0 - 1 : nil }
    ring[next] = correlation
    next = (next + 1) % Self.rememberedMax
  }

  package func contains(_ correlation: CorrelationID) -> Bool { counts[correlation] != nil }
}
