import Dispatch
import Synchronization

extension Store {
  /// One durable change for a caller that is no task; blocks its thread until it is.
  @discardableResult
  package func writeNow<Result: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Result
  ) throws -> Result {
    let done = DispatchSemaphore(value: 0)
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    write(body) { result in
      outcome.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    guard let result = outcome.withLock({ $0 }) else { throw StoreError.closed }
    return try result.get()
  }
}
