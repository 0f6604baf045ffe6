import Audit
import AuditAPI
import Chassis
import Glibc
import MerkleLog
import Sealing
import StrictJSON
import TestKit
import Testing
import Vocabulary

@Suite(.onEachStore) struct `The store of records` {
  @Test func `keeps each record once, in order, without a gap`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    let first = try await parts.append(sampleRecords(0..<5))
    #expect(first.fresh.count == 5 && first.duplicates == 0)
    let second = try await parts.append(sampleRecords(3..<8))
    #expect(second.fresh.count == 3 && second.duplicates == 2)
    let third = try await parts.append([sampleRecord(9), sampleRecord(9)])
    #expect(third.fresh.count == 1 && third.duplicates == 1)
    let entries = try #require(try await parts.records.waiting(from: 0, limit: 100))
    #expect(entries.map(\.sequence) == Array(0..<9))
    let expected = (Array(0..<8) + [9]).map { logged(sampleRecord($0)) }
    #expect(entries.map(\.bytes) == expected)
    #expect(try await parts.records.count() == 9)
  }

  @Test func `gives an id one meaning, and records the attempt to change it once`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    _ = try await parts.append([sampleRecord(1)])
    let changed = sampleRecord(1, outcome: "nothing-happened")
    for _ in 0..<2 {
      let decision = try await parts.append([changed, sampleRecord(2)])
      #expect(decision.conflicts.map(\.record.id) == [changed.id])
    }
    let entries = try #require(try await parts.records.waiting(from: 0, limit: 100))
    let records = try entries.map { try StrictJSON.decode(AuditRecord.self, from: $0.bytes) }
    #expect(records.count == 3)
    #expect(records[0].claim == sampleRecord(1) && records[1].claim == sampleRecord(2))
    #expect(records.allSatisfy { $0.received == Bench.clock.now() })
    #expect(records[2].reason == "record-conflict" && records[2].caller == "payments")
    #expect(records[2].detail == ["record": changed.id.description])
  }

  @Test func `finds by correlation and subject, page by page`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    var records: [AuditRecord] = []
    for number in 0..<20 {
      records.append(
        sampleRecord(
          number, subject: number % 2 == 0 ? "even" : "odd", correlation: UInt128(number % 5 + 1)))
    }
    _ = try await parts.append(records)
    let correlation = try #require(CorrelationID(bits: 3))
    let found = try await parts.records.find(.correlation(correlation), after: -1, limit: 100)
    #expect(found.map(\.sequence) == [2, 7, 12, 17])
    let first = try await parts.records.find(.subject("even"), after: -1, limit: 3)
    let rest = try await parts.records.find(.subject("even"), after: 4, limit: 100)
    #expect((first + rest).map(\.sequence) == stride(from: 0, to: 20, by: 2).map { UInt64($0) })
    #expect(try await parts.records.find(.all, after: 17, limit: 100).count == 2)
    #expect(try await parts.records.find(.subject("nobody"), after: -1, limit: 1).isEmpty)
    let entry = try #require(try await parts.records.entry(sampleRecord(7).id))
    #expect(entry.sequence == 7)
    #expect(try await parts.records.entry(sampleRecord(99).id) == nil)
  }

  @Test func `keeps the key sealed`() async throws {
    let bench = try Bench()
    let parts = try await bench.open()
    let kept = try #require(try await parts.records.key())
    #expect(kept.verifierKey == parts.signer.verifierKey.description)
    #expect(kept.sealedSeed.count == 32 + 33)
    let again = try await bench.parts(on: parts.store, log: bench.logPath)
    #expect(again.signer.verifierKey == parts.signer.verifierKey)
  }

  @Test func `seals the key anew after a rotation, once, and opens it with the new key alone`()
    async throws
  {
    let bench = try Bench()
    let parts = try await bench.open()
    let fields = parts.records.sealedFields
    #expect(try await fields.versions() == [1])
    #expect(try await fields.reseal(bench.keyring) == 0)
    let old = [UInt8](repeating: 9, count: 32)
    let new = [UInt8](repeating: 8, count: 32)
    let both = try Keyring(keys: [1: old, 2: new], current: 2)
    #expect(try await fields.reseal(both) == 1)
    #expect(try await fields.reseal(both) == 0)
    #expect(try await fields.versions() == [2])
    let again = try await bench.parts(
      on: parts.store, log: bench.logPath, keyring: Keyring(keys: [2: new], current: 2))
    #expect(again.signer.verifierKey == parts.signer.verifierKey)
  }

  @Test func `has a key that a drill reads beside the owner, however large the store is`()
    async throws
  {
    // About files.
    guard StoreKind.current == .sqlite else { return }
    let bench = try Bench()
    let parts = try await bench.open()
    _ = try await parts.append(sampleRecords(0..<300))
    let taken = try CheckpointKey.taken(
      from: "\(bench.storePath)/audit.sqlite", keyring: bench.keyring)
    #expect(taken.verifierKey == parts.signer.verifierKey)
    let stranger = try Keyring(keys: [1: [UInt8](repeating: 8, count: 32)], current: 1)
    #expect(throws: LogFault.keyUnreadable) {
      try CheckpointKey.taken(from: "\(bench.storePath)/audit.sqlite", keyring: stranger)
    }
  }

  @Test func `takes 5,000 records a second in batches and more, each durable`() async throws {
    // About files.
    guard StoreKind.current == .sqlite else { return }
    let bench = try Bench()
    let parts = try await bench.open()
    try await parts.writer.recover()
    let batches = (0..<40).map { sampleRecords($0 * 500..<($0 + 1) * 500) }
    let clock = ContinuousClock()
    var phases: [Duration] = [.zero, .zero, .zero]
    let cpuBefore = processorTime()
    for batch in batches {
      let start = clock.now
      let prepared = batch.map { PreparedRecord($0, received: Bench.clock.now()) }
      let encoded = clock.now
      _ = try await parts.records.append(prepared, at: Bench.clock.now())
      let stored = clock.now
      try await parts.writer.publish()
      phases[0] += encoded - start
      phases[1] += stored - encoded
      phases[2] += clock.now - stored
    }
    let spent = phases.reduce(.zero, +)
    let cpu = processorTime() - cpuBefore
    let rate = 20_000 / (Double(spent.nanoseconds) / 1e9)
    print(
      "append and publish: \(Int(rate)) records/s, \(cpu.nanoseconds / 20_000_000) µs CPU each "
        + "(debug build; encode \(phases[0]), store \(phases[1]), publish \(phases[2]))")
    #expect(parts.published.statement?.checkpoint.size == 20_000)
    // Far below what is promised, so that a busy machine does not fail the build.
    #expect(rate > 500)
  }
}

/// Processor time of this process so far, all threads.
func processorTime() -> Duration {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
}
