package import AuditAPI
package import NIOCore
import Synchronization
import Transport
import Vocabulary

/// Writes access decisions in groups and tells each request when its own is durable. While one
/// group is on its way to the disk the next gathers, so that a thousand decisions cost a few syncs.
/// Bounded: when too many wait, the request is refused instead of being let through unrecorded, and
/// how many were shed is itself recorded. A class: all event loops write to the same one.
package final class AccessTrail: Sendable {
  /// Makes a group durable, or throws. Returns when all of it is on disk.
  package typealias Write = @Sendable ([AuditRecord]) async throws -> Void

  /// Decisions that may wait for the disk.
  package static let waitingMax = 8_192
  /// Decisions in one group.
  package static let groupMax = 512

  private struct Waiting {
    var records: [(record: AuditRecord, promise: EventLoopPromise<Void>)] = []
    var isWriting = false
    var shed: Int64 = 0
  }
  private let waiting = Mutex(Waiting())
  private let write: Write
  private let shedRecord: @Sendable (Int64) -> AuditRecord

  /// - Parameter shedRecord: makes the record that tells how many decisions were refused unrecorded.
  package init(
    write: @escaping Write, shedRecord: @escaping @Sendable (Int64) -> AuditRecord
  ) {
    self.write = write
    self.shedRecord = shedRecord
  }

  /// Succeeds when the record is durable; fails when it could not be written or too many wait.
  package func record(_ record: AuditRecord, on loop: any EventLoop) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    let (isAccepted, begins) = waiting.withLock { waiting in
      guard waiting.records.count < Self.waitingMax else {
        waiting.shed += 1
        return (false, false)
      }
      waiting.records.append((record, promise))
      defer { waiting.isWriting = true }
      return (true, !waiting.isWriting)
    }
    if !isAccepted { promise.fail(TrailFull()) }
    if begins { Task(executorPreference: LoopTasks(loop)) { await self.writeGroups() } }
    return promise.futureResult
  }

  /// Too many decisions wait for the disk; this one is on no record, so what it allowed must not
  /// happen.
  package struct TrailFull: Error {}

  /// Decisions that wait and are not on their way yet.
  package var waitingCount: Int { waiting.withLock { $0.records.count } }

  private func writeGroups() async {
    while let (group, shed) = nextGroup() {
      var records = group.map(\.record)
      if shed > 0 { records.append(shedRecord(shed)) }
      do {
        try await write(records)
        Self.conclude(group, nil)
      } catch {
        if shed > 0 { waiting.withLock { $0.shed += shed } }
        Self.conclude(group, error)
      }
    }
  }

  private func nextGroup() -> (
    group: [(record: AuditRecord, promise: EventLoopPromise<Void>)], shed: Int64
  )? {
    waiting.withLock { waiting in
      guard !waiting.records.isEmpty else {
        waiting.isWriting = false
        return nil
      }
      let group = Array(waiting.records.prefix(Self.groupMax))
      waiting.records.removeFirst(group.count)
      defer { waiting.shed = 0 }
      return (group, waiting.shed)
    }
  }

  /// One hop per event loop and group, not one per request.
  private static func conclude(
    _ group: [(record: AuditRecord, promise: EventLoopPromise<Void>)], _ error: (any Error)?
  ) {
    let byLoop = Dictionary(grouping: group.map(\.promise)) {
      ObjectIdentifier($0.futureResult.eventLoop)
    }
    for promises in byLoop.values {
      promises[0].futureResult.eventLoop.execute {
        for promise in promises {
          if let error { promise.fail(error) } else { promise.succeed() }
        }
      }
    }
  }
}
