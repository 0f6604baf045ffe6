import AuditAPI
import Gateway
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Vocabulary

private func record(_ number: Int) -> AuditRecord {
  AuditRecord(
    id: AuditRecordID(bits: UInt128(number)), at: Instant(seconds: 0), service: "gateway",
    kind: .access, correlation: CorrelationID(bits: 1)!,  // One is not zero.
    caller: "gateway", operation: "x", outcome: AuditRecord.allowed)
}

@Suite struct `The access trail` {
  private let loop = MultiThreadedEventLoopGroup.singleton.next()

  @Test func `writes all decisions, in order and in groups`() async throws {
    let groups = Mutex<[[AuditRecord]]>([])
    let trail = AccessTrail(
      write: { group in groups.withLock { $0.append(group) } }, shedRecord: Recorded.shed)
    let futures = (0..<2_000).map { trail.record(record($0), on: loop) }
    for future in futures { try await future.get() }
    let written = groups.withLock { $0 }
    #expect(written.flatMap { $0 }.map(\.id.bits) == (0..<2_000).map { UInt128($0) })
    #expect(written.allSatisfy { $0.count <= AccessTrail.groupMax })
    #expect(written.count < 2_000, "decisions share a sync")
  }

  @Test func `fails those whose group could not be written, and goes on`() async throws {
    struct DiskFull: Error {}
    let isFull = Mutex(true)
    let trail = AccessTrail(
      write: { _ in if isFull.withLock({ $0 }) { throw DiskFull() } }, shedRecord: Recorded.shed)
    await #expect(throws: DiskFull.self) { try await trail.record(record(1), on: loop).get() }
    isFull.withLock { $0 = false }
    try await trail.record(record(2), on: loop).get()
  }

  @Test func `refuses instead of forgetting when too many wait, and says how many`() async throws {
    let gate = AsyncStream.makeStream(of: Void.self)
    let written = Mutex<[AuditRecord]>([])
    let trail = AccessTrail(
      write: { group in
        var waiting = gate.stream.makeAsyncIterator()
        _ = await waiting.next()
        written.withLock { $0 += group }
      }, shedRecord: Recorded.shed)
    let first = trail.record(record(0), on: loop)
    // The first is on its way to the disk, and the disk does not answer.
    while written.withLock({ $0.isEmpty }), trail.waitingCount > 0 { await Task.yield() }
    let waiting = (1...AccessTrail.waitingMax).map { trail.record(record($0), on: loop) }
    for number in 0..<3 {
      await #expect(throws: AccessTrail.TrailFull.self) {
        try await trail.record(record(100_000 + number), on: loop).get()
      }
    }
    gate.continuation.finish()
    try await first.get()
    for future in waiting { try await future.get() }
    try await trail.record(record(9_999_999), on: loop).get()
    let shed = written.withLock { $0.filter { $0.outcome == "shed" } }
    #expect(shed.map { $0.detail["requests_refused"] } == ["3"])
  }
}
