import Synchronization
package import Vocabulary

/// How many calls of the Workload API a process gets, and how many identities it and all processes of its workload get. An
/// identity is a signature and a durable record, so a program that asks in a loop would fill the log and keep the signer
/// busy. A stock client asks for a certificate once and follows the stream, which is not counted, and for a token for each
/// audience when the last one ends. A class: all calls look at the same buckets.
package final class IssuanceRate: Sendable {
  /// What comes at once, and how fast one comes back.
  package struct Allowance: Sendable {
    /// 1–10,000.
    package let burst: Int64
    package let interval: Duration
    fileprivate var window: Int64 { burst * interval.nanoseconds }
  }

  /// Calls of one process, whatever they ask for.
  package static let calls = Allowance(burst: 600, interval: .milliseconds(20))
  /// Identities of one process.
  package static let ofProcess = Allowance(burst: 60, interval: .milliseconds(200))
  /// Identities of all processes of one workload and user, so that starting many gains little.
  package static let ofWorkload = Allowance(burst: 240, interval: .milliseconds(50))
  /// Buckets remembered.
  package static let bucketsMax = 4_096

  /// Whom a bucket is for. Processes go by their id: a stranger must cost no look at what it is.
  package enum Key: Hashable, Sendable {
    case calls(pid: Int32)
    case process(pid: Int32)
    case workload(ServiceName, uid: UInt32)

    fileprivate var allowance: Allowance {
      switch self {
      case .calls: IssuanceRate.calls
      case .process: IssuanceRate.ofProcess
      case .workload: IssuanceRate.ofWorkload
      }
    }
  }

  /// When each bucket will be full again if nobody takes from it.
  private let fullAt = Mutex<[Key: Instant]>([:])

  package init() {}

  /// Takes one, if there is one.
  package func take(_ key: Key, at now: Instant) -> Bool {
    fullAt.withLock { buckets in
      let allowance = key.allowance
      if buckets[key] == nil, buckets.count >= Self.bucketsMax { Self.makeRoom(in: &buckets, now) }
      // A clock that was set back makes nobody wait longer than a whole bucket takes.
      let known = (buckets[key] ?? now).nanoseconds - now.nanoseconds
      let debt = min(max(known, 0), allowance.window)
      let next = debt + allowance.interval.nanoseconds
      guard next <= allowance.window else {
        buckets[key] = now + .nanoseconds(debt)
        return false
      }
      buckets[key] = now + .nanoseconds(next)
      return true
    }
  }

  /// Buckets remembered just now.
  package var count: Int { fullAt.withLock { $0.count } }

  /// Full ones go, which forgives nothing; where none is full, the fullest eighth goes, which forgives least.
  private static func makeRoom(in buckets: inout [Key: Instant], _ now: Instant) {
    let before = buckets.count
    buckets = buckets.filter { $0.value > now }
    guard buckets.count == before else { return }
    for entry in buckets.sorted(by: { $0.value < $1.value }).prefix(max(1, before / 8)) {
      buckets[entry.key] = nil
    }
  }
}
