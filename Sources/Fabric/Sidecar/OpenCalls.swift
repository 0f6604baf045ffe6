import Chassis
import Synchronization
import Vocabulary

/// The requests that the program works on just now, by handle. A program calls others under the
/// handle it was given: so its calls carry the same correlation, deadline and transaction token, and
/// it never sees the token. A class: the door in and the door out look at the same one.
final class OpenCalls: Sendable {
  struct Entry: Sendable {
    let context: CallContext
    let subject: String?
    let client: String?
  }
  private let entries = Mutex<[String: Entry]>([:])
  private let randomness: Randomness

  init(randomness: Randomness) { self.randomness = randomness }

  /// As many as there are requests, which the charter's limit on connections bounds.
  func open(_ entry: Entry) -> String {
    let handle = hexText(randomness.bytes(16))
    entries.withLock { $0[handle] = entry }
    return handle
  }
  func close(_ handle: String) { entries.withLock { _ = $0.removeValue(forKey: handle) } }
  subscript(_ handle: String) -> Entry? { entries.withLock { $0[handle] } }
}
