package import Charters
import Synchronization
import Telemetry
package import Vocabulary

/// What a process knows of the disk that its store is on. A class: requests read what `DiskWatch` measures.
package final class DiskPoint: Sendable {
  private let room: Mutex<DiskRoom>
  private let level = Atomic(DiskRoom.Level.ample.rawValue)
  private let isKept: Bool
  private let refusals = Counter()

  /// - Parameter isKept: false in a test build that leaves this defence out.
  package init(reserveMiB: Int? = nil, isKept: Bool = true) {
    room = Mutex(DiskRoom(reserveMiB: reserveMiB))
    self.isKept = isKept
  }

  /// As of the last look.
  package var standing: DiskRoom { room.withLock { $0 } }

  /// As `DiskRoom.note`.
  package func note(free: Int64, total: Int64) -> DiskRoom.Level? {
    room.withLock { room in
      let change = room.note(free: free, total: total)
      level.store(room.level.rawValue, ordering: .relaxed)
      return change
    }
  }

  /// Whether a request may be carried out as far as the disk is concerned; one that may not is counted.
  package func admits(_ operation: CharterOperation) -> Bool {
    guard isKept, operation.whenFull == .refuse,
      level.load(ordering: .relaxed) == DiskRoom.Level.reserved.rawValue
    else { return true }
    refusals.add()
    return false
  }

  func register(in metrics: MetricsRegistry) {
    metrics.gauge(
      "strongroom_disk_free_bytes", help: "Bytes that can still be written beside the store.",
      read: { [self] in standing.free.map(Double.init) ?? .nan })
    metrics.gauge(
      "strongroom_disk_level",
      help: "0: room enough, 1: the alarm is given, 2: no new work is taken.",
      read: { [self] in Double(standing.level.rawValue) })
    metrics.counter(
      "strongroom_disk_refused_total", help: "Requests refused because they were new work.",
      read: { [refusals] in Double(refusals.value) })
  }
}

extension Problem {
  /// New work while the disk has no more room than is kept for what was begun.
  package static let diskFull = Problem(
    "disk-full", 503, "There is no room for new work; nothing was done", retryAfterSeconds: 60)
}
