import AuditAPI
import Chassis
import Foundation
import NIOCore
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Transport
import Vocabulary

private let mebi: Int64 = 1 << 20

@Suite struct `Room on a disk` {
  private func level(_ free: Int64, after former: [Int64] = [], _ room: DiskRoom) -> DiskRoom.Level
  {
    var room = room
    for free in former + [free] { _ = room.note(free: free * mebi, total: 4_096 * mebi) }
    return room.level
  }

  @Test func `gives the alarm below four times what is kept, and takes no new work below that`() {
    let room = DiskRoom(reserveMiB: 100)
    let table: [(free: Int64, level: DiskRoom.Level)] = [
      (4_096, .ample), (400, .ample), (399, .scarce), (100, .scarce), (99, .reserved),
      (0, .reserved),
    ]
    for (free, expected) in table { #expect(level(free, room) == expected, "\(free) MiB") }
  }

  @Test func `is left for a better level only with an eighth to spare`() {
    let room = DiskRoom(reserveMiB: 100)
    #expect(level(101, after: [99], room) == .reserved)
    #expect(level(112, after: [99], room) == .reserved)
    #expect(level(113, after: [99], room) == .scarce)
    #expect(level(449, after: [99], room) == .scarce)
    #expect(level(451, after: [99], room) == .ample)
    // What gets worse is never put off.
    #expect(level(99, after: [451], room) == .reserved)
  }

  @Test func `tells a level once, when it changes`() {
    var room = DiskRoom(reserveMiB: 100)
    let told = [500, 399, 398, 99, 98, 120, 500].map {
      room.note(free: $0 * mebi, total: 4_096 * mebi)
    }
    #expect(told == [nil, .scarce, nil, .reserved, nil, .scarce, .ample])
  }

  @Test func `is kept by the platform's word, else 256 MiB, and a sixteenth of a small disk`() {
    for (wished, total, kept) in [
      (nil, 100_000, 256), (nil, 4_096, 256), (nil, 96, 6), (1_000, 96, 1_000), (16, 100_000, 16),
    ] as [(Int?, Int64, Int64)] {
      var room = DiskRoom(reserveMiB: wished)
      _ = room.note(free: total * mebi, total: total * mebi)
      #expect(room.reserve == kept * mebi)
      #expect(room.alarm == 4 * kept * mebi)
    }
  }
}

/// Needs a file system of its own, which only root may mount.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root may mount a disk"))
struct `A service whose disk fills up` {
  private func untilLevel(_ level: DiskRoom.Level, _ street: Street) async throws {
    for _ in 0..<100 where street.process.context.disk.standing.level != level {
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(street.process.context.disk.standing.level == level)
  }

  private func levelsRecorded(_ street: Street) async throws -> [String] {
    try await street.process.context.outbox.batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }.filter { $0.operation == "disk-room" }.map(\.outcome)
  }

  private func slug(_ answer: WireResponse) -> String? {
    (try? JSON.parse(Array(answer.body.readableBytesView)))?["type"]?.string
      .map { String($0.dropFirst(Problem.typePrefix.count)) }
  }

  @Test func `warns, then takes no new work, and goes on when there is room`() async throws {
    // 64 MiB: the alarm below 16, no new work below 4.
    let made = Mutex<SmallDisk?>(nil)
    let street = try await Street { place, _ in
      let disk = try SmallDisk(holding: place.home.path + "/data", megabytes: 64)
      made.withLock { $0 = disk }
    }
    let disk = try #require(made.withLock { $0 }, "mounting a disk is not allowed here")
    defer { disk.remove() }
    let greeting = #"{"name":"Ada"}"#

    try disk.fill(leaving: 10)
    try await untilLevel(.scarce, street)
    #expect(try await street.send(greeting, to: "/v1/greetings").status == 200)

    try disk.fill(leaving: 2)
    try await untilLevel(.reserved, street)
    let before = street.process.context.outbox.pendingCount
    for _ in 0..<20 {
      let refused = try await street.send(greeting, to: "/v1/greetings")
      #expect(refused.status == 503 && slug(refused) == "disk-full")
      #expect(refused.headers["retry-after"] == "60")
    }
    // What is refused for want of room takes none.
    #expect(street.process.context.outbox.pendingCount == before)
    #expect(try await street.send("", to: "/v1/greetings", method: "GET").status == 204)
    #expect(try await street.send("{}", to: "/v1/endings").status == 204)
    #expect(street.process.context.outbox.pendingCount == before + 2)
    let metrics = street.process.context.metrics.exposition()
    #expect(metrics.contains("strongroom_disk_level 2"))
    #expect(metrics.contains("strongroom_disk_refused_total 20"))

    disk.empty()
    try await untilLevel(.ample, street)
    #expect(try await street.send(greeting, to: "/v1/greetings").status == 200)
    #expect(try await levelsRecorded(street) == ["scarce", "reserved", "ample"])
    await street.close()
  }
}
