import AuditAPI
import Glibc
import Telemetry
import Vocabulary

/// Looks once a second how much room there is where the service keeps its store, and tells when that changes what is done.
/// With a store on a server it is the room for what the service keeps besides.
struct DiskWatch: Sendable {
  /// Between two looks.
  static let pause: Duration = .seconds(1)

  private let context: ServiceContext

  init(_ context: ServiceContext) { self.context = context }

  func run() async throws {
    while true {
      try await Task.sleep(for: Self.pause)
      await look()
    }
  }

  /// What cannot be measured leaves everything as it was.
  func look() async {
    var facts = statvfs()
    guard statvfs(context.home.dataFolder(of: context.service), &facts) == 0, facts.f_blocks > 0
    else { return }
    let level = context.disk.note(
      free: Self.bytes(facts.f_bavail, of: facts.f_frsize),
      total: Self.bytes(facts.f_blocks, of: facts.f_frsize))
    if let level { await tell(level) }
  }

  private static func bytes(_ blocks: fsblkcnt_t, of size: UInt) -> Int64 {
    let (bytes, isBeyond) = UInt64(blocks).multipliedReportingOverflow(by: UInt64(size))
    return isBeyond ? .max : Int64(clamping: bytes)
  }

  private func tell(_ level: DiskRoom.Level) async {
    let room = context.disk.standing
    let fields: [String: LogValue] = [
      "free_bytes": .count(room.free ?? 0), "alarm_bytes": .count(room.alarm),
      "reserve_bytes": .count(room.reserve),
    ]
    switch level {
    case .ample: context.log.info("there is room on the disk again", fields)
    case .scarce: context.log.warning("the disk is filling up", fields)
    case .reserved: context.log.error("the disk is full: no new work is taken", fields)
    }
    let now = context.clock.now()
    do {
      try await context.recorder.write(
        AuditRecord(
          id: AuditRecordID(at: now, random: context.randomness.bits128()), at: now,
          service: context.service, kind: .platform, correlation: context.newCorrelation(),
          caller: context.service, operation: "disk-room", outcome: level.word,
          detail: [
            "free_bytes": "\(room.free ?? 0)", "alarm_bytes": "\(room.alarm)",
            "reserve_bytes": "\(room.reserve)",
          ]))
    } catch {
      // The last byte may be gone already; the log and `status` say it all the same.
      context.log.warning("how full the disk is could not be recorded", ["why": .text("\(error)")])
    }
  }
}

/// New work is refused while the disk has no more room than is kept for what was begun. Before access is decided, so that a
/// refusal leaves no record: a thousand callers who try again would fill with records what is kept.
struct DiskStage: Stage {
  private let disk: DiskPoint
  init(_ service: ServiceContext) { disk = service.disk }

  func pass(_ passage: Passage, _ next: Next) async throws -> Answer {
    guard let operation = passage.operation else { throw Problem.defect }
    guard disk.admits(operation) else { throw Problem.diskFull }
    return try await next(passage)
  }
}

/// What `GET /readyz` tells of a service's disk.
package struct DiskStanding: SnakeCased, Codable, Sendable, Hashable {
  /// Bytes that can still be written; absent where they cannot be measured.
  package let freeBytes: Int64?
  /// Below it the alarm is given, bytes.
  package let alarmBytes: Int64
  /// Below it no new work is taken, bytes.
  package let reserveBytes: Int64
  /// A `DiskRoom.Level`.
  package let level: String

  init(_ room: DiskRoom) {
    freeBytes = room.free
    alarmBytes = room.alarm
    reserveBytes = room.reserve
    level = room.level.word
  }
}
